// The settings of the editor that concern this extension.
import * as vscode from "vscode";

import { expanded } from "./program.js";

/** The `nsfc` that is started. */
export function program(): string {
  const path = vscode.workspace.getConfiguration("nsf").get<string>("path", "nsfc");
  return expanded(path || "nsfc", vscode.workspace.workspaceFolders?.[0]?.uri.fsPath);
}

/** What follows `nsfc run PROJECT`. */
export function argumentsOfRun(scope: vscode.Uri): string[] {
  return vscode.workspace.getConfiguration("nsf", scope).get<string[]>("run.arguments", []);
}
