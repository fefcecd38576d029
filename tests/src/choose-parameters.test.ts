/** The app that compares counts and places of trained parameters, as a subprocess. */
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";
import { fromSources } from "./children.ts";

function chooseParameters(...args: string[]) {
  const command = [...fromSources, "apps/choose-parameters/src/main.ts", ...args];
  return spawnSync(process.execPath, command, { cwd: root, encoding: "utf8" });
}

test("a quick run compares all ways, and as many scalars as LoRA are as many", () => {
  const { status, stdout, stderr } = chooseParameters("--quick");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const rows = stdout.split("\n").filter((line) => / ± /.test(line));
  expect(rows.map((row) => row.split(/ {2,}/)[0])).toEqual([
    "the head alone",
    "1000 scalars anywhere",
    "as many as LoRA, anywhere",
    "LoRA, rank 8 on queries and values",
    "all weights",
  ]);
  const trained = rows.map((row) => Number(row.split(/ {2,}/)[1]!.replaceAll(",", "")));
  expect(trained.slice(0, 4)).toEqual([1032, 2032, 1032 + 8192, 1032 + 8192]); // a head of 8 classes: 8 · 128 + 8
});

test("a task that there is not is wrong use, said in one line", () => {
  const { status, stderr } = chooseParameters("--task", "emoji-grup");
  expect(status).toBe(2);
  expect(stderr).toMatch(/^choose-parameters: .* was "emoji-group" meant\n$/);
});
