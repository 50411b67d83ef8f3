// The commands of the palette and of the buttons above the text.
import * as vscode from "vscode";

import type { GraphPanel } from "./graph.js";
import { projectOf } from "./program.js";
import type { Server } from "./server.js";
import { task, type Action } from "./tasks.js";

/** Registers them all. Tests give the project's folder and what of it is meant; from the palette it is the file that is shown. */
export function registerCommands(server: Server, graph: GraphPanel): vscode.Disposable[] {
  const registered = (name: string, act: (folder?: unknown, what?: unknown) => Promise<void>): vscode.Disposable =>
    vscode.commands.registerCommand(`nsf.${name}`, act);
  const tasks = (["check", "run", "test"] as const).map((action) => registered(action, (folder, title) => start(action, folder, title)));
  return [
    ...tasks,
    registered("graph", async (folder, flow) => {
      const project = await saved(folder);
      if (project !== undefined) await graph.show(project, text(flow));
    }),
    registered("restart", () => server.restart()),
  ];
}

async function start(action: Action, folder: unknown, title: unknown): Promise<void> {
  const project = await saved(folder);
  if (project !== undefined) await vscode.tasks.executeTask(task(action, project, text(title)));
}

/** The project that is meant, with all that is typed on disk, where `nsfc` reads it. */
async function saved(folder: unknown): Promise<string | undefined> {
  const document = vscode.window.activeTextEditor?.document;
  const shown = document?.uri.scheme === "file" && document.languageId === "nsf" ? projectOf(document.fileName) : undefined;
  const project = text(folder) ?? shown;
  if (project === undefined) {
    void vscode.window.showInformationMessage("Open a .nsf file first: its project is what this is about.");
  } else {
    await vscode.workspace.saveAll(false);
  }
  return project;
}

/** An argument that is a text: the buttons of the editor give addresses. */
function text(given: unknown): string | undefined {
  return typeof given === "string" && given !== "" ? given : undefined;
}
