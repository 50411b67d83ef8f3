// Snippets as they stand in a file when nothing of them is changed: they are of the language, and laid out as `nsfc fmt` would.
import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";

interface Snippet {
  readonly prefix: string;
  readonly description: string;
  readonly body: string | string[];
}

const NSFC = process.env["NSFC"];

/** Where a snippet that is no item stands. */
const AROUND: Record<string, (body: string) => string> = {
  "verify {": step,
  "expand kafka": step,
  match: (body) => `const one: text = ${body}\n`,
  when: step,
  each: step,
};

function step(body: string): string {
  return `flow one from two {\n${body.replaceAll(/^(?=.)/gm, "  ")}\n}\n`;
}

/** Each placeholder as what stands in it; what stands for another one is written out. */
function filled(body: string): string {
  const values = new Map<string, string>();
  const chosen = body.replaceAll(/\$\{(\d+)\|([^,|]*)[^|]*\|\}/g, (_, number: string, first: string) => `\${${number}:${first}}`);
  let text = chosen;
  for (let before = ""; before !== text; ) {
    before = text;
    text = text.replaceAll(/\$\{(\d+):([^${}]*)\}/g, (_, number: string, value: string) => {
      values.set(number, value);
      return value;
    });
    text = text.replaceAll(/\$([1-9]\d*)/g, (whole, number: string) => values.get(number) ?? whole);
  }
  return text.replaceAll("$0", "");
}

test("every snippet is laid out as the formatter would", () => {
  assert.ok(NSFC, "the variable NSFC names the compiler that is asked");
  const snippets = Object.entries(JSON.parse(readFileSync("snippets/nsf.json", "utf8")) as Record<string, Snippet>);
  assert.ok(snippets.length > 15);
  for (const [name, snippet] of snippets) {
    assert.ok(snippet.description, `${name} says what it is for`);
    const body = filled([snippet.body].flat().join("\n"));
    const whole = (AROUND[snippet.prefix] ?? ((text: string) => `${text}\n`))(body).replaceAll(/[ ]+$/gm, "");
    const laid: SpawnSyncReturns<string> = spawnSync(NSFC, ["fmt", "-"], { input: whole, encoding: "utf8" });
    assert.equal(laid.status, 0, `${name} is not of the language:\n${whole}\n${laid.stderr}`);
    // The empty line where the cursor ends is the writer's.
    const empty = (text: string): string => text.replaceAll(/\{\s*\}/g, "{}").replaceAll(/\n\n+(?=\})/g, "\n");
    assert.equal(empty(laid.stdout), empty(whole), name);
  }
});
