import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBfloat16, decodeHalf, encodeBfloat16, encodeHalf } from "./float16.ts";

const everyPattern = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

/** Half's NaNs have all exponent bits and some of the fraction; bfloat16's likewise. */
const isHalfNaN = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;
const isBfloatNaN = (bits: number): boolean => (bits & 0x7fff) > 0x7f80;

test("halves have the values of IEEE 754", () => {
  const bits = Uint16Array.of(
    0x0000,
    0x8000,
    0x0001,
    0x03ff,
    0x0400,
    0x3555,
    0x3c00,
    0xc000,
    0x7bff,
    0x7c00,
    0xfc00,
    0x7e00,
  );
  const thirdRoundedDown = 0.333251953125;
  expect([...decodeHalf(bits)]).toEqual([
    0,
    -0,
    2 ** -24,
    1023 * 2 ** -24,
    2 ** -14,
    thirdRoundedDown,
    1,
    -2,
    65504,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
  ]);
});

test("every half survives the way to float32 and back", () => {
  const back = encodeHalf(decodeHalf(everyPattern));
  expect(everyPattern.filter((bits) => !isHalfNaN(bits) && back[bits] !== bits)).toEqual(new Uint16Array(0));
  expect(everyPattern.filter((bits) => isHalfNaN(bits) && !isHalfNaN(back[bits]!))).toEqual(new Uint16Array(0));
});

test("every bfloat16 survives the way to float32 and back", () => {
  const back = encodeBfloat16(decodeBfloat16(everyPattern));
  expect(everyPattern.filter((bits) => !isBfloatNaN(bits) && back[bits] !== bits)).toEqual(new Uint16Array(0));
  expect(everyPattern.filter((bits) => isBfloatNaN(bits) && !isBfloatNaN(back[bits]!))).toEqual(new Uint16Array(0));
});

test("no other half is nearer, and of two equally near the even one is taken", () => {
  fc.assert(
    fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (x) => {
      const source = Float32Array.of(x);
      const [bits] = encodeHalf(source) as unknown as [number];
      const [value, below, above] = decodeHalf(Uint16Array.of(bits, bits - 1, bits + 1)) as unknown as [
        number,
        number,
        number,
      ];
      const distance = Math.abs(value - source[0]!);
      for (const other of [below, above]) {
        if (!Number.isFinite(other)) continue;
        expect(distance).toBeLessThanOrEqual(Math.abs(other - source[0]!));
        if (distance > 0 && distance === Math.abs(other - source[0]!)) expect(bits % 2).toBe(0);
      }
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test("rounding agrees with torch at and beside the ties of every exponent", () => {
  const file = new URL("../../fixtures/rounding.json", import.meta.url);
  const rows = JSON.parse(readFileSync(file, "utf8")) as [float: number, half: number, bfloat: number][];
  const floats = new Float32Array(Uint32Array.from(rows, ([float]) => float).buffer);
  expect([...encodeHalf(floats)]).toEqual(rows.map(([, half]) => half));
  expect([...encodeBfloat16(floats)]).toEqual(rows.map(([, , bfloat]) => bfloat));
});

test("NaN stays NaN, whatever its payload", () => {
  const floats = new Float32Array(Uint32Array.of(0x7f800001, 0x7fc00000, 0xffffffff, 0x7f80ffff).buffer);
  expect([...encodeHalf(floats)].every(isHalfNaN)).toBe(true);
  expect([...encodeBfloat16(floats)].every(isBfloatNaN)).toBe(true);
});

test("a view into a larger buffer is encoded, not the buffer", () => {
  const view = new Float32Array(Float32Array.of(5, 1, 2, 5).buffer, 4, 2);
  expect([...encodeHalf(view)]).toEqual([0x3c00, 0x4000]);
  expect([...encodeBfloat16(view)]).toEqual([0x3f80, 0x4000]);
});
