import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { extractSnippets, parseSnippets } from "../../scripts/snippets.mjs";
import { fromSources } from "./children.ts";

const page = [
  "# Page",
  "",
  "<!-- context",
  "declare const x: number;",
  "-->",
  "",
  "```ts run",
  "const y = x;",
  "```",
  "",
  "```ts",
  "f();",
  "```",
  "",
];

test("a snippet keeps the line numbers of its page, and so does its context", () => {
  const [first, second] = parseSnippets("README.md", page.join("\n"));
  expect(first?.source.split("\n").slice(0, 8)).toEqual([
    "",
    "",
    "",
    "declare const x: number;",
    "",
    "",
    "",
    "const y = x;",
  ]);
  expect(first).toMatchObject({ page: "README.md", line: 8, run: true });
  expect(second?.source).toBe(`${"\n".repeat(11)}f();\nexport {};\n`);
  expect(second).toMatchObject({ line: 12, run: false });
});

const runnable = extractSnippets(join(import.meta.dirname, "../node_modules/.cache/runnable")).filter(({ run }) => run);

test.for(runnable)("the program at $page:$line runs", ({ file }) => {
  const cwd = mkdtempSync(join(tmpdir(), "cambium-snippet-"));
  onTestFinished(() => rmSync(cwd, { recursive: true }));
  const { status, stderr } = spawnSync(process.execPath, [...fromSources, file], { cwd, encoding: "utf8" });
  expect(status, stderr).toBe(0);
});
