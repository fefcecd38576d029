import { disposeParameters } from "@cambium/core";
import { dispose, slice, type Tensor, tensor1d, tensor2d, tensor3d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { TokenBatch } from "../architecture.ts";
import type { HeadConfig } from "../head-config.ts";
import { tinyBatch, tinyModel } from "../testing/index.ts";
import { classificationLoss, spanLoss } from "./losses.ts";
import { meanRow } from "./rows.ts";

const heads: readonly HeadConfig[] = [
  { kind: "sequence-classification", labels: ["a", "b", "c"], multiLabel: true },
  { kind: "sequence-classification", labels: ["a", "b", "c"], pool: "mean" },
  { kind: "regression", outputs: 2 },
  { kind: "question-answering" },
  { kind: "token-classification", labels: ["a", "b", "c", "d"] },
];

test.each(heads)("the loss under %j is the mean of its rows' losses by their weights", (head) => {
  const model = tinyModel({ type: "bert", head });
  const batch = tinyBatch(model);
  tidy(() => {
    const rows = [0, 1, 2].map((row) => {
      const only = ([name, tensor]: [string, Tensor]) => [
        name,
        slice(tensor, [row, ...tensor.shape.slice(1).map(() => 0)], [1, ...tensor.shape.slice(1)]),
      ];
      return Object.fromEntries(
        Object.entries(batch).map((field) => only(field as [string, Tensor])),
      ) as never as TokenBatch;
    });
    const weights = rows.map((row) => model.weight!(row));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const mean = rows.reduce((sum, row, i) => sum + (model.loss!(row).dataSync()[0]! * weights[i]!) / total, 0);
    expect(model.loss!(batch).dataSync()[0]).toBeCloseTo(mean, 5);
    expect(model.weight!(batch)).toBe(total);
  });
  dispose(Object.values(batch) as Tensor[]);
  disposeParameters(model.parameters);
});

test("binary cross-entropy of large scores is finite, and of a score of 0 is log 2", () => {
  tidy(() => {
    const head = heads[0]!;
    const lossOf = (logits: number[], labels: number[]): number =>
      classificationLoss.loss(tensor2d([logits]), { labels: tensor2d([labels]) } as never, head).dataSync()[0]!;
    expect(lossOf([0, 0, 0], [1, 0, 1])).toBeCloseTo(Math.log(2), 6);
    expect(lossOf([200, -200, 200], [1, 0, 0])).toBeCloseTo(200 / 3, 4);
  });
});

test("labels of another form are an error that names the form", () => {
  tidy(() => {
    const logits = tensor2d([[1, 2, 3]]);
    expect(() => classificationLoss.loss(logits, { labels: tensor1d([1], "int32") } as never, heads[0]!)).toThrow(
      "a head of several labels needs float32 labels of shape [1,3], got int32 [1]",
    );
    const spans = tensor3d([[[1, 2]]]);
    expect(() => spanLoss.loss(spans, { labels: tensor1d([1], "int32") } as never, heads[3]!)).toThrow(
      "question answering needs int32 labels of shape [1, 2], first and last token of each answer, got int32 [1]",
    );
  });
});

test("an ignored answer has no loss and no weight", () => {
  tidy(() => {
    const logits = tensor3d([
      [
        [1, 2],
        [3, 1],
      ],
      [
        [0, 5],
        [2, 1],
      ],
    ]);
    const both = {
      labels: tensor2d(
        [
          [1, 0],
          [-100, -100],
        ],
        undefined,
        "int32",
      ),
    } as never;
    const one = { labels: tensor2d([[1, 0]], undefined, "int32") } as never;
    expect(spanLoss.weight(both, 0, heads[3]!)).toBe(1);
    const alone = spanLoss.loss(slice(logits, [0, 0, 0], [1, 2, 2]), one, heads[3]!);
    expect(spanLoss.loss(logits, both, heads[3]!)).toBeAllClose(alone);
  });
});

test("a mean leaves out padding and the rows in front of the words", () => {
  tidy(() => {
    const hidden = tensor3d([
      [
        [9, 9],
        [1, 2],
        [3, 6],
        [50, 50],
      ],
    ]);
    const whole = { hidden, mask: tensor2d([[1, 1, 1, 0]]), extra: 1 };
    expect(meanRow(whole)).toBeAllClose(tensor2d([[2, 4]]));
  });
});
