import { around, disposeParameters, type Hook } from "@cambium/core";
import { add, scalar, slice, type Tensor, type Tensor2D, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import type { TokenBatch } from "./architecture.ts";
import { createCache } from "./cache.ts";
import { disposeFields, tinyModel } from "./testing/index.ts";

const head = { kind: "causal-lm" } as const;

/** Moves every position on by 3, as keys in front do. */
const moving: Hook = around(
  "embed",
  () => true,
  ({ input, next, context }) => {
    const words = next(input);
    if (!context.first) return words;
    return { ...words, positions: add(words.positions, scalar(3, "int32")) as Tensor2D, offset: 3 };
  },
);

/** The second sequence is so short that the first pass reads nothing of it but padding. */
const ids = [
  [3, 9, 14, 7, 22],
  [0, 0, 0, 8, 2],
];

function columns(from: number, to: number): TokenBatch {
  const rows = ids.map((row) => row.slice(from, to));
  return {
    ids: tensor2d(rows, undefined, "int32"),
    mask: tensor2d(rows.map((row) => row.map((id) => (id === 0 ? 0 : 1)))),
  };
}

describe.each(["gpt2", "llama"])("%s", (type) => {
  test.each([
    ["as they are", []],
    ["that a hook moves", [moving]],
  ])("a sequence that begins after the first pass has positions %s", async (_, hooks) => {
    const model = tinyModel({ type, head });
    const cache = createCache();
    const [first, rest, all] = [columns(0, 2), columns(2, 5), columns(0, 5)];
    const begun = model.forward(first, { cache, hooks });
    await cache.append(begun);
    const ended = model.forward(rest, { cache, hooks });
    const whole = model.forward(all, { hooks });
    tidy(() => {
      const last = ({ logits }: { readonly logits?: Tensor }, rows: number): Tensor =>
        slice(logits!, [0, rows - 2, 0], [-1, 2, -1]);
      expect(last(ended, 3)).toBeAllClose(last(whole, 5), { absolute: 1e-5 });
    });
    cache.dispose();
    for (const fields of [first, rest, all, begun, ended, whole]) disposeFields(fields);
    disposeParameters(model.parameters);
  });
});

test.each([[[2]], [[-1, 0]], [[0.5]], [[]]])(
  "an order of sequences that it does not have is refused: %j",
  async (order) => {
    const model = tinyModel({ type: "gpt2", head });
    const cache = createCache();
    const batch = columns(0, 5);
    const output = model.forward(batch, { cache });
    await cache.append(output);
    expect(() => cache.reorder(order)).toThrow(
      expect.objectContaining({ code: "CONFIG", message: expect.stringContaining("cache.reorder: ") }),
    );
    cache.dispose();
    disposeFields(batch);
    disposeFields(output);
    disposeParameters(model.parameters);
  },
);
