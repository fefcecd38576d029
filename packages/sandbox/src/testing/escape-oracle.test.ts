import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { watchHost } from "./escape-oracle.ts";
import { hostileProgram } from "./hostile-programs.ts";

test("the oracle sees a canary that came out, from the environment or from the file", () => {
  const oracle = watchHost();
  expect(oracle.findEscape({ value: "harmless" })).toBeUndefined();
  expect(oracle.findEscape({ stdout: `…${process.env["CAMBIUM_CANARY"]}…` })).toBe("the canary was seen");
  expect(oracle.findEscape([[{ value: readFileSync(oracle.file, "utf8") }]])).toBe("the canary was seen");
  oracle.remove();
  expect(process.env["CAMBIUM_CANARY"]).toBeUndefined();
});

test("the oracle sees a changed prototype and a new global of the host", () => {
  const oracle = watchHost();
  const prototype = Array.prototype as { polluted?: unknown };
  prototype.polluted = true;
  expect(oracle.findEscape(1)).toBe("a prototype of the host was changed");
  delete prototype.polluted;
  const { stringify } = JSON;
  JSON.stringify = (value: unknown) => stringify(value);
  expect(oracle.findEscape(1)).toBe("a prototype of the host was changed");
  JSON.stringify = stringify;
  const host = globalThis as { polluted?: unknown };
  host.polluted = true;
  expect(oracle.findEscape(1)).toBe("the host has a new global polluted");
  delete host.polluted;
  expect(oracle.findEscape(1)).toBeUndefined();
  oracle.remove();
});

test("a seed stands for one program, and seeds for many", () => {
  const programs = Array.from({ length: 300 }, (_, seed) => hostileProgram(seed));
  expect(Array.from({ length: 300 }, (_, seed) => hostileProgram(seed))).toEqual(programs);
  expect(new Set(programs).size).toBe(300);
});
