import { expect, test } from "vitest";
import { checkOptions } from "./options.ts";

const check = (options: object): void =>
  checkOptions<{ pooling?: string; normalise?: boolean }>("embed", options, ["pooling", "normalise"]);

test("known options pass, whatever their values", () => {
  expect(() => check({})).not.toThrow();
  expect(() => check({ pooling: 3, normalise: undefined })).not.toThrow();
});

test("an unknown option is an error that names the nearest, or all", () => {
  expect(() => check({ normalize: true })).toThrow('embed: unknown option "normalize"; is "normalise" meant?');
  expect(() => check({ zebra: 1 })).toThrow('embed: unknown option "zebra"; known are pooling, normalise');
  expect(() => check({ zebra: undefined })).toThrow(expect.objectContaining({ code: "CONFIG" }));
});

test.each([
  [null, "null"],
  ["mean", "a string"],
  [3, "a number"],
  [["mean"], "a list"],
])("%j is no options", (options, came) => {
  expect(() => check(options as unknown as object)).toThrow(`embed: options must be an object, got ${came}`);
});
