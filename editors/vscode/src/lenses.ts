// What the server's lenses do: run a test, show the graph of a flow, show the places where a flow may reject a record.
import { join } from "node:path";
import * as vscode from "vscode";

import type { GraphPanel } from "./graph.js";
import { projectOf } from "./program.js";
import { task } from "./tasks.js";

/** The commands of lenses that the extension carries out, as it says to the server. */
export const LENS_COMMANDS = ["nsf.runTest", "nsf.showGraph", "nsf.showRejections"] as const;

interface Place {
  readonly path: string;
  readonly line: number;
}

/** Registers them. Each is given the address of the file that the lens stands in. */
export function registerLenses(graph: GraphPanel): vscode.Disposable[] {
  const [runTest, showGraph, showRejections] = LENS_COMMANDS;
  return [
    vscode.commands.registerCommand(runTest, async (uri: string, title: string) => {
      await vscode.workspace.saveAll(false);
      await vscode.tasks.executeTask(task("test", folderOf(uri), title));
    }),
    vscode.commands.registerCommand(showGraph, async (uri: string, flow: string) => {
      await vscode.workspace.saveAll(false);
      await graph.show(folderOf(uri), flow);
    }),
    vscode.commands.registerCommand(showRejections, async (uri: string, flow: string, places: readonly Place[]) => {
      const folder = folderOf(uri);
      const there = places.map((own) => new vscode.Location(vscode.Uri.file(join(folder, own.path)), new vscode.Position(own.line - 1, 0)));
      const file = vscode.Uri.parse(uri);
      const at = await placeOf(file, flow);
      await vscode.commands.executeCommand("editor.action.showReferences", file, at, there);
    }),
  ];
}

function folderOf(uri: string): string {
  return projectOf(vscode.Uri.parse(uri).fsPath);
}

/** Where the list is shown: at the flow. */
async function placeOf(file: vscode.Uri, flow: string): Promise<vscode.Position> {
  const document = await vscode.workspace.openTextDocument(file);
  const head = new RegExp(`^flow\\s+${flow}\\b`, "mu").exec(document.getText());
  return document.positionAt(head?.index ?? 0);
}
