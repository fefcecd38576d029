import { describe, expect, test } from "vitest";
import { deriveKey, type Key, mix, randomBits, word } from "./bits.ts";
import { maskValues } from "./random-mask.ts";

const key: Key = [0x12345678, 0x9abcdef0];

describe("random bits", () => {
  test("word i is a function of the key and i alone", () => {
    expect([...randomBits(key, 5)]).toEqual([0, 1, 2, 3, 4].map((i) => word(key, i)));
  });

  test("mix is a bijection on a sample: no two of 2^16 inputs share an output", () => {
    expect(new Set(Array.from({ length: 65_536 }, (_, i) => mix(i * 65_537))).size).toBe(65_536);
  });

  test("flipping any input bit flips each output bit about half of the time", () => {
    // 2,000 inputs for each of 32 x 32 pairs of bits: five and a half standard deviations of a fair coin are 0.0615, which one
    // of 1,024 fair coins exceeds with a probability of 4e-5; the mixer is fixed, so that this passes always or never.
    for (let bit = 0; bit < 32; bit++) {
      const flips = new Int32Array(32);
      for (let i = 0; i < 2_000; i++) {
        const input = mix(i + 1);
        const changed = mix(input) ^ mix((input ^ (1 << bit)) >>> 0);
        for (let out = 0; out < 32; out++) flips[out]! += (changed >>> out) & 1;
      }
      for (const count of flips) expect(Math.abs(count / 2_000 - 0.5)).toBeLessThan(0.0615);
    }
  });

  test("labels lead to different keys, numbers and texts apart", () => {
    const keys = ["", "a", "b", "ab", 0, 1, 2 ** 32, "0"].map((label) => deriveKey(key, label).join());
    expect(new Set(keys).size).toBe(keys.length);
    expect(deriveKey(key, "a")).toEqual(deriveKey(key, "a"));
  });
});

describe("dropout masks", () => {
  test.each([0, 1, 2, 7, 1000])("have %i values, each 0 or 1 / (1 - rate)", (count) => {
    const mask = maskValues(key, count, 0.25);
    expect(mask).toHaveLength(count);
    for (const value of mask) expect([0, Math.fround(1 / 0.75)]).toContain(value);
  });

  test("a value is dropped where its 16 bits are below the threshold", () => {
    const expected = [0, 1, 2, 3, 4].map((i) => ((word(key, i >> 1) >>> (16 * (i & 1))) & 0xffff) >= 0.5 * 65536);
    expect([...maskValues(key, 5, 0.5)].map((value) => value > 0)).toEqual(expected);
  });

  test("a shorter mask is the beginning of a longer one", () => {
    expect([...maskValues(key, 9, 0.3)]).toEqual([...maskValues(key, 100, 0.3)].slice(0, 9));
  });

  test("a rate beyond the last step keeps one value in 65,536", () => {
    const [kept] = [...new Set(maskValues(key, 2 ** 20, 1 - 2 ** -40))].filter((value) => value > 0);
    expect(kept).toBe(65_536);
  });

  test("a rate of 0 drops nothing", () => {
    expect(new Set(maskValues(key, 1000, 0))).toEqual(new Set([1]));
  });
});
