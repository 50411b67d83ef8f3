// The client of the language server: one process of `nsfc lsp` for the window.
import * as vscode from "vscode";
import { LanguageClient, TransportKind, type StaticFeature } from "vscode-languageclient/node";

import { LENS_COMMANDS } from "./lenses.js";
import { call } from "./program.js";
import { program } from "./settings.js";

/** The language server, started and ended. */
export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;

  constructor(private readonly output: vscode.LogOutputChannel) {}

  /** Starts it. Where there is no `nsfc` the user is told what to do; colours and snippets work all the same. */
  async start(): Promise<void> {
    const nsfc = program();
    const version = await call(nsfc, ["--version"], undefined);
    if (version.code !== 0) {
      this.output.error(`${nsfc} cannot be started: ${version.errors.trim()}`);
      // The message stays until the user has read it; nothing waits for that.
      void missing(nsfc);
      return;
    }
    this.output.info(`${version.output.trim()} is ${nsfc}`);
    this.client = new LanguageClient(
      "nsf",
      "NSF",
      { command: nsfc, args: ["lsp"], transport: TransportKind.stdio },
      { documentSelector: [{ scheme: "file", language: "nsf" }], outputChannel: this.output, traceOutputChannel: this.output },
    );
    this.client.registerFeature(carriesOut);
    await this.client.start();
  }

  /** Ends it, where it runs. */
  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    await client?.dispose();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  dispose(): void {
    void this.stop();
  }
}

/** Says which commands of lenses are carried out here: the server offers no others. */
const carriesOut: StaticFeature = {
  fillClientCapabilities(capabilities) {
    capabilities.experimental = { ...(capabilities.experimental as object | undefined), commands: LENS_COMMANDS };
  },
  initialize() {
    // Nothing to register: the word to the server is all there is.
  },
  getState: () => ({ kind: "static" }),
  clear() {
    // Nothing is kept.
  },
};

async function missing(nsfc: string): Promise<void> {
  const settings = "Open Settings";
  const words = `The compiler nsfc cannot be started as \`${nsfc}\`. Install it with \`cargo install --path compiler/cli\`, or say in the settings where it is.`;
  const chosen = await vscode.window.showErrorMessage(words, settings);
  if (chosen === settings) await vscode.commands.executeCommand("workbench.action.openSettings", "nsf.path");
}
