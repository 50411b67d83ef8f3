// What a user does in the editor, done by the editor's own commands in its own process of extensions.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as vscode from "vscode";

import { served } from "./served.js";
import { picture, step, until } from "./transcript.js";

/** Called by the editor. */
export async function run(): Promise<void> {
  const root = vscode.workspace.workspaceFolders?.[0]?.uri ?? assert.fail("no folder is open");
  const duration = vscode.Uri.joinPath(root, "classroom/duration.nsf");
  const before = readFileSync(duration.fsPath, "utf8");
  const document = await vscode.workspace.openTextDocument(duration);
  await vscode.window.showTextDocument(document);

  await step("the package is installed and starts with a file", async () => {
    const own = vscode.extensions.getExtension("nsflow.nsf") ?? assert.fail("the extension is not there");
    await until("the extension", () => own.isActive || undefined);
    assert.equal(document.languageId, "nsf");
    const commands = await vscode.commands.getCommands(true);
    for (const name of ["check", "run", "test", "graph", "restart"]) assert.ok(commands.includes(`nsf.${name}`), name);
    return `${own.id} in VS Code ${vscode.version}`;
  });
  await editing(document, before);
  await step("outline", async () => {
    const symbols = await command<vscode.DocumentSymbol[]>("vscode.executeDocumentSymbolProvider", duration);
    const names = symbols.map((symbol) => symbol.name);
    assert.deepEqual(names, ["stay_segment", "plan_info", "plan_stay", "sane_segment", "is_finished", "plan_duration", "two devices never count twice"]);
    return names.join(", ");
  });
  await served(document);
  await tasks(document, before);
  await step("restart of the server", async () => {
    await vscode.commands.executeCommand("nsf.restart");
    await replaced(document, "stay >= plan_len", "stayy >= plan_len");
    await diagnostics(duration, 1);
    await replaced(document, "stayy >= plan_len", "stay >= plan_len");
    await diagnostics(duration, 0);
    return "it says again what is wrong, and that nothing is";
  });
  await step("a compiler that is not there", async () => {
    const settings = vscode.workspace.getConfiguration("nsf");
    await settings.update("path", "/nowhere/nsfc", vscode.ConfigurationTarget.Workspace);
    const told = await until("the message", async () => {
      const said = await picture("no-compiler");
      return said.includes("nsfc cannot be started") ? said : undefined;
    });
    await settings.update("path", undefined, vscode.ConfigurationTarget.Workspace);
    return told;
  });
}

async function editing(document: vscode.TextDocument, before: string): Promise<void> {
  await step("diagnostics as you type", async () => {
    await diagnostics(document.uri, 0);
    await replaced(document, "stay >= plan_len", "stayy >= plan_len");
    const [own] = await diagnostics(document.uri, 1);
    const at = document.getText(own?.range);
    // A code with a page has its address beside it.
    const code = typeof own?.code === "object" ? own.code.value : own?.code;
    assert.deepEqual([own?.source, code, at], ["nsf", "E0204", "stayy"]);
    await vscode.window.showTextDocument(document, { selection: own?.range ?? assert.fail("it has no place") });
    await picture("diagnostic");
    return own?.message ?? "";
  });
  await step("quick fix", async () => {
    const [own] = vscode.languages.getDiagnostics(document.uri);
    const actions = await command<vscode.CodeAction[]>("vscode.executeCodeActionProvider", document.uri, own?.range, vscode.CodeActionKind.QuickFix.value);
    const [fix] = actions;
    assert.equal(fix?.isPreferred, true);
    await vscode.workspace.applyEdit(fix.edit ?? assert.fail("it changes nothing"));
    await diagnostics(document.uri, 0);
    assert.equal(document.getText(), before);
    return fix.title;
  });
  await step("format", async () => {
    await replaced(document, "  key:  stu_id", "      key:stu_id");
    await vscode.commands.executeCommand("editor.action.formatDocument");
    await until("the one format", () => document.getText() === before || undefined);
    return "`      key:stu_id` is `  key:  stu_id` again";
  });
}

async function tasks(document: vscode.TextDocument, before: string): Promise<void> {
  const ran = async (name: string): Promise<number | undefined> => {
    const ended = new Promise<number | undefined>((resolve) => {
      const listening = vscode.tasks.onDidEndTaskProcess((event) => {
        listening.dispose();
        resolve(event.exitCode);
      });
    });
    await vscode.commands.executeCommand(`nsf.${name}`);
    return ended;
  };
  for (const name of ["check", "test", "run"]) {
    await step(`command ${name}`, async () => {
      const code = await ran(name);
      await picture(name);
      assert.equal(code, 0);
      return "exit 0";
    });
  }
  await step("what check says of files that are not open", async () => {
    const live = vscode.Uri.joinPath(document.uri, "../live.nsf");
    const file = readFileSync(live.fsPath);
    await vscode.workspace.fs.writeFile(live, Buffer.from(file.toString().replace("homework_state(status)", "homework_stat(status)")));
    const code = await ran("check");
    const [own] = await diagnostics(live, 1);
    await vscode.workspace.fs.writeFile(live, file);
    await until("the file as it was", () => vscode.languages.getDiagnostics(live).every((one) => one.source !== "nsf") || undefined).catch(() => undefined);
    assert.equal(code, 1);
    assert.equal(document.getText(), before);
    return `exit 1, ${own?.message ?? ""}`;
  });
  await step("graph", async () => {
    await vscode.commands.executeCommand("workbench.action.closePanel");
    await vscode.commands.executeCommand("nsf.graph");
    const label = await until("the panel", () => vscode.window.tabGroups.all.flatMap((group) => group.tabs).find((tab) => tab.input instanceof vscode.TabInputWebview)?.label);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await picture("graph");
    assert.equal(label, "Graph: classroom");
    return label;
  });
}

async function command<T>(name: string, ...given: unknown[]): Promise<T> {
  const result = await vscode.commands.executeCommand<T | undefined>(name, ...given);
  return result ?? assert.fail(`${name} has no answer`);
}

async function diagnostics(uri: vscode.Uri, count: number): Promise<vscode.Diagnostic[]> {
  return until(`${count} diagnostics`, () => {
    const found = vscode.languages.getDiagnostics(uri);
    return found.length === count ? found : undefined;
  });
}

/** Types over a text. */
async function replaced(document: vscode.TextDocument, old: string, fresh: string): Promise<void> {
  const at = document.getText().indexOf(old);
  assert.ok(at >= 0, `\`${old}\` is not there`);
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, new vscode.Range(document.positionAt(at), document.positionAt(at + old.length)), fresh);
  assert.ok(await vscode.workspace.applyEdit(edit));
}
