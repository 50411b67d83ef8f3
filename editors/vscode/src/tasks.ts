// `nsfc check`, `run` and `test` as tasks: in the terminal, and in `tasks.json` of those who want other arguments.
import * as vscode from "vscode";

import { checkArguments, projectOf, runArguments, testArguments } from "./program.js";
import { argumentsOfRun, program } from "./settings.js";

/** The type of the tasks in `tasks.json`. */
export const TASK = "nsf";

/** What a task does. */
export type Action = "check" | "run" | "test";

const ACTIONS: readonly Action[] = ["check", "run", "test"];

interface Definition extends vscode.TaskDefinition {
  readonly command: Action;
  readonly project?: string;
  readonly arguments?: string[];
}

/** A task of a project. */
export function task(command: Action, project: string, title?: string): vscode.Task {
  const given = {
    check: () => checkArguments(project),
    run: () => runArguments(project, argumentsOfRun(vscode.Uri.file(project))),
    test: () => testArguments(project, title),
  }[command]();
  return made({ type: TASK, command, project }, given, vscode.workspace.getWorkspaceFolder(vscode.Uri.file(project)));
}

function made(definition: Definition, given: string[], folder: vscode.WorkspaceFolder | undefined): vscode.Task {
  const execution = new vscode.ProcessExecution(program(), given, folder ? { cwd: folder.uri.fsPath } : {});
  const scope = folder ?? vscode.TaskScope.Workspace;
  const own = new vscode.Task(definition, scope, `nsfc ${definition.command}`, TASK, execution, "$nsfc");
  if (definition.command === "check") own.group = vscode.TaskGroup.Build;
  if (definition.command === "test") own.group = vscode.TaskGroup.Test;
  own.presentationOptions = { clear: true, focus: false, reveal: vscode.TaskRevealKind.Always };
  return own;
}

/** The tasks that can be had without a `tasks.json`, and those that stand in one. */
export class Tasks implements vscode.TaskProvider {
  provideTasks(): vscode.Task[] {
    const file = vscode.window.activeTextEditor?.document;
    const project = file?.languageId === "nsf" ? projectOf(file.fileName) : vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
    return project === undefined ? [] : ACTIONS.map((action) => task(action, project));
  }

  resolveTask(own: vscode.Task): vscode.Task | undefined {
    const definition = own.definition as Partial<Definition>;
    const command = ACTIONS.find((action) => action === definition.command);
    if (!command) return undefined;
    const folder = typeof own.scope === "object" ? own.scope : undefined;
    const project = definition.project ?? folder?.uri.fsPath ?? ".";
    const format = command === "check" ? ["--format", "short"] : [];
    const execution = new vscode.ProcessExecution(program(), [command, ...format, project, ...(definition.arguments ?? [])], folder ? { cwd: folder.uri.fsPath } : {});
    // The editor wants back the definition that it gave.
    return new vscode.Task(own.definition, own.scope ?? vscode.TaskScope.Workspace, own.name, TASK, execution, "$nsfc");
  }
}
