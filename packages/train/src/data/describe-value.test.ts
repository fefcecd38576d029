import { type Tensor, tensor1d } from "@tensorflow/tfjs-core";
import { afterEach, expect, test } from "vitest";
import { describeValue } from "./describe-value.ts";

const made: Tensor[] = [];
afterEach(() => {
  for (const tensor of made.splice(0)) tensor.dispose();
});
const vector = (...values: number[]): Tensor => {
  made.push(tensor1d(values));
  return made.at(-1)!;
};

test("values that differ anywhere have different texts", async () => {
  const shared = { x: 1 };
  const values = [
    ...["a", "1", "", "null", "undefined", 1, 0, -0, Number.NaN, Number.POSITIVE_INFINITY, 1n, true, false, null],
    ...[[], [1], ["1"], [1, 2], [[1], 2], [undefined], {}, { a: 1 }, { b: 1 }, { a: 1, b: 1 }, { a: { b: 1 } }],
    ...[Float32Array.of(1), Int32Array.of(1), Float32Array.of(1, 2), Float32Array.of(Number.NaN), BigInt64Array.of(1n)],
    ...[new Map([["a", 1]]), new Set(["a"]), new Date(0), new Date(1), [shared, shared]],
    ...[vector(1), vector(2), [vector(1), vector(2)], [vector(2), vector(1)], { t: vector(1) }],
  ];
  const texts = await Promise.all(values.map((value) => describeValue("row 0", value)));
  expect(new Set(texts).size).toBe(values.length);
});

test("equal values have equal texts, whatever the order of their keys", async () => {
  const one = { text: "a", label: 1, ids: Int32Array.of(1, 2), t: vector(1, 2), none: undefined };
  const other = { t: vector(1, 2), ids: Int32Array.of(1, 2), label: 1, text: "a" };
  expect(await describeValue("row 0", other)).toBe(await describeValue("row 0", one));
});

class Opaque {
  readonly #secret = 1;
  reveal(): number {
    return this.#secret;
  }
}

const loop: Record<string, unknown> = {};
loop["self"] = [loop];

test.each<[string, unknown, string]>([
  ["a function", { label: { parse: () => 1 } }, 'row 7 at "label.parse" is a function'],
  ["an instance of a class", [1, new Opaque()], 'row 7 at "[1]" is a Opaque'],
  ["a symbol", Symbol("x"), "row 7 is a symbol"],
  ["what contains itself", loop, 'row 7 at "self[0]" contains itself'],
])("%s is refused with its place", async (_, value, message) => {
  await expect(describeValue("row 7", value)).rejects.toMatchObject({
    code: "CONFIG",
    message: expect.stringContaining(message),
  });
});
