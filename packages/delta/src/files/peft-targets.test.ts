import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { matchPeftTargets, type PeftTargeting } from "./peft-targets.ts";

// Made by PEFT's own function: see make_targets.py beside it.
const { paths, cases } = JSON.parse(
  readFileSync(new URL("../../fixtures/peft/targets.json", import.meta.url), "utf8"),
) as { paths: string[]; cases: { config: PeftTargeting; matched: string[] }[] };

test.each(cases)("$config targets what PEFT's own rule targets", ({ config, matched }) => {
  expect(matchPeftTargets(paths, config).matched).toEqual(matched);
});

test("names and expressions that target nothing are told", () => {
  expect(matchPeftTargets(paths, { target_modules: ["query", "vlaue"] }).unused).toEqual(["vlaue"]);
  expect(matchPeftTargets(paths, { target_modules: "nothing.*" }).unused).toEqual(["nothing.*"]);
  expect(matchPeftTargets(paths, { target_modules: ".*query" }).unused).toEqual([]);
});

test("a Python named group is understood", () => {
  expect(matchPeftTargets(paths, { target_modules: String.raw`(?P<path>.*\.)?pooler\.dense` }).matched).toEqual([
    "bert.pooler.dense",
  ]);
});
