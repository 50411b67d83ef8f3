// The extension: what starts with the first `.nsf` file that is opened, and ends with the window.
import * as vscode from "vscode";

import { registerCommands } from "./commands.js";
import { GraphPanel } from "./graph.js";
import { registerLenses } from "./lenses.js";
import { Server } from "./server.js";
import { TASK, Tasks } from "./tasks.js";

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const output = vscode.window.createOutputChannel("NSF", { log: true });
  const graph = new GraphPanel();
  server = new Server(output);
  context.subscriptions.push(
    output,
    graph,
    ...registerCommands(server, graph),
    ...registerLenses(graph),
    vscode.tasks.registerTaskProvider(TASK, new Tasks()),
    vscode.workspace.onDidChangeConfiguration(async (event) => {
      if (event.affectsConfiguration("nsf.path")) await server?.restart();
    }),
  );
  await server.start();
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}
