// The package that is installed: it unpacks, and all that its manifest names is in it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { test } from "node:test";
import { filesOf } from "./unpacked.js";

interface Manifest {
  readonly name: string;
  readonly publisher: string;
  readonly version: string;
  readonly main: string;
  readonly engines: { readonly vscode: string };
  readonly contributes: {
    readonly languages: { readonly id: string; readonly extensions: string[]; readonly configuration: string }[];
    readonly grammars: { readonly scopeName: string; readonly path: string; readonly language?: string }[];
    readonly snippets: { readonly language: string; readonly path: string }[];
    readonly commands: { readonly command: string; readonly title: string }[];
    readonly menus: Record<string, { readonly command: string }[]>;
    readonly problemMatchers: { readonly pattern: { readonly regexp: string } }[];
    readonly configuration: { readonly properties: Record<string, { readonly default: unknown; readonly scope: string }> };
  };
}

async function unpacked(): Promise<Map<string, string>> {
  const packed = spawnSync("npm", ["run", "--silent", "package"], { encoding: "utf8" });
  assert.equal(packed.status, 0, packed.stdout + packed.stderr);
  return filesOf(readFileSync("out/nsf.vsix"));
}

test("the package holds what its manifest names and nothing else", async () => {
  const files = await unpacked();
  const text = (name: string): string => files.get(name) ?? assert.fail(`${name} is not in the package`);
  const inside = (path: string): string => text(posix.join("extension", path));
  const manifest = JSON.parse(inside("package.json")) as Manifest;
  const { contributes } = manifest;

  // What the gallery and the editor read before they unpack.
  const outer = text("extension.vsixmanifest");
  assert.match(outer, new RegExp(`<Identity Language="en-US" Id="${manifest.name}" Version="${manifest.version}" Publisher="${manifest.publisher}"`));
  assert.match(outer, new RegExp(`Id="Microsoft.VisualStudio.Code.Engine" Value="${manifest.engines.vscode.replace("^", "\\^")}"`));
  for (const [, path] of outer.matchAll(/<Asset [^>]*Path="([^"]+)"/g)) assert.ok(files.has(path ?? ""), `the asset ${path} is not there`);

  const scopes = contributes.grammars.map((grammar) => {
    const own = JSON.parse(inside(grammar.path)) as { scopeName: string };
    assert.equal(own.scopeName, grammar.scopeName);
    return own.scopeName;
  });
  assert.deepEqual(scopes, ["source.nsf", "markdown.nsf.codeblock"]);
  for (const language of contributes.languages) JSON.parse(inside(language.configuration));
  for (const snippets of contributes.snippets) JSON.parse(inside(snippets.path));
  inside(manifest.main);

  const commands = contributes.commands.map((one) => one.command);
  assert.deepEqual(commands, ["nsf.check", "nsf.run", "nsf.test", "nsf.graph", "nsf.restart"]);
  for (const entry of Object.values(contributes.menus).flat()) assert.ok(commands.includes(entry.command), entry.command);

  // What was left in by accident: sources, tests, what they need.
  const known = ["extension/package.json", "extension/readme.md", "extension/LICENSE.txt", "extension/language-configuration.json", "extension/dist/extension.js", "extension/snippets/nsf.json", "extension/syntaxes/markdown.tmLanguage.json", "extension/syntaxes/nsf.tmLanguage.json"];
  assert.deepEqual([...files.keys()].sort(), ["[Content_Types].xml", "extension.vsixmanifest", ...known].sort());
});

test("the problem matcher understands what `nsfc check` says", () => {
  const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
  const pattern = new RegExp(manifest.contributes.problemMatchers[0]?.pattern.regexp ?? "$^");
  const found = pattern.exec("classroom/duration.nsf:43:14: error[E0204]: there is no field `stayy` here (did you mean `stay`?)");
  assert.deepEqual(found?.slice(1), ["classroom/duration.nsf", "43", "14", "error", "E0204", "there is no field `stayy` here (did you mean `stay`?)"]);
});
