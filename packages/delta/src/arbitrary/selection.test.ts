import { disposeParameters, random, useBackend } from "@cambium/core";
import { modelLayout } from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { beforeAll, expect, test } from "vitest";
import { describeTargets } from "../describe.ts";
import { disposeDelta } from "../testing/laws.ts";
import { arbitrary } from "./arbitrary.ts";
import { readIndices } from "./index-text.ts";
import type { Manifest } from "./manifest.ts";
import type { ArbitraryOptions, Granularity, Pool } from "./options.ts";
import { selectArbitrary } from "./selection.ts";

// 2 layers of width 8 with heads of 2 and a feed-forward width of 16: small enough to count by hand.
const sizes = { vocab_size: 30, hidden_size: 8, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 16 };
const head = { kind: "sequence-classification", labels: ["no", "yes"] } as const;
const bert = modelLayout({ model_type: "bert", ...sizes, max_position_embeddings: 20 }, { head });
const t5 = modelLayout({
  model_type: "t5",
  vocab_size: 30,
  d_model: 8,
  d_kv: 4,
  d_ff: 16,
  num_layers: 2,
  num_heads: 2,
});

const select = (options: ArbitraryOptions, seed = 1, layout = bert): Manifest =>
  selectArbitrary(layout, options, random(seed));
const total = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, x) => sum + x, 0);
const placesOf = ({ parts }: Manifest): string[] =>
  parts.flatMap(({ tensor, shape, all, rows, scalars }) => {
    const size = shape.reduce((a, b) => a * b, 1);
    if (all) return [`${tensor} all`];
    return [
      ...(rows === undefined ? [] : [...readIndices(rows, shape[0]!, "")].map((row) => `${tensor} row ${row}`)),
      ...(scalars === undefined ? [] : [...readIndices(scalars, size, "")].map((at) => `${tensor} ${at}`)),
    ];
  });

const granularities: readonly Granularity[] = ["scalar", "row", "tensor", "group"];
const pools: readonly (Pool | readonly Pool[])[] = [
  "weights",
  "bias",
  "lora",
  "adapter",
  "prompt",
  "prefix",
  ["weights", "bias"],
  ["weights", "lora", "adapter"],
  ["weights", "bias", "lora", "adapter", "prompt", "prefix"],
];
const everywhere = granularities.flatMap((granularity) => pools.map((pool) => ({ granularity, pool })));

test.each(everywhere)("$granularity of $pool is exactly the count that was asked for", ({ granularity, pool }) => {
  for (const count of [1, 7, 100, 131]) {
    const manifest = select({
      count,
      granularity,
      pool,
      ...(pool !== "weights" && pool.includes("adapter") && { adapter: { bottleneck: 2 } }),
    });
    expect(manifest.count).toBe(count);
    expect(manifest.parts.reduce((sum, part) => sum + part.count, 0)).toBe(count);
    expect(total(manifest.layers)).toBe(count);
    expect(total(manifest.roles)).toBe(count);
    expect(new Set(placesOf(manifest)).size).toBe(placesOf(manifest).length);
  }
});

test.each(everywhere)(
  "$granularity of $pool that skips what does not fit never has more than the count",
  ({ granularity, pool }) => {
    for (const count of [130, 150]) {
      const adapter = pool !== "weights" && pool.includes("adapter") && { adapter: { bottleneck: 2 } };
      const manifest = select({ count, granularity, pool, fit: "skip", ...adapter });
      expect(manifest.count).toBeLessThanOrEqual(count);
      if (granularity !== "scalar") for (const { scalars } of manifest.parts) expect(scalars).toBeUndefined();
    }
  },
);

// 11 d weights in vectors of a layer: q, k, v, out, ff.down and two norms have 8 or twice 8, ff.up 16; 8·8·4 + 2·8·16 in matrices.
const LAYER = 4 * 64 + 2 * 128 + 11 * 8;
const EMBEDDINGS = (30 + 20 + 2 + 2) * 8; // words, positions, types, and the norm's gain and bias
const POOLER = 64 + 8;
const HEAD = 2 * 8 + 2;

test.each<[string, ArbitraryOptions, number]>([
  ["everything but the head", {}, EMBEDDINGS + 2 * LAYER + POOLER],
  ["the head as well", { excludeHead: false }, EMBEDDINGS + 2 * LAYER + POOLER + HEAD],
  ["no tables", { excludeEmbeddings: true }, 16 + 2 * LAYER + POOLER],
  ["one layer", { layers: [1] }, LAYER],
  ["queries of one layer", { layers: [0], roles: ["attn.q"] }, 64 + 8],
  ["matrices of queries", { roles: ["attn.q"], excludeVectors: true }, 2 * 64],
  ["norms", { roles: ["attn.norm", "ff.norm", "embed.norm"] }, 5 * 16],
  ["biases", { pool: "bias" }, 2 * (4 * 8 + 16 + 8 + 16) + 8 + 8],
  ["LoRA of rank 8 on queries and values", { pool: "lora" }, 4 * 8 * 16],
  ["adapters of 24", { pool: "adapter" }, 4 * (2 * 8 * 24 + 24 + 8)],
  ["20 rows of a prompt", { pool: "prompt" }, 160],
  ["20 rows of a prefix", { pool: "prefix" }, 20 * 2 * 2 * 8],
])("%s: all of it can be chosen, and no more", (_, options, size) => {
  expect(select({ ...options, count: size }).parts.every(({ all }) => all)).toBe(true);
  expect(() => select({ ...options, count: size + 1 })).toThrow(`there are ${size} scalars to choose from`);
});

test("T5's biases are those that its layers and norms do not have", () => {
  const { roles, parts } = select({ count: 10, pool: "bias", granularity: "scalar" }, 1, t5);
  expect(total(roles)).toBe(10);
  expect(parts.every(({ tensor }) => tensor.endsWith(".bias") && !t5.parameters.has(tensor))).toBe(true);
});

test("the pools share the count: half for weights, half for the others together", () => {
  const manifest = select({ count: 200, pool: ["weights", "lora", "prompt"] });
  const ofWeights = manifest.parts.filter(({ tensor }) => bert.parameters.has(tensor));
  expect(ofWeights.reduce((sum, { count }) => sum + count, 0)).toBe(100);
});

test("stated shares of pools are kept", () => {
  const { parts } = select({
    count: 200,
    pool: ["weights", "lora", "prompt"],
    split: { weights: 5, lora: 3, prompt: 2 },
  });
  const sum = (is: (name: string) => boolean): number =>
    parts.filter(({ tensor }) => is(tensor)).reduce((all, { count }) => all + count, 0);
  expect(sum((name) => name.includes("lora"))).toBe(60);
  expect(sum((name) => name.startsWith("prompt."))).toBe(40);
});

test("a pool that is smaller than its share leaves the rest to the others", () => {
  const { count, parts } = select({ count: 600, pool: ["weights", "prompt"] });
  expect(count).toBe(600);
  expect(parts.filter(({ tensor }) => tensor.startsWith("prompt.")).reduce((sum, part) => sum + part.count, 0)).toBe(
    160,
  );
});

test.each(["scalar", "row"] as const)("every layer has its least and at most its most, by %s", (granularity) => {
  for (const seed of [1, 2, 3]) {
    const { layers, count } = select({ count: 130, granularity, minPerLayer: 50, maxPerLayer: 60 }, seed);
    expect(count).toBe(130);
    for (const layer of ["0", "1"]) {
      expect(layers[layer]).toBeGreaterThanOrEqual(50);
      expect(layers[layer]).toBeLessThanOrEqual(60);
    }
  }
});

test("limits that cannot be kept are errors that say which", () => {
  expect(() => select({ count: 90, minPerLayer: 50 })).toThrow('too small for "minPerLayer" 50');
  expect(() => select({ count: 100, layers: [0, 1], maxPerLayer: 40 })).toThrow("there are 80 scalars");
  expect(() => select({ count: 64, granularity: "tensor", fit: "skip", minPerLayer: 30, roles: ["ff.up"] })).toThrow(
    "minPerLayer",
  );
});

test("groups of LoRA and adapters come whole, and nothing of them is dead", () => {
  const { parts, dead } = select({
    count: 700,
    granularity: "group",
    pool: ["lora", "adapter"],
    fit: "skip",
    adapter: { bottleneck: 4 },
  });
  expect(dead).toBe(0);
  const groups = new Map<string, number>();
  for (const { tensor } of parts) {
    const group = tensor.replace(/\.(lora_[AB]\.weight|(down|up)\.(weight|bias))$/, "");
    groups.set(group, (groups.get(group) ?? 0) + 1);
  }
  for (const [group, tensors] of groups) expect(tensors).toBe(group.endsWith("adapter") ? 4 : 2);
});

test("entries of A whose column of B is not chosen are counted as dead", () => {
  const manifest = select({ count: 20, pool: "lora", roles: ["attn.q"], layers: [0] });
  const path = "encoder.layer.0.attention.self.query";
  const part = (name: string): number[] => {
    const found = manifest.parts.find(({ tensor }) => tensor === `${path}.${name}.weight`);
    return found?.scalars === undefined ? [] : [...readIndices(found.scalars, 64, "")];
  };
  const columns = new Set(part("lora_B").map((at) => at % 8));
  const dead = part("lora_A").filter((at) => !columns.has(Math.floor(at / 8)));
  expect(manifest.dead).toBe(dead.length);
  expect(dead.length).toBeGreaterThan(0);
});

test("the same randomness chooses the same, other randomness and other counts other scalars", () => {
  expect(select({ count: 50 })).toEqual(select({ count: 50 }));
  expect(placesOf(select({ count: 50 }))).not.toEqual(placesOf(select({ count: 50 }, 2)));
  const [fewer, more] = [placesOf(select({ count: 50 })), new Set(placesOf(select({ count: 51 })))];
  expect(fewer.filter((place) => more.has(place)).length).toBeLessThan(25);
});

test("choices are pinned, so that recipes in files keep their meaning", () => {
  expect(placesOf(select({ count: 4 }))).toMatchInlineSnapshot(`
    [
      "embeddings.position_embeddings.weight 52",
      "encoder.layer.0.attention.output.dense.weight 62",
      "encoder.layer.1.attention.self.key.weight 20",
      "encoder.layer.1.output.dense.weight 1",
    ]
  `);
  expect(placesOf(select({ count: 24, granularity: "row" }))).toMatchInlineSnapshot(`
    [
      "embeddings.position_embeddings.weight row 15",
      "encoder.layer.0.intermediate.dense.weight row 10",
      "encoder.layer.1.attention.self.key.weight row 0",
    ]
  `);
  expect(placesOf(select({ count: 30, granularity: "group", pool: ["weights", "prompt"] }))).toMatchInlineSnapshot(`
    [
      "prompt.18 all",
      "embeddings.LayerNorm.bias all",
      "embeddings.LayerNorm.weight all",
      "embeddings.position_embeddings.weight 116",
      "encoder.layer.0.output.dense.weight 26",
      "encoder.layer.0.output.dense.weight 125",
      "encoder.layer.1.intermediate.dense.weight 39",
      "encoder.layer.1.output.LayerNorm.bias 3",
      "encoder.layer.1.output.dense.weight 61",
    ]
  `);
});

test("every weight is chosen equally often", () => {
  const size = EMBEDDINGS + 2 * LAYER + POOLER;
  const hits = new Map<string, number>();
  const [trials, count] = [600, 400];
  for (let seed = 0; seed < trials; seed++)
    for (const { tensor, count } of select({ count: 400 }, seed).parts)
      hits.set(tensor, (hits.get(tensor) ?? 0) + count);
  const sizeOf = (name: string): number => bert.parameters.get(name)!.shape.reduce((a, b) => a * b, 1);
  // Scalars are drawn without replacement, so that counts vary less than with it: Pearson's statistic is at most chi-squared
  // with a degree of freedom less than tensors. P(X > k + 2√(14 k) + 28) < exp(−14) = 8.3e-7 (Laurent and Massart 2000).
  const degrees = hits.size - 1;
  const statistic = [...hits].reduce((sum, [name, hit]) => {
    const expected = (trials * count * sizeOf(name)) / size;
    return sum + (hit - expected) ** 2 / expected;
  }, 0);
  expect(statistic).toBeLessThan(degrees + 2 * Math.sqrt(14 * degrees) + 28);
});

test("a recipe is as small for many scalars as for few, and 10^10 candidates are no list", () => {
  const huge = modelLayout({
    model_type: "bert",
    vocab_size: 250_000,
    hidden_size: 8192,
    num_hidden_layers: 10,
    num_attention_heads: 64,
    intermediate_size: 32_768,
  });
  const { count, parts } = select({ count: 10_000 }, 1, huge);
  expect(count).toBe(10_000);
  expect(parts.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)).toBeGreaterThan(9e9);
});

test("what does not go together is an error that names it", () => {
  expect(() => select({ count: 5, granularty: "row" } as never)).toThrow('is "granularity" meant?');
  expect(() => select({})).toThrow('"count"');
  expect(() => select({ count: 5, roles: ["attn.qq"] })).toThrow('is "attn.q" meant?');
  expect(() => select({ count: 5, lora: { rank: 2 } })).toThrow('"lora" has options, and is not in "pool"');
  expect(() => select({ count: 5, split: { lora: 1 } })).toThrow('"split" has a share for "lora"');
  expect(() => select({ count: 5, minPerLayer: 4, maxPerLayer: 3 })).toThrow('is below "minPerLayer"');
  expect(() => describeTargets(bert, arbitrary, { count: 5 })).toThrow("pass randomness");
});

const gpt2 = modelLayout({ model_type: "gpt2", vocab_size: 30, n_embd: 8, n_layer: 2, n_head: 2 });

test.each<[what: string, options: ArbitraryOptions, message: string, layout?: typeof bert]>([
  ["a layer that there is not", { layers: [0, 2] }, "the model has no layer 2; there are 2, counted from 0"],
  ["a role without weights", { roles: ["attn.q", "block"] }, 'nothing to choose has the role "block"; there are'],
  ["a role of another pool", { pool: "lora", roles: ["attn.q", "ff.up"] }, "there are attn.q, attn.v"],
  ["a part of a layer", { roles: ["attn.q", "ff.up"] }, '"attn.q" is a part of "attn.qkv" here', gpt2],
])("%s beside one that exists is no silent half", (_, options, message, layout = bert) => {
  expect(() => select({ count: 5, ...options }, 1, layout)).toThrow(message);
});

test.each<[Pool, ArbitraryOptions]>([
  ["lora", { lora: { bias: "all" } }],
  ["lora", { lora: { loraBias: true } }],
  ["lora", { lora: { gate: true } }],
  ["lora", { lora: { init: "pissa" } }],
  ["lora", { lora: { targets: ["embed"] } }],
  ["adapter", { adapter: { gate: true } }],
  ["adapter", { adapter: { bottleneck: 4, phm: { division: 2 } } }],
  ["prefix", { prefix: { gate: true } }],
  ["prefix", { prefix: { network: { hidden: 4 } } }],
])("settings of %s by which there is more than can be chosen are refused: %j", (pool, options) => {
  expect(() => select({ count: 5, pool, ...options })).toThrow(`with these settings of "${pool}" there is "`);
});

test("rows of a prompt that starts as a text start as its words, one after the other", () => {
  const model = tinyModel();
  const words = model.parameters.get("embeddings.word_embeddings.weight")!.arraySync() as number[][];
  const init = [3, 5, 7];
  const delta = arbitrary(model, { count: 32, pool: "prompt", prompt: { length: 4, init } }, random(1));
  expect([...delta.parameters].map(([name, row]) => [name, ...row.dataSync()])).toEqual(
    [3, 5, 7, 3].map((word, i) => [`prompt.${i}`, ...words[word]!]),
  );
  disposeDelta(delta);
  disposeParameters(model.parameters);
});

test("a choice of nothing is an error that says what to do", () => {
  expect(() => select({ count: 3, granularity: "tensor", fit: "skip", excludeVectors: true })).toThrow(
    /no tensor fits into a count of 3; take a larger count or smaller pieces/,
  );
});

test("a config whose recipe chooses other scalars here is refused", () => {
  const config = arbitrary.parse(
    { count: 50 },
    { ...bert, tensors: bert.parameters, sites: () => bert.sites } as never,
    random(1),
  );
  expect(() => select({ ...config, digest: "0000" } as never)).toThrow("chooses other scalars here");
});

test.each(["cpu", "wasm", "onnx"] as const)("the choice on %s is the one that was pinned", async (backend) => {
  await useBackend(backend);
  const model = tinyModel();
  const delta = arbitrary(model, { count: 60, pool: ["weights", "lora"] }, random(5));
  expect((delta.config as { digest: string }).digest).toBe("318823741aeebb37");
  disposeDelta(delta);
  disposeParameters(model.parameters);
});

beforeAll(() => useBackend("cpu"));
