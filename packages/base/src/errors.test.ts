import { expect, test } from "vitest";
import { CambiumError, ConfigError, FileError, FormatError, ShapeError, StateError, StoreError } from "./errors.ts";

test.each([
  [ShapeError, "SHAPE", "ShapeError"],
  [ConfigError, "CONFIG", "ConfigError"],
  [StateError, "STATE", "StateError"],
  [FormatError, "FORMAT", "FormatError"],
  [FileError, "FILE", "FileError"],
  [StoreError, "STORE", "StoreError"],
] as const)("an error keeps its code %#, message, fields and cause", (Kind, code, name) => {
  const cause = new Error("inner");
  const error = new Kind({ message: "lora: rank 0", cause, rank: 0, path: "a.b" });
  expect(error).toBeInstanceOf(CambiumError);
  expect(error).toBeInstanceOf(Error);
  expect(error.code).toBe(code);
  expect(error.name).toBe(name);
  expect(error.message).toBe("lora: rank 0");
  expect(error.cause).toBe(cause);
  expect(error.details).toEqual({ rank: 0, path: "a.b" });
  expect(String(error)).toBe(`${name}: lora: rank 0`);
});

test("an error without a cause has none", () => {
  expect("cause" in new StateError({ message: "x" })).toBe(false);
});
