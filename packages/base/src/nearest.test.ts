import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

const keys = ["rank", "alpha", "targets", "dropout", "learningRate", "attn.q", "attn.k"];

test.each([
  ["rnak", "rank"],
  ["rang", "rank"],
  ["alpa", "alpha"],
  ["target", "targets"],
  ["dropuot", "dropout"],
  ["learning_rate", "learningRate"],
  ["LEARNINGRATE", "learningRate"],
  ["attn-q", "attn.q"],
])("%s most likely means %s", (word, expected) => {
  expect(nearest(word, keys)).toBe(expected);
});

test.each(["x", "momentum", "", "beta", "rankings"])("nothing is near %j", (word) => {
  expect(nearest(word, keys)).toBeUndefined();
});

test("of two equally near candidates the first is taken", () => {
  expect(nearest("attn", ["attx", "atty"])).toBe("attx");
});

test("there is nothing near among nothing", () => {
  expect(nearest("rank", [])).toBeUndefined();
});
