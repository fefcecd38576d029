import { expect, test } from "vitest";
import { compile, configureOnnx } from "./register.ts";

test("an option that does not exist names the nearest, and a number that counts nothing is refused", () => {
  const configure = configureOnnx as (options: object) => void;
  expect(() => configure({ thread: 2 })).toThrow('configureOnnx: unknown option "thread"; is "threads" meant?');
  expect(() => configure({ threads: 0 })).toThrow('"threads" must be a whole number from 1 on, got 0');
  expect(() => configure({ maxSessions: 1.5 })).toThrow('"maxSessions" must be a whole number');
  const compileWith = compile as (run: () => void, options: object) => unknown;
  expect(() => compileWith(() => undefined, { inpure: "trace" })).toThrow('is "impure" meant?');
});
