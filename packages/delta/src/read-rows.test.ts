/** A last layer of which only the first row is computed gives what the whole layer gives, and hooks that could tell see all of it. */
import { around, disposeParameters, type Hook, type Kind, random, valueAndGradients } from "@cambium/core";
import type { HeadConfig, TokenBatch } from "@cambium/models";
import { disposeFields, tinyModel } from "@cambium/models/testing";
import { mul, type Scalar, type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach } from "./attach.ts";
import type { Delta } from "./delta.ts";
import { adaLora } from "./methods/ada-lora.ts";
import { bitFit } from "./methods/bit-fit.ts";
import { boft } from "./methods/boft.ts";
import { c3a } from "./methods/c3a.ts";
import { dora } from "./methods/dora.ts";
import { fourierFt } from "./methods/fourier-ft.ts";
import { head } from "./methods/head.ts";
import { hra } from "./methods/hra.ts";
import { ia3 } from "./methods/ia3.ts";
import { loHa } from "./methods/lo-ha.ts";
import { loKr } from "./methods/lo-kr.ts";
import { lora } from "./methods/lora.ts";
import { miss } from "./methods/miss.ts";
import { oft } from "./methods/oft.ts";
import { randLora } from "./methods/rand-lora.ts";
import { road } from "./methods/road.ts";
import { vbLora } from "./methods/vb-lora.ts";
import { vera } from "./methods/vera.ts";
import { scaled } from "./scaled.ts";
import { disposeDelta } from "./testing/laws.ts";

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

const all = "all-linear" as const;

test.each<[string, string, (base: ReturnType<typeof tinyModel>) => Delta[]]>([
  ["bert", "LoRA and IA3", (base) => [lora(base, { rank: 2, targets: all, init: "gaussian" }, random(1)), ia3(base)]],
  ["roberta", "LoRA", (base) => [lora(base, { rank: 2, targets: all, init: "gaussian" }, random(1))]],
  ["bert", "DoRA", (base) => [dora(base, { rank: 2, targets: all }, random(1))]],
  [
    "bert",
    "AdaLoRA",
    (base) => [adaLora(base, { targetRank: 2, initialRank: 3, totalSteps: 10, targets: all }, random(1))],
  ],
  ["bert", "VeRA", (base) => [vera(base, { rank: 2, targets: ["attn.q", "attn.v"] }, random(1))]],
  ["bert", "LoKr", (base) => [loKr(base, { rank: 2, targets: all }, random(1))]],
  ["bert", "LoHa", (base) => [loHa(base, { rank: 2, targets: all }, random(1))]],
  ["bert", "OFT", (base) => [oft(base, { blockSize: 4, targets: all }, random(1))]],
  ["bert", "BOFT", (base) => [boft(base, { blockSize: 4, targets: all })]],
  ["bert", "HRA", (base) => [hra(base, { rank: 2, targets: all }, random(1))]],
  ["bert", "RoAd", (base) => [road(base, { groupSize: 4, targets: all })]],
  ["bert", "MiSS", (base) => [miss(base, { rank: 2, targets: all })]],
  [
    "bert",
    "VB-LoRA",
    (base) => [vbLora(base, { rank: 2, vectors: 4, vectorLength: 4, top: 2, targets: all }, random(1))],
  ],
  ["bert", "RandLoRA", (base) => [randLora(base, { rank: 2, targets: all }, random(1))]],
  ["bert", "C3A", (base) => [c3a(base, { blockSize: 4, targets: all }, random(1))]],
  ["bert", "FourierFT", (base) => [fourierFt(base, { count: 5, targets: all }, random(1))]],
  ["bert", "injected biases", (base) => [bitFit(base, { inject: true })]],
  ["bert", "a scaled LoKr", (base) => [scaled(loKr(base, { rank: 2, targets: all }, random(1)), 0.5)]],
])("loss, gradients and scores of a tuned %s with %s are those of the whole layer", (type, _, make) => {
  const base = tinyModel({ type, dropout: 0, head: labels });
  const started = attach(base, ...make(base), head(base));
  tidy(() => {
    // LoRA starts as nothing; at this point its gradients are not.
    const moved = new Map(
      [...started.parameters].map(([name, value], i) => [
        name,
        mul(random(7).at(i).normal(value.shape), 0.5) as Tensor,
      ]),
    );
    const tuned = started.with(moved);
    const batch = batchOf();
    const seen: number[] = [];
    const losses = [[watchRows(seen, true)], [silent]].map((hooks) =>
      valueAndGradients((at): Scalar => {
        const own = tuned.with(at).deltas.flatMap((delta) => [...delta.hooks(delta)]);
        return base.loss!(batch, { hooks: [...own, ...hooks] });
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
  for (const delta of started.deltas) disposeDelta(delta);
  disposeParameters(base.parameters);
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
