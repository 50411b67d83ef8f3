// Drives the page in a headless Chromium against a real `nsfc playground`, and says each step.
//   node test/drive.mjs NSFC FOLDER-FOR-PICTURES [CHROMIUM]

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [nsfc, pictures, browser = "/usr/bin/chromium"] = process.argv.slice(2);
await mkdir(pictures, { recursive: true });

/** Starts the playground; gives its address. */
function playground(...args) {
  const child = spawn(nsfc, ["playground", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (part) => {
      said += part;
      const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(said)?.[0];
      if (url) resolve({ child, url });
    });
    child.on("exit", (code) => reject(new Error(`nsfc playground ended with ${code}: ${said}`)));
  });
}

const step = (words) => console.log(`playground: ${words}`);
const { child, url } = await playground();
const chrome = await chromium.launch({
  executablePath: browser,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"],
});
try {
  const page = await chrome.newPage({ viewport: { width: 1400, height: 860 } });
  const failures = [];
  page.on("pageerror", (error) => failures.push(error.message));
  // A program with errors cannot be asked for its input: the browser notes such an answer, and the page shows why.
  const isAnswer = (text) => text.startsWith("Failed to load resource") && text.includes("400");
  page.on("console", (own) => own.type() === "error" && !isAnswer(own.text()) && failures.push(own.text()));
  await page.goto(url);
  await page.getByText("flow", { exact: true }).first().waitFor();
  step(`the page shows the example in an editor (${await page.title()})`);

  const area = page.getByLabel("example.orders");
  await area.waitFor();
  const sample = await area.inputValue();
  assert.equal(sample.trim().split("\n").length, 4);
  step("the input comes from the program's test: 4 records of example.orders");

  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByText("4 records, 1 rejected").waitFor();
  await page.getByRole("heading", { name: /big_spenders/ }).waitFor();
  const output = await page.locator("#panel").innerText();
  assert.match(output, /"customer":"ann","total":1100\.5/);
  await page.screenshot({ path: join(pictures, "output.png") });
  step("a run shows what was sent: big_spenders has ann with 1100.5");

  await page.getByRole("tab", { name: /^State/ }).click();
  assert.match(await page.locator("#panel").innerText(), /"total":1100\.5,"count":2/);
  step("and what is kept: spent of ann is 1100.5 in 2 orders");

  await page.getByRole("tab", { name: /^Rejected/ }).click();
  const rejected = await page.locator("#panel").innerText();
  assert.match(rejected, /R0301 example\.nsf:\d+\s+amount must be above 0/);
  await page.screenshot({ path: join(pictures, "rejected.png") });
  step("and what was rejected, with its place: amount must be above 0");

  // More input than the test gives.
  await page.getByRole("tab", { name: "Input" }).click();
  await area.fill(`${sample}{"order_id":"d","customer":"bob","amount":"many","at":"2024-05-01T13:00:00Z"}\n`);
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByText("5 records, 2 rejected").waitFor();
  step("input is typed: a record of another type is rejected as well");

  await page.getByRole("tab", { name: "Graph" }).click();
  await page.locator("#panel svg").waitFor();
  assert.ok((await page.locator("#panel svg").innerHTML()).includes("spending"));
  await page.screenshot({ path: join(pictures, "graph.png") });
  step("the graph is shown");

  // A mistake, its message, its fix.
  const typed = async (from, to) => {
    const line = page.locator(".cm-line", { hasText: from }).first();
    await line.click();
    await page.keyboard.press("Home");
    await page.keyboard.press("Shift+End");
    await page.keyboard.type(to);
  };
  await typed("load   spent", "load   spnt");
  await page.locator(".cm-lintRange-error").first().waitFor();
  await page.getByRole("tab", { name: /^Problems/ }).click();
  await page.locator("#panel .problem").first().waitFor();
  const problem = await page.locator("#panel .problem").first().innerText();
  assert.match(problem, /E02\d\d example\.nsf:\d+/);
  assert.match(problem, /spnt/);
  const fix = page.locator("#panel .fixes button").first();
  await fix.waitFor();
  await page.screenshot({ path: join(pictures, "problem.png") });
  step(`a mistake is marked and said as it is typed: ${problem.split("\n").slice(0, 2).join(" ")}`);
  await fix.click();
  await page.getByText("Nothing is wrong.").waitFor();
  step("its fix is a button, and nothing is wrong afterwards");

  // What the editor knows.
  await page.locator(".cm-line", { hasText: "load   spent" }).first().click();
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.keyboard.type("calculate { half = spent.");
  const offered = page.locator(".cm-tooltip-autocomplete");
  try {
    await offered.waitFor({ timeout: 5000 });
    assert.match(await offered.innerText(), /total/);
    await page.screenshot({ path: join(pictures, "completion.png") });
    step(`completion behind a dot: ${(await offered.innerText()).split("\n").slice(0, 4).join(", ")}`);
  } catch (error) {
    if (process.env.NSF_PLAYGROUND_WITHOUT_COMPLETION !== "1") throw error;
    step("NOT SHOWN: completion");
  }
  await page.keyboard.press("Escape");
  await page.keyboard.press("Shift+Home");
  await page.keyboard.press("Backspace");
  await page.keyboard.press("Backspace");

  // Nobody else may ask.
  const refused = async (headers) => (await fetch(`${url}run`, { method: "POST", headers, body: "{}" })).status;
  assert.equal(await refused({}), 403);
  assert.equal(await refused({ "x-nsf-word": "guessed" }), 403);
  step("a request without the page's word is refused");
  assert.deepEqual(failures, []);
} finally {
  await chrome.close();
  child.removeAllListeners("exit");
  child.kill();
}
