/** A last layer of which only the first row is computed gives what the whole layer gives, and hooks that could tell see all of it. */
import { around, disposeParameters, type Hook, type Kind, random, valueAndGradients } from "@cambium/core";
import type { HeadConfig, TokenBatch } from "@cambium/models";
import { disposeFields, tinyModel } from "@cambium/models/testing";
import { type Scalar, type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach } from "./attach.ts";
import { head } from "./methods/head.ts";
import { ia3 } from "./methods/ia3.ts";
import { lora } from "./methods/lora.ts";

const labels: HeadConfig = { kind: "sequence-classification", labels: ["a", "b"] };

const batchOf = (): TokenBatch => ({
  ids: tensor2d(
    [
      [3, 9, 14, 7],
      [4, 8, 1, 1],
    ],
    undefined,
    "int32",
  ),
  mask: tensor2d([
    [1, 1, 1, 1],
    [1, 1, 0, 0],
  ]),
  labels: tensor1d([1, 0], "int32"),
});

/** A hook that changes nothing, and of which nobody knows what it reads. */
const silent: Hook = around(
  "block",
  () => true,
  ({ input, next }) => next(input),
);

/** Rows that the activation in the last layer gets. */
function watchRows(seen: number[], byRow: boolean): Hook {
  return around(
    "activation",
    ({ layer }) => layer === 1,
    ({ input, next }) => {
      seen.push(input.shape[1]);
      return next(input);
    },
    byRow ? { byRow: true } : {},
  );
}

test.each(["bert", "roberta"])("loss, gradients and scores of a tuned %s are those of the whole layer", (type) => {
  const base = tinyModel({ type, dropout: 0, head: labels });
  const started = attach(
    base,
    lora(base, { rank: 2, targets: "all-linear", init: "gaussian" }, random(1)),
    ia3(base),
    head(base),
  );
  tidy(() => {
    // LoRA starts as nothing; at this point its gradients are not.
    const moved = new Map(
      [...started.parameters].map(([name, value], i) => [name, random(7).at(i).normal(value.shape) as Tensor]),
    );
    const tuned = started.with(moved);
    const batch = batchOf();
    const seen: number[] = [];
    const losses = [[watchRows(seen, true)], [silent]].map((hooks) =>
      valueAndGradients((at): Scalar => {
        const all = tuned.with(at).deltas.flatMap((delta) => [...delta.hooks(delta)]);
        return base.loss!(batch, { hooks: [...all, ...hooks] });
      }, moved),
    );
    const [short, whole] = losses as [(typeof losses)[0], (typeof losses)[0]];
    expect(seen).toEqual([1]);
    expect(short.value).toBeAllClose(whole.value);
    for (const [name, gradient] of short.gradients) expect(gradient).toBeAllClose(whole.gradients.get(name)!);
    const scores = tuned.forward(batch, { scoresOnly: true }).logits!;
    expect(scores).toBeAllClose(tuned.forward(batch, { hooks: [silent] }).logits!);
    disposeFields(batch);
  });
  for (const tree of [started.parameters, base.parameters]) disposeParameters(tree);
});

test.each<[string, Hook]>([
  ["on a block", silent],
  ["of which it is not said that it acts by row", watchRows([], false)],
  ...(["sublayer", "attention", "pattern"] satisfies Kind[]).map((kind): [string, Hook] => [
    `on a site of kind ${kind}, which gives no row for a row`,
    around(
      kind as "sublayer",
      () => true,
      ({ input, next }) => next(input),
      { byRow: true },
    ),
  ]),
])("with a hook %s, the last layer has all rows", (_, hook) => {
  const base = tinyModel({ type: "bert", dropout: 0, head: labels });
  tidy(() => {
    const batch = batchOf();
    const seen: number[] = [];
    const watched = watchRows(seen, true);
    base.loss!(batch, { hooks: [watched] });
    base.loss!(batch, { hooks: [watched, hook] });
    expect(seen).toEqual([1, 4]);
    disposeFields(batch);
  });
  disposeParameters(base.parameters);
});

test("a forward pass returns all rows unless only scores are wanted, and a head that reads more than the first row gets them", () => {
  const seen: number[] = [];
  for (const [pool, options] of [
    [undefined, {}],
    ["mean", { scoresOnly: true }],
    ["last", { scoresOnly: true }],
  ] as const) {
    const base = tinyModel({ type: "bert", head: { ...labels, ...(pool !== undefined && { pool }) } as HeadConfig });
    tidy(() => {
      const batch = batchOf();
      base.forward(batch, { ...options, hooks: [watchRows(seen, true)] });
      disposeFields(batch);
    });
    disposeParameters(base.parameters);
  }
  expect(seen).toEqual([4, 4, 4]);
});

test("scores only of a model without a head are an error", () => {
  const base = tinyModel({ type: "bert", head: undefined });
  tidy(() => {
    const { labels: none, ...batch } = batchOf();
    expect(() => base.forward(batch, { scoresOnly: true })).toThrow("scoresOnly is for models with a head");
    none!.dispose();
  });
  disposeParameters(base.parameters);
});
