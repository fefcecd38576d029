import { describe, expect, test } from "vitest";
import { type Distribution, normals, randomNumbers, uniforms } from "./random-numbers.ts";

const KEY = [7, 9] as const;

describe("numbers of a key", () => {
  test.each<Distribution>([
    { kind: "uniform", low: -1, high: 2 },
    { kind: "normal", mean: 3, deviation: 0.5 },
    { kind: "truncatedNormal", mean: -1, deviation: 2 },
  ])("a shorter draw is the beginning of a longer one: %j", (distribution) => {
    expect(randomNumbers(KEY, 7, distribution)).toEqual(randomNumbers(KEY, 600, distribution).slice(0, 7));
  });

  test("are the standard ones, moved and stretched", () => {
    const expected = Float32Array.from(normals(KEY, 5), (value) => 3 + 0.5 * value);
    expect(randomNumbers(KEY, 5, { kind: "normal", mean: 3, deviation: 0.5 })).toEqual(expected);
    const stretched = Float32Array.from(uniforms(KEY, 5), (value) => -1 + 3 * value);
    expect(randomNumbers(KEY, 5, { kind: "uniform", low: -1, high: 2 })).toEqual(stretched);
  });

  test("truncated ones are the normals within two deviations, in their order", () => {
    const within = [...normals(KEY, 256)].filter((value) => Math.abs(value) <= 2);
    const found = randomNumbers(KEY, 100, { kind: "truncatedNormal", mean: 0, deviation: 1 });
    expect(found).toEqual(Float32Array.from(within.slice(0, 100)));
  });

  test("no number is none", () => {
    expect(randomNumbers(KEY, 0, { kind: "truncatedNormal", mean: 0, deviation: 1 })).toHaveLength(0);
  });
});
