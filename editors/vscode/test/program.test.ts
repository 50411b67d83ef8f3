// What `nsfc` is called with, and the page of a graph.
import assert from "node:assert/strict";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";

import { page } from "../src/page.js";
import { call, expanded, graphArguments, projectOf, testArguments } from "../src/program.js";

test("a project is the nearest folder with settings, or else the file's own", () => {
  const example = resolve("../../examples/classroom");
  assert.equal(projectOf(join(example, "classroom/live.nsf")), example);
  assert.equal(projectOf("/nowhere/at/all/a.nsf"), "/nowhere/at/all");
});

test("paths of the settings are written out", () => {
  assert.equal(expanded("~/bin/nsfc", undefined), join(homedir(), "bin/nsfc"));
  assert.equal(expanded("${workspaceFolder}/target/debug/nsfc", "/work"), "/work/target/debug/nsfc");
  assert.equal(expanded("nsfc", "/work"), "nsfc");
});

test("the compiler takes what it is given", async () => {
  const nsfc = process.env["NSFC"] ?? assert.fail("the variable NSFC names the compiler that is asked");
  const project = resolve("../../examples/classroom");
  const drawn = await call(nsfc, graphArguments(project, "plan_duration"), project);
  assert.equal(drawn.code, 0, drawn.errors);
  assert.match(drawn.output, /<svg/);
  const tested = await call(nsfc, testArguments(project, "two devices"), project);
  assert.equal(tested.code, 0, tested.output + tested.errors);
});

test("a program that is not there is told of", async () => {
  const called = await call("/nowhere/nsfc", [], undefined);
  assert.equal(called.code, undefined);
  assert.match(called.errors, /ENOENT/);
});

test("the page of a graph runs nothing and loads nothing", () => {
  const text = page("<svg></svg>", "a <b> & \"c\"");
  assert.match(text, /default-src 'none'/);
  assert.ok(!text.includes("script"));
  assert.match(text, /<title>a &lt;b&gt; &amp; &quot;c&quot;<\/title>/);
});
