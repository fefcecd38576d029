import { disposeParameters, mapParameters, random } from "@cambium/core";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { add, mul, sub, type Tensor2D, tidy } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { attach } from "../attach.ts";
import type { Delta } from "../delta.ts";
import { merge } from "../merge.ts";
import * as methods from "../methods/index.ts";
import { toLora } from "./to-lora.ts";

let model: LanguageModel;
let batch: TokenBatch;
const owned: Delta[] = [];
beforeEach(() => {
  model = tinyModel();
  batch = tinyBatch(model);
});
afterEach(() => {
  for (const delta of owned.splice(0))
    for (const tree of [delta.parameters, delta.buffers, delta.state]) disposeParameters(tree);
  disposeParameters(model.parameters);
  disposeFields(batch);
});
const own = <D extends Delta>(delta: D): D => {
  owned.push(delta as Delta);
  return delta;
};

/** A delta as if trained. */
function moved<D extends Delta>(delta: D): D {
  const parameters = mapParameters(delta.parameters, (value, name) =>
    tidy(() => add(value, mul(random(5).at(name).normal(value.shape), 0.3))),
  );
  own(delta);
  return own({ ...delta, parameters });
}

const logits = (delta: Delta): number[] => tidy(() => [...attach(model, delta).forward(batch).logits!.dataSync()]);

const { bitFit, dora, hra, ia3, loHa, loKr, lora, norms, prompt, vera } = methods;
const targets = ["attn.q", "ff.up"] as const;

// Width 8, and 12 in the feed-forward part: rank 8 holds any change.
test.each<[string, () => Delta]>([
  ["LoRA of rank 3", () => lora(model, { rank: 3, alpha: 5, rsLora: true, targets }, random(1))],
  ["DoRA", () => dora(model, { rank: 2, targets }, random(1))],
  ["VeRA", () => vera(model, { rank: 4, targets }, random(1))],
  ["LoHa", () => loHa(model, { rank: 2, targets }, random(1))],
  ["HRA", () => hra(model, { rank: 2, targets }, random(1))],
  ["LoKr", () => loKr(model, { rank: 2, targets }, random(1))],
])("%s becomes a LoRA that does the same", async (_, make) => {
  const delta = moved(make());
  const { delta: found, layers } = await toLora(model, delta, { rank: 8 });
  expect(logits(own(found))).toBeAllClose(logits(delta), { absolute: 1e-4, relative: 1e-4 });
  expect(layers.map(({ path }) => path)).toEqual(
    [0, 1].flatMap((i) => [`encoder.layer.${i}.attention.self.query`, `encoder.layer.${i}.intermediate.dense`]),
  );
  for (const { share } of layers) expect(share).toBeCloseTo(1, 5);
});

/** What training changed of a weight. */
function changeOf(delta: Delta, name: string): number[] {
  const merged = merge(attach(model, delta));
  const change = tidy(() => [...sub(merged.parameters.get(name)!, model.parameters.get(name)!).dataSync()]);
  disposeParameters(merged.parameters);
  return change;
}

const squares = (values: readonly number[]): number => values.reduce((sum, value) => sum + value ** 2, 0);

test("of a lower rank it misses the share of the change that it says, and no LoRA of that rank misses less", async () => {
  const delta = moved(dora(model, { rank: 3, targets: "attn.q" }, random(1)));
  const name = "encoder.layer.0.attention.self.query.weight";
  const whole = changeOf(delta, name);
  for (const rank of [1, 2, 5]) {
    const { delta: found, layers } = await toLora(model, delta, { rank });
    const kept = changeOf(own(found), name);
    const missed = squares(whole.map((value, i) => value - kept[i]!)) / squares(whole);
    expect(missed).toBeCloseTo(1 - layers[0]!.share, 4);
    expect(layers[0]!.rank).toBe(rank);
    const other = moved(lora(model, { rank, targets: "attn.q" }, random(9)));
    const start = changeOf(other, name);
    const best = start.reduce((sum, value, i) => sum + value * whole[i]!, 0) / squares(start); // its best scale
    expect(squares(whole.map((value, i) => value - best * start[i]!)) / squares(whole)).toBeGreaterThan(missed);
  }
});

test("a share is met by the least rank of each layer that holds it", async () => {
  const delta = moved(dora(model, { rank: 3, targets }, random(1)));
  const { delta: found, layers } = await toLora(model, delta, { share: 0.9 });
  own(found);
  for (const { path, rank, share } of layers) {
    expect(share).toBeGreaterThanOrEqual(0.9);
    expect((found.parameters.get(`${path}.lora_A.weight`) as Tensor2D).shape[0]).toBe(rank);
    if (rank === 1) continue;
    const less = await toLora(model, delta, { rank: rank - 1 });
    expect(less.layers.find((each) => each.path === path)!.share).toBeLessThan(0.9);
    own(less.delta);
  }
});

test("what is no change of linear layers' weights is refused by name", async () => {
  const refused: [Delta, object, RegExp][] = [
    [own(lora(model, {}, random(1))), { rank: 2 }, /"lora" \(lora\) changes nothing: it is as it was made/],
    [moved(bitFit(model)), { rank: 2 }, /also changes .*query\.bias.*no matrices of linear layers/],
    [moved(norms(model)), { rank: 2 }, /also changes .*LayerNorm\.weight/],
    [own(prompt(model, { length: 2 }, random(1))), { rank: 2 }, /no weights of the base do what "prompt"/],
    [moved(ia3(model)), { rank: 2 }, /also changes .*key\.bias/],
    [own(lora(model, {}, random(1))), {}, /pass "rank" or "share", one of the two/],
    [own(lora(model, {}, random(1))), { rank: 2, share: 0.5 }, /one of the two/],
  ];
  for (const [delta, options, reason] of refused) await expect(toLora(model, delta, options)).rejects.toThrow(reason);
});
