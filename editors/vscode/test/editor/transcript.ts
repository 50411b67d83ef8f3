// What the steps in the editor saw, a line each.
import assert from "node:assert/strict";
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";

/** Milliseconds that something awaited may take. */
const LIMIT = 60_000;

const file = process.env["NSF_TRANSCRIPT"] ?? "";

/** Runs a step; what it gives is what was seen. The first that fails ends all. */
export async function step(name: string, act: () => Promise<string>): Promise<void> {
  try {
    appendFileSync(file, `ok    ${name}: ${await act()}\n`);
  } catch (error) {
    appendFileSync(file, `FAIL  ${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    throw error;
  }
}

/** A line that is no step. */
export function remark(words: string): void {
  appendFileSync(file, `${words}\n`);
}

/** Waits until something is there. */
export async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (const start = Date.now(); Date.now() - start < LIMIT; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const found = await look();
    if (found !== undefined) return found;
  }
  return assert.fail(`waited in vain for ${what}`);
}

/** Has a picture of the window taken; gives what stands in its notifications. */
export async function picture(name: string): Promise<string> {
  const seen = `${file}.seen`;
  rmSync(seen, { force: true });
  writeFileSync(`${file}.shot`, name);
  return until(`the picture ${name}`, () => (existsSync(seen) ? readFileSync(seen, "utf8") : undefined));
}
