// The graph of a project, beside its text.
import { basename } from "node:path";
import * as vscode from "vscode";

import { page } from "./page.js";
import { call, graphArguments } from "./program.js";
import { program } from "./settings.js";

/** One panel for the window; it is drawn anew when a file of its project is saved. */
export class GraphPanel implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private shown: { readonly project: string; readonly flow: string | undefined } | undefined;
  private readonly saves: vscode.Disposable;

  constructor() {
    this.saves = vscode.workspace.onDidSaveTextDocument(async (document) => {
      if (this.panel && this.shown && document.languageId === "nsf") await this.show(this.shown.project, this.shown.flow);
    });
  }

  /** Shows the graph of a project, or of one of its flows. */
  async show(project: string, flow?: string): Promise<void> {
    const drawn = await call(program(), graphArguments(project, flow), project);
    // Of a project with mistakes there is a picture of what was understood. Where there is none, the last one stays.
    const picture = drawn.output.indexOf("<svg");
    if (picture < 0) {
      if (!this.panel) void vscode.window.showErrorMessage(`nsfc draws no graph: ${drawn.errors.trim().split("\n")[0] ?? ""}`);
      return;
    }
    this.shown = { project, flow };
    const title = `Graph: ${flow ?? basename(project)}`;
    this.panel ??= this.opened();
    this.panel.title = title;
    this.panel.webview.html = page(drawn.output.slice(picture), title);
  }

  dispose(): void {
    this.saves.dispose();
    this.panel?.dispose();
  }

  private opened(): vscode.WebviewPanel {
    const beside = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    const panel = vscode.window.createWebviewPanel("nsf.graph", "Graph", beside, { enableScripts: false });
    panel.onDidDispose(() => {
      this.panel = undefined;
    });
    return panel;
  }
}
