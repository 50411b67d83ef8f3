// Calls of `nsfc`: what it is given, and what it says. Nothing here knows the editor.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** What a call gave. */
export interface Called {
  /** The exit code; undefined where it could not be started or was ended from outside. */
  readonly code: number | undefined;
  readonly output: string;
  readonly errors: string;
}

/** A path of the settings with `~` and `${workspaceFolder}` written out. */
export function expanded(path: string, workspaceFolder: string | undefined): string {
  const home = path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
  return home.replaceAll("${workspaceFolder}", workspaceFolder ?? "");
}

/** The project of a file: the nearest folder above it with an `nsf.yaml`, else the one that it is in. The compiler does the same. */
export function projectOf(file: string): string {
  const own = dirname(file);
  for (let folder = own; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "nsf.yaml"))) return folder;
    if (folder === dirname(folder)) return own;
  }
}

/** What `nsfc check` is given, so that the problem matcher understands what it says. */
export function checkArguments(project: string): string[] {
  return ["check", "--format", "short", project];
}

/** What `nsfc run` is given. */
export function runArguments(project: string, more: readonly string[]): string[] {
  return ["run", project, ...more];
}

/** What `nsfc test` is given; with a title only the tests that hold it. */
export function testArguments(project: string, title?: string): string[] {
  return title === undefined ? ["test", project] : ["test", project, title];
}

/** What `nsfc graph` is given; with a flow only what it touches. */
export function graphArguments(project: string, flow?: string): string[] {
  return ["graph", ...(flow === undefined ? [] : [flow]), "--project", project, "--format", "svg"];
}

/** Calls a program and waits for its end. */
export function call(program: string, given: readonly string[], folder: string | undefined): Promise<Called> {
  return new Promise((resolve) => {
    execFile(program, given, { cwd: folder, maxBuffer: 64 << 20, windowsHide: true }, (error, output, errors) => {
      const code = error === null ? 0 : error.code;
      resolve({ code: typeof code === "number" ? code : undefined, output, errors: errors || (error?.message ?? "") });
    });
  });
}
