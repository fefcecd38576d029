import { bench, describe } from "vitest";
import { decodeBfloat16, decodeHalf, encodeBfloat16, encodeHalf } from "./float16.ts";

const count = 2 ** 22;
const floats = Float32Array.from({ length: count }, (_, i) => Math.sin(i) * 0.05);
const halves = encodeHalf(floats);
const bfloats = encodeBfloat16(floats);

describe(`${count} values`, () => {
  bench("half to float32", () => void decodeHalf(halves));
  bench("float32 to half", () => void encodeHalf(floats));
  bench("bfloat16 to float32", () => void decodeBfloat16(bfloats));
  bench("float32 to bfloat16", () => void encodeBfloat16(floats));
});
