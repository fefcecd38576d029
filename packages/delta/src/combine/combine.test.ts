import { readFileSync } from "node:fs";
import { folder } from "@cambium/base";
import { disposeParameters, mapParameters, type Parameters, random } from "@cambium/core";
import { createModel, type LanguageModel } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { add, matMul, mul, slice, type Tensor2D, tidy } from "@tensorflow/tfjs-core";
import { afterEach, expect, test } from "vitest";
import { attach } from "../attach.ts";
import type { Delta } from "../delta.ts";
import {
  type GoldenBatch,
  type GoldenTensor,
  goldenBatch,
  goldenLogits,
  loadGoldenBase,
} from "../files/golden.fixture.ts";
import { loadAdapter } from "../files/load-adapter.ts";
import { adapter, ia3, type LoraConfig, type LoraOptions, lora } from "../methods/index.ts";
import { factorsAt } from "../methods/lora.ts";
import { type Combination, type CombineOptions, combine, combineAs } from "./combine.ts";
import type { SignRule } from "./pruning.ts";

interface Case {
  readonly weights: readonly [number, number];
  readonly method: Combination;
  readonly rank?: number;
  readonly density?: number;
  readonly sign?: SignRule;
  readonly layers: readonly string[];
  readonly products: Readonly<Record<string, GoldenTensor>>;
  readonly logits: GoldenTensor;
  readonly masks?: readonly string[];
}
interface Golden {
  readonly base: string;
  readonly batch: GoldenBatch;
  readonly cases: readonly Case[];
}

const fixtures = new URL("../../fixtures/combinations/", import.meta.url);
const goldenOf = (family: string): Golden =>
  JSON.parse(readFileSync(new URL(`${family}/expected.json`, fixtures), "utf8")) as Golden;

const made: Parameters[] = [];
afterEach(() => {
  for (const parameters of made.splice(0)) disposeParameters(parameters);
});
function own<D extends { readonly parameters: Parameters }>(owner: D): D {
  made.push(owner.parameters);
  return owner;
}

/** Float32 of another program: products near 1, logits near 10. */
const tolerance = { absolute: 1e-4, relative: 1e-4 };

const productAt = (delta: Delta<LoraConfig>, path: string): number[] =>
  tidy(() => {
    const { a, b, scale } = factorsAt(delta, path);
    return Array.from(mul(matMul(b, a), scale).dataSync());
  });

/** PEFT's masks by layer, matrix and delta: drawn layer by layer, for A of each delta that is there, then for B. */
function masksOf({ layers, masks, method }: Case, parts: readonly Delta[]) {
  const drawn = new Map<string, string>();
  const left = [...masks!];
  for (const path of layers) {
    for (const which of method.endsWith("svd") ? ["product"] : ["A", "B"]) {
      parts.forEach((part, member) => {
        if (part.parameters.has(`${path}.lora_A.weight`)) drawn.set(`${path} ${which} ${member}`, left.shift()!);
      });
    }
  }
  expect(left).toEqual([]);
  return (path: string, which: string, member: number) => [...drawn.get(`${path} ${which} ${member}`)!].map(Number);
}

const cases = ["llama", "gpt2"].flatMap((family) =>
  goldenOf(family).cases.map((each, i) => [family, each.method, each.sign ?? "", i] as const),
);
test.each(cases)("%s: two LoRAs combined by %s %s do what PEFT's do", async (family, _, __, index) => {
  const { base: path, batch: rows, cases: all } = goldenOf(family);
  const golden = all[index]!;
  const { method, weights, rank, density = 1, sign = "total" } = golden;
  const base = own(await loadGoldenBase(path));
  const load = async (name: string) =>
    own((await loadAdapter(base, folder(new URL(`${family}/${name}`, fixtures).pathname))) as Delta);
  const parts = [await load("a"), await load("b")];
  const pairs = parts.map((part, i) => [part, weights[i]!] as const);
  const combined = own(
    golden.masks === undefined
      ? await combine(pairs, {
          method,
          ...(rank !== undefined && { rank }),
          ...(golden.density !== undefined && { density }),
          ...(golden.sign !== undefined && { sign }),
        })
      : await combineAs(pairs, {
          method,
          ...(rank !== undefined && { rank }),
          density,
          sign,
          keep: masksOf(golden, parts),
        }),
  );
  expect(combined.config.alpha).toBe(combined.config.rank);
  for (const [layer, { values }] of Object.entries(golden.products))
    expect(productAt(combined, layer)).toBeAllClose(values, tolerance);
  const batch = goldenBatch(rows);
  const logits = tidy(() => {
    const whole = goldenLogits(attach(base, combined), batch, base);
    return Array.from(slice(whole, [0, 0, 0], [-1, -1, golden.logits.shape[2]!]).dataSync());
  });
  expect(logits).toBeAllClose(golden.logits.values, tolerance);
  disposeFields(batch);
});

/** A LoRA away from its start. */
function moved(model: LanguageModel, options: LoraOptions, seed: number): Delta<LoraConfig> {
  const delta = own(lora(model, options, random(seed)));
  const parameters = mapParameters(delta.parameters, (value, name) =>
    tidy(() => add(value, mul(random(seed).at(name).normal(value.shape), 0.3))),
  );
  return own({ ...delta, parameters });
}

const exact: readonly CombineOptions[] = [
  { method: "cat" },
  { method: "svd" },
  { method: "linear" },
  { method: "ties", density: 1 },
  { method: "magnitude_prune", density: 1 },
  { method: "dare_linear", density: 1, random: random(1) },
  { method: "ties_svd", density: 1 },
];
const scalings: readonly [string, LoraOptions][] = [
  ["a plain LoRA", { rank: 3, alpha: 7 }],
  ["rsLoRA", { rank: 3, alpha: 7, rsLora: true }],
  ["patterns", { rank: 3, rankPattern: { query: 2 }, alphaPattern: { value: 9 } }],
];
test.each(scalings.flatMap(([title, options]) => exact.map((how) => [title, how.method!, options, how] as const)))(
  "%s with a weight of 1 gives itself by %s",
  async (_, __, options, how) => {
    const model = own(tinyModel());
    const delta = moved(model, options, 1);
    const alone = own(await combine([[delta, 1]], how));
    const paths = [...delta.parameters.keys()].filter((name) => name.includes("lora_A"));
    for (const path of paths.map((name) => name.replace(".lora_A.weight", "")))
      expect(productAt(alone, path)).toBeAllClose(productAt(delta, path), { absolute: 1e-6 });
  },
);

test("weights are linear: a delta and its opposite are nothing, and ranks and layers may differ", async () => {
  const model = own(tinyModel());
  const [a, b] = [moved(model, { rank: 2 }, 1), moved(model, { rank: 3, targets: ["attn.q", "ff.up"] }, 2)];
  const none = own(
    await combine([
      [a, 0.5],
      [b, 2],
      [a, -0.5],
      [b, -2],
    ]),
  );
  const batch = tinyBatch(model);
  tidy(() => {
    expect(attach(model, none).forward(batch).logits!).toBeAllClose(model.forward(batch).logits!, { absolute: 1e-5 });
    const rankOf = (name: string): number => [...none.parameters].find(([key]) => key.includes(name))![1].shape[0]!;
    expect([rankOf("value.lora_A"), rankOf("query.lora_A"), rankOf("intermediate.dense.lora_A")]).toEqual([4, 10, 6]);
  });
  disposeFields(batch);
});

test("svd is the nearest matrix of its rank: what it misses are the singular values that it drops", async () => {
  const model = own(tinyModel());
  const [a, b] = [moved(model, { rank: 2 }, 1), moved(model, { rank: 2 }, 2)];
  const pairs = [
    [a, 0.7],
    [b, -0.4],
  ] as const;
  const whole = own(await combine(pairs, { method: "svd", rank: 4 }));
  const joined = own(await combine(pairs));
  const path = [...a.parameters.keys()][0]!.replace(".lora_A.weight", "");
  expect(productAt(whole, path)).toBeAllClose(productAt(joined, path), { absolute: 1e-6 });
  const cut = own(await combine(pairs, { method: "svd", rank: 2 }));
  const missed = productAt(joined, path).reduce((sum, value, i) => sum + (value - productAt(cut, path)[i]!) ** 2, 0);
  const roots = tidy(() => Array.from((whole.parameters.get(`${path}.lora_A.weight`) as Tensor2D).arraySync()));
  const squares = roots.map((row) => row.reduce((sum, value) => sum + value ** 2, 0) ** 2); // rows are √σ v
  expect(missed).toBeAllClose(squares[2]! + squares[3]!, { relative: 1e-3 });
});

test("what does not fit together is refused with its reason", async () => {
  const model = own(tinyModel());
  const [a, b] = [moved(model, { rank: 2 }, 1), moved(model, { rank: 3 }, 2)];
  const pair = [
    [a, 1],
    [b, 1],
  ] as const;
  const refuses = (deltas: readonly (readonly [Delta, number])[], options: CombineOptions, reason: RegExp) =>
    expect(combine(deltas, options)).rejects.toMatchObject({ code: "CONFIG", message: expect.stringMatching(reason) });
  await refuses(pair, { method: "linear" }, /ranks are 2, 3; use "cat" or "svd"/);
  await refuses(pair, { method: "ties" }, /needs a "density"/);
  await refuses(pair, { method: "cat", rank: 2 }, /has no "rank"; ranks add up/);
  await refuses(pair, { method: "svd", density: 0.5 }, /drops nothing/);
  await refuses(pair, { method: "svd", sign: "total" }, /elects no "sign"/);
  await refuses(pair, { method: "dare_linear", density: 0.5 }, /pass random/);
  await refuses(pair, { method: "cat", random: random(1) }, /draws nothing/);
  await refuses([[a, Number.NaN]], {}, /weight 0 must be a finite number, got NaN/);
  await refuses([], {}, /pass pairs/);
  await refuses([[own(ia3(model)), 1]], {}, /is of the kind "ia3".*toLora/);
  await refuses([[own(adapter(model, { bottleneck: 2 }, random(1))), 1]], {}, /is of the kind "adapter"/);
  const sizes = { vocab_size: 9, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 8 };
  const other = own(createModel({ model_type: "bert", hidden_size: 4, ...sizes }, random(1)));
  await refuses(
    [
      [a, 1],
      [own(lora(other, { rank: 2 }, random(1))), 1],
    ],
    {},
    /they are of different models/,
  );
});
