// What the language server has for the editor, a step a request. One that it does not serve is told of as not shown.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as vscode from "vscode";

import { remark, step, until } from "./transcript.js";

type Capabilities = Record<string, unknown>;

/** What the server says of itself. */
async function capabilities(nsfc: string): Promise<Capabilities> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: { processId: process.pid, rootUri: null, capabilities: {} } });
  const server = spawn(nsfc, ["lsp"], { stdio: ["pipe", "pipe", "ignore"] });
  let said = "";
  server.stdout.on("data", (part: Buffer) => (said += part.toString()));
  server.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  server.stdin.end();
  await new Promise((resolve) => server.once("exit", resolve));
  const answer = JSON.parse(said.slice(said.indexOf("{"))) as { result: { capabilities: Capabilities } };
  return answer.result.capabilities;
}

function tabs(): vscode.Tab[] {
  return vscode.window.tabGroups.all.flatMap((group) => group.tabs);
}

/** Asks for all of it, in a project without mistakes. */
export async function served(document: vscode.TextDocument): Promise<void> {
  const provided = await capabilities(vscode.workspace.getConfiguration("nsf").get<string>("path", "nsfc"));
  const asked = async (name: string, provider: string, act: () => Promise<string>): Promise<void> => {
    if (provided[provider] === undefined || provided[provider] === false) remark(`NOT SHOWN: vscode: ${name}: this nsfc has no ${provider}`);
    else await step(name, act);
  };
  const at = (text: string, into = 1): vscode.Position => {
    const offset = document.getText().indexOf(text);
    assert.ok(offset >= 0, `\`${text}\` is not there`);
    return document.positionAt(offset + into);
  };
  const ask = async <T>(command: string, ...more: unknown[]): Promise<T> => {
    const answer = await vscode.commands.executeCommand<T | undefined>(`vscode.${command}`, document.uri, ...more);
    return answer ?? assert.fail(`${command} has no answer`);
  };
  const whole = new vscode.Range(new vscode.Position(0, 0), document.lineAt(document.lineCount - 1).range.end);

  await asked("hover", "hoverProvider", async () => {
    const [hover] = await ask<vscode.Hover[]>("executeHoverProvider", at("load      plan_stay", 12));
    const text = hover?.contents.map((one) => (one instanceof vscode.MarkdownString ? one.value : JSON.stringify(one))).join(" | ") ?? "";
    assert.match(text, /plan_stay/);
    return text.replaceAll("\n", " | ");
  });
  await asked("completion", "completionProvider", async () => {
    const list = await ask<vscode.CompletionList>("executeCompletionItemProvider", at("stop      when stay ==", 18));
    const labels = list.items.map((item) => (typeof item.label === "string" ? item.label : item.label.label));
    assert.ok(labels.includes("stay"), labels.join(", "));
    return `${labels.length} items, among them ${labels.slice(0, 6).join(", ")}`;
  });
  await asked("definition", "definitionProvider", async () => {
    const [found] = await ask<(vscode.Location | vscode.LocationLink)[]>("executeDefinitionProvider", at("verify    sane_segment", 12));
    const range = found instanceof vscode.Location ? found.range : found?.targetSelectionRange;
    assert.equal(document.getText(range), "sane_segment");
    return `line ${(range?.start.line ?? 0) + 1}`;
  });
  await asked("references", "referencesProvider", async () => {
    const found = await ask<vscode.Location[]>("executeReferenceProvider", at("state plan_stay", 8));
    assert.ok(found.length >= 5);
    return `${found.length} places`;
  });
  await asked("rename", "renameProvider", async () => {
    const before = document.getText();
    for (const [old, fresh] of [["plan_stay", "stay_of_plan"], ["stay_of_plan", "plan_stay"]] as const) {
      const edit = await ask<vscode.WorkspaceEdit>("executeDocumentRenameProvider", at(`state ${old}`, 8), fresh);
      assert.ok(await vscode.workspace.applyEdit(edit));
      assert.ok(!document.getText().includes(old));
    }
    await vscode.commands.executeCommand("editor.action.formatDocument");
    assert.equal(document.getText(), before);
    return "`plan_stay` is `stay_of_plan` everywhere, and back";
  });
  await asked("signature help", "signatureHelpProvider", async () => {
    const help = await ask<vscode.SignatureHelp>("executeSignatureHelpProvider", at("union(plan_stay", 6));
    return help.signatures[0]?.label ?? assert.fail("no signature");
  });
  await asked("semantic tokens", "semanticTokensProvider", async () => {
    const tokens = await ask<vscode.SemanticTokens>("provideDocumentSemanticTokens");
    assert.ok(tokens.data.length > 100);
    return `${tokens.data.length / 5} tokens`;
  });
  await asked("inlay hints", "inlayHintProvider", async () => `${(await ask<vscode.InlayHint[]>("executeInlayHintProvider", whole)).length} hints`);
  await asked("folding", "foldingRangeProvider", async () => {
    const ranges = await ask<vscode.FoldingRange[]>("executeFoldingRangeProvider");
    assert.ok(ranges.length > 5);
    return `${ranges.length} ranges`;
  });
  await asked("selection", "selectionRangeProvider", async () => {
    const [range] = await ask<vscode.SelectionRange[]>("executeSelectionRangeProvider", [at("stay >= plan_len", 1)]);
    assert.ok(range?.parent);
    return document.getText(range.parent.range).split("\n")[0] ?? "";
  });
  await asked("code lenses", "codeLensProvider", async () => {
    const lenses = await ask<vscode.CodeLens[]>("executeCodeLensProvider", 50);
    const known = new Set(await vscode.commands.getCommands(true));
    const titles = lenses.map((lens) => lens.command?.title ?? "");
    assert.ok(titles.includes("Run test") && titles.includes("Show graph"), titles.join(", "));
    for (const lens of lenses) if (lens.command?.command) assert.ok(known.has(lens.command.command), `${lens.command.command} is no command`);
    const graph = lenses.find((lens) => lens.command?.title === "Show graph")?.command ?? assert.fail("no graph");
    await vscode.commands.executeCommand(graph.command, ...(graph.arguments as unknown[]));
    await vscode.window.tabGroups.close(await until("the graph's tab", () => tabs().find((tab) => tab.label === "Graph: plan_duration")));
    const places = lenses.find((lens) => lens.command?.title.includes("may reject"))?.command ?? assert.fail("no places");
    await vscode.commands.executeCommand(places.command, ...(places.arguments as unknown[]));
    await vscode.commands.executeCommand("closeReferenceSearch");
    return titles.join(", ");
  });
}
