// Drives a real VS Code: the server that runs its extensions, a headless Chromium that shows it, and the package as a user
// installs it. `steps.ts` is what happens inside.
//
// CODE_SERVER is the start file of code-server, CHROMIUM the browser, NSFC the compiler; SHOTS, where it is given, the folder of pictures.
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import puppeteer, { type Browser, type Page } from "puppeteer-core";

/** Milliseconds after which the start, or all of the steps, count as failed. */
const LIMIT = 300_000;

function given(name: string): string {
  return process.env[name] ?? assert.fail(`the variable ${name} is not set`);
}

const [codeServer, chromium, nsfc] = [given("CODE_SERVER"), given("CHROMIUM"), resolve(given("NSFC"))];
const shots = resolve(process.env["SHOTS"] ?? "out/shots");
const folder = mkdtempSync(join(tmpdir(), "nsf-vscode-"));
const [user, extensions, workspace, driver, transcript] = ["user", "extensions", "classroom", "driver", "transcript"].map((name) => join(folder, name)) as [string, string, string, string, string];

/** What code-server is told of where it may write. */
const places = ["--user-data-dir", user, "--extensions-dir", extensions, "--config", join(folder, "config.yaml")];

function prepare(): void {
  cpSync("../../examples/classroom", workspace, { recursive: true, filter: (from) => !from.endsWith("/.nsf") });
  mkdirSync(driver);
  cpSync("out/editor/steps.js", join(driver, "steps.js"));
  writeFileSync(join(driver, "package.json"), JSON.stringify({ name: "driver", publisher: "nsflow", version: "0.0.0", engines: { vscode: "*" } }));
  mkdirSync(join(user, "Machine"), { recursive: true });
  const inputs = ["stay_seg=data/stay_seg.ndjson", "plan_info=data/plan.ndjson", "arris_DW_live=data/live.ndjson"];
  const settings = { "nsf.path": nsfc, "nsf.run.arguments": ["--fresh", ...inputs.flatMap((input) => ["--input", input])], "extensions.autoCheckUpdates": false };
  writeFileSync(join(user, "Machine", "settings.json"), JSON.stringify(settings));
  writeFileSync(join(folder, "config.yaml"), "auth: none\n");
  mkdirSync(shots, { recursive: true });
  const installed = spawnSync(process.execPath, [codeServer, ...places, "--install-extension", resolve("out/nsf.vsix")], { encoding: "utf8" });
  assert.match(installed.stdout, /successfully installed/, installed.stdout + installed.stderr);
}

/** Starts the server; gives its address. */
async function started(): Promise<[ChildProcess, string]> {
  const flags = ["--auth", "none", "--bind-addr", "127.0.0.1:0", "--disable-telemetry", "--disable-update-check", "--disable-workspace-trust"];
  const environment = { ...process.env, NSF_TRANSCRIPT: transcript, VSCODE_PROXY_URI: "" };
  // What it says beside is of its gallery, which is not asked for anything here. A group of its own ends with all that it starts.
  const server = spawn(process.execPath, [codeServer, ...places, ...flags], { env: environment, stdio: ["ignore", "pipe", "ignore"], detached: true });
  const address = await new Promise<string>((resolved, rejected) => {
    let said = "";
    server.stdout.on("data", (part: Buffer) => {
      said += part.toString();
      const found = /listening on (http:\/\/\S+?)\/?\s/.exec(said);
      if (found?.[1] !== undefined) resolved(found[1]);
    });
    server.on("exit", () => {
      rejected(new Error(`code-server ended:\n${said}`));
    });
    setTimeout(() => {
      rejected(new Error(`code-server does not start:\n${said}`));
    }, LIMIT).unref();
  });
  return [server, address];
}

/** Shows the workspace with the steps as its test; gives the exit code of them. */
async function driven(page: Page, address: string): Promise<number> {
  const code = new Promise<number>((resolved, rejected) => {
    void page.exposeFunction("codeAutomationExit", resolved);
    setTimeout(() => {
      rejected(new Error("the steps do not end"));
    }, LIMIT).unref();
  });
  await page.exposeFunction("codeAutomationLog", () => undefined);
  const remote = address.replace("http:", "vscode-remote:");
  const payload = [
    ["extensionDevelopmentPath", remote + driver],
    ["extensionTestsPath", remote + join(driver, "steps")],
    ["skipWelcome", "true"],
    ["skipReleaseNotes", "true"],
  ];
  await page.goto(`${address}/?folder=${encodeURIComponent(workspace)}&payload=${encodeURIComponent(JSON.stringify(payload))}`);
  pictures(page);
  return code;
}

/** A picture each time that the steps ask for one, and what stands in notifications. */
function pictures(page: Page): void {
  const timer = setInterval(() => {
    const asked = join(folder, "transcript.shot");
    if (!existsSync(asked)) return;
    const name = readFileSync(asked, "utf8");
    if (name === "") return;
    const texts = page.evaluate(`Array.from(document.querySelectorAll(".notification-list-item-message"), (one) => one.textContent).join("\\n")`) as Promise<string>;
    const taken = Promise.all([texts, page.screenshot({ path: `${shots}/${name}.png` })]);
    rmSync(asked);
    void taken.then(([said]) => {
      writeFileSync(join(folder, "transcript.seen"), said);
    });
  }, 100);
  timer.unref();
}

/** Ends the server and what it has started. */
async function ended(server: ChildProcess, group: number): Promise<void> {
  server.removeAllListeners("exit");
  const gone = new Promise((resolve) => server.once("exit", resolve));
  process.kill(-group, "SIGTERM");
  await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 5000))]);
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // All of them are gone.
  }
}

async function main(): Promise<void> {
  let browser: Browser | undefined;
  let server: ChildProcess | undefined;
  try {
    prepare();
    const [running, address] = await started();
    server = running;
    browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-gpu"] });
    const page = await browser.newPage();
    await page.setViewport({ width: 1400, height: 900 });
    const code = await driven(page, address).finally(() => {
      if (existsSync(transcript)) console.log(readFileSync(transcript, "utf8"));
    });
    assert.equal(code, 0, "a step has failed");
    console.log(`pictures are in ${shots}`);
  } finally {
    await browser?.close();
    if (server?.pid !== undefined) await ended(server, server.pid);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
