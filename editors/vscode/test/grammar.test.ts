// What the grammar says of whole files: those of the language's own description as recorded, and all others without a gap.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { loadWASM, OnigScanner, OnigString } from "vscode-oniguruma";
import { INITIAL, parseRawGrammar, Registry, type IGrammar, type IToken } from "vscode-textmate";

const ROOT = "../..";
const CLASSROOM = join(ROOT, "examples/classroom/classroom");
const RECORDED = "test/snapshots";

/** `UPDATE=1 npm test` records what is now so. */
const UPDATE = process.env["UPDATE"] === "1";

test("the files of the language's description are coloured as recorded", () => {
  const folder = "out/snapshots";
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const files = ["fields.nsf", "live.nsf", "duration.nsf"];
  for (const file of files) {
    copyFileSync(join(CLASSROOM, file), join(folder, file));
    const recorded = join(RECORDED, `${file}.snap`);
    assert.ok(UPDATE || existsSync(recorded), `${recorded} is not there`);
    if (existsSync(recorded)) copyFileSync(recorded, join(folder, `${file}.snap`));
  }
  const given = [...(UPDATE ? ["--updateSnapshot"] : []), `${folder}/*.nsf`];
  const compared = spawnSync("node_modules/.bin/vscode-tmgrammar-snap", given, { encoding: "utf8" });
  assert.equal(compared.status, 0, compared.stdout + compared.stderr);
  if (UPDATE) for (const file of files) copyFileSync(join(folder, `${file}.snap`), join(RECORDED, `${file}.snap`));
});

/** Every program of the tree that has no mistakes. */
const PROGRAMS = ["examples", "stdlib", "bench", "tests/behaviour", "tests/laws", "compiler/cli/template"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".nsf") && !file.includes("target/"))
    .map((file) => join(ROOT, folder, file))
    // A run keeps what it stores in a folder `.nsf`.
    .filter((file) => statSync(file).isFile()),
);

test("in every program of the tree each item is read to its end and nothing is invalid", async () => {
  assert.ok(PROGRAMS.length > 40, `only ${PROGRAMS.length} programs are found`);
  const grammar = await language();
  for (const file of PROGRAMS) {
    const lines = coloured(grammar, readFileSync(file, "utf8"));
    for (const [index, { line, tokens }] of lines.entries()) {
      const where = `${file}:${index + 1}: ${line}`;
      const invalid = tokens.find((token) => token.scopes.some((scope) => scope.startsWith("invalid")));
      assert.equal(invalid, undefined, where);
      // What closes an item in column 0 is the end of its own block, not of one inside of it that was left open.
      const first = tokens[0]?.scopes ?? [];
      if (line.startsWith("}")) assert.deepEqual([first.length, /punctuation\.section\.\w+\.end/.test(first.at(-1) ?? "")], [4, true], where);
      if (/^[a-z]/.test(line)) assert.equal(first.length, 3, `${where}\nis in ${first.join(" ")}`);
    }
  }
});

test("what follows an item that is cut anywhere is coloured as ever", async () => {
  const grammar = await language();
  const text = readFileSync(join(CLASSROOM, "duration.nsf"), "utf8");
  const next = "flow last from stay_segment {\n  verify sane_segment\n  stop when stay == 0s\n}\n";
  const expected = coloured(grammar, next);
  for (let end = 0; end < text.length; end++) {
    const cut = coloured(grammar, `${text.slice(0, end)}\n${next}`).slice(-expected.length);
    assert.deepEqual(cut, expected, `cut at ${end}, behind: ${text.slice(Math.max(0, end - 40), end)}`);
  }
});

test("blocks of Markdown pages that say `nsf` are coloured", async () => {
  const registry = await registryOf({ "source.nsf": "nsf", "markdown.nsf.codeblock": "markdown" });
  const grammar = await registry.loadGrammar("markdown.nsf.codeblock");
  assert.ok(grammar);
  const lines = coloured(grammar, "```nsf\nconst a: int32 = 5\n```\nconst a: int32 = 5\n");
  assert.ok(lines[1]?.tokens[0]?.scopes.includes("keyword.declaration.nsf"));
  assert.ok(!lines[3]?.tokens[0]?.scopes.includes("keyword.declaration.nsf"));
});

interface Line {
  readonly line: string;
  readonly tokens: IToken[];
}

function coloured(grammar: IGrammar, text: string): Line[] {
  let state = INITIAL;
  return text.split("\n").map((line) => {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, state);
    state = ruleStack;
    return { line, tokens };
  });
}

async function language(): Promise<IGrammar> {
  const grammar = await (await registryOf({ "source.nsf": "nsf" })).loadGrammar("source.nsf");
  assert.ok(grammar);
  return grammar;
}

let library: Promise<void> | undefined;

async function registryOf(files: Record<string, string>): Promise<Registry> {
  library ??= loadWASM(readFileSync("node_modules/vscode-oniguruma/release/onig.wasm"));
  await library;
  return new Registry({
    onigLib: Promise.resolve({ createOnigScanner: (patterns) => new OnigScanner(patterns), createOnigString: (text) => new OnigString(text) }),
    loadGrammar: (scope) => {
      const file = files[scope];
      if (file === undefined) return Promise.resolve(null);
      const path = `syntaxes/${file}.tmLanguage.json`;
      return Promise.resolve(parseRawGrammar(readFileSync(path, "utf8"), basename(path)));
    },
  });
}
