import { around, disposeParameters, type Hook } from "@cambium/core";
import {
  add,
  concat,
  ones,
  range,
  reshape,
  scalar,
  type Tensor2D,
  tensor2d,
  tidy,
  tile,
  zeros,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { TokenBatch } from "../architecture.ts";
import { tinyModel } from "../testing/index.ts";

/** Puts two rows in front of the words, as a prompt does. */
const twoRows: Hook = around(
  "embed",
  () => true,
  ({ input, next }) => {
    const words = next(input);
    const [size, , width] = words.x.shape;
    const places = tile(reshape(range(0, 2, 1, "int32"), [1, 2]), [size, 1]) as Tensor2D;
    return {
      x: concat([zeros([size, 2, width]), words.x], 1) as typeof words.x,
      mask: concat([ones([size, 2]) as Tensor2D, words.mask], 1),
      positions: concat([places, add(words.positions, scalar(2, "int32")) as Tensor2D], 1),
      extra: words.extra + 2,
    };
  },
);

const sequences = [
  [3, 9, 14, 7, 22],
  [4, 8],
];

function batchOf(rows: readonly (readonly number[])[]): TokenBatch {
  const seq = Math.max(...rows.map(({ length }) => length));
  const filled = (filler: number, toValue: (id: number) => number): number[][] =>
    rows.map((row) => [...row.map(toValue), ...Array<number>(seq - row.length).fill(filler)]);
  return {
    ids: tensor2d(
      filled(0, (id) => id),
      undefined,
      "int32",
    ),
    mask: tensor2d(filled(0, () => 1)),
    labels: tensor2d(
      filled(-100, (id) => id),
      undefined,
      "int32",
    ),
  };
}

test.each<[string, Hook[], number[]]>([
  ["without rows in front", [], [4, 1]],
  ["with rows in front, the last of which comes before the first word", [twoRows], [5, 2]],
])("a loss is the mean of its sequences' losses by their weights, %s", (_, hooks, weights) => {
  const model = tinyModel({ type: "gpt2", head: { kind: "causal-lm" } });
  tidy(() => {
    const lossOf = (batch: TokenBatch): number => model.loss!(batch, { hooks }).dataSync()[0]!;
    const each = sequences.map((row) => batchOf([row]));
    expect(each.map((batch) => model.weight!(batch, { hooks }))).toEqual(weights);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const mean = each.reduce((sum, batch, i) => sum + lossOf(batch) * weights[i]!, 0) / total;
    expect(lossOf(batchOf(sequences))).toBeCloseTo(mean, 5);
    expect(model.weight!(batchOf(sequences), { hooks })).toBe(total);
  });
  disposeParameters(model.parameters);
});

test("an option of the weight that does not exist is an error", () => {
  const model = tinyModel({ type: "gpt2", head: { kind: "causal-lm" } });
  tidy(() => {
    expect(() => model.weight!(batchOf(sequences), { hook: [] } as never)).toThrow('unknown option "hook"');
  });
  disposeParameters(model.parameters);
});
