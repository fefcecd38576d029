/** Merges by recipes in mergekit's YAML, against what mergekit made of them (`fixtures/make_mergekit_golden.py`). */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { disposeParameters, loadSafetensors, type Parameters, type Random } from "@cambium/core";
import { type Tensor, tensor } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { mergePoints } from "./merge-points.ts";
import { readMergekit } from "./mergekit.ts";
import { draws } from "./recipe.ts";

const fixtures = fileURLToPath(new URL("../../fixtures", import.meta.url));
const { tensors, recipes } = JSON.parse(readFileSync(`${fixtures}/mergekit.json`, "utf8")) as {
  readonly tensors: readonly [name: string, shape: readonly number[]][];
  readonly recipes: readonly string[];
};

/** What the script put in the place of chance: of every four entries the second falls out. */
const rule = {
  at: () => rule,
  uniforms: (count: number) => Float64Array.from({ length: count }, (_, i) => (i % 4 === 1 ? 0.9999 : 0)),
} as unknown as Random;

async function vectors(): Promise<ReadonlyMap<string, Float32Array>> {
  const all = await loadSafetensors(fixtures, "mergekit.safetensors");
  const read = new Map([...all].map(([name, each]) => [name, each.dataSync() as Float32Array] as const));
  const copies = new Map([...read].map(([name, values]) => [name, values.slice()]));
  disposeParameters(all);
  return copies;
}

function treeOf(values: Float32Array): Parameters {
  let from = 0;
  return new Map(
    tensors.map(([name, shape]): [string, Tensor] => {
      const size = shape.reduce((product, dimension) => product * dimension, 1);
      from += size;
      return [name, tensor(values.subarray(from - size, from), [...shape])];
    }),
  );
}

describe.each(recipes.map((text, number) => ({ number, text })))("recipe $number", ({ number, text }) => {
  test(`gives mergekit's numbers: ${text.replaceAll("\n", " ").slice(0, 120)}`, async () => {
    const stored = await vectors();
    const { recipe, models, base } = readMergekit(text);
    const points = models.map((name) => treeOf(stored.get(name)!));
    const start = base === undefined ? undefined : treeOf(stored.get(base)!);
    const merged = await mergePoints(points, {
      ...recipe,
      ...(start !== undefined && { base: start }),
      ...(draws(recipe.method!) && { random: rule }),
    });
    const found = tensors.flatMap(([name]) => [...merged.get(name)!.dataSync()]);
    // Values are of size 1: float32's rounding over some ten operations.
    expect(found).toBeAllClose([...stored.get(`merge.${number}`)!], { absolute: 1e-5, relative: 0 });
    for (const tree of [...points, merged, ...(start === undefined ? [] : [start])]) disposeParameters(tree);
  });
});

test("the base among the models is no change, whatever its parameters are", () => {
  const lines = [
    "merge_method: ties",
    "base_model: c",
    "models:",
    "  - model: c",
    "    parameters: { weight: 9 }",
    "  - model: a",
  ];
  const more = ["    parameters: { weight: 0.5, density: 0.4 }"];
  const { recipe, models: names, base } = readMergekit([...lines, ...more].join("\n"));
  expect({ recipe, names, base }).toEqual({
    recipe: { method: "ties", weight: { each: [0.5] }, density: { each: [0.4] } },
    names: ["a"],
    base: "c",
  });
  expect(() => readMergekit(lines.slice(0, 5).join("\n"))).toThrow("no model beside the base");
});

const yaml = (lines: readonly string[]): string => lines.join("\n");
const models = ["models:", "  - model: a", "  - model: b"];

test.each<[string, readonly string[], string]>([
  ["a method that is not ours", ["merge_method: nearswap", ...models], 'merge_method "nearswap" is not one of ours'],
  ["a mistyped method", ["merge_method: tie", ...models], 'is "ties" meant?'],
  [
    "a parameter that does not exist",
    ["merge_method: ties", "base_model: c", ...models, "parameters: { densty: 0.5 }"],
    'is "density" meant?',
  ],
  [
    "computing in 16 bits",
    ["merge_method: linear", "dtype: bfloat16", ...models],
    "dtype bfloat16: merges are computed in float32",
  ],
  ["tokenizers", ["merge_method: linear", "tokenizer_source: union", ...models], "is about tokenizers"],
  ["a base that is missing", ["merge_method: ties", ...models], "ties needs base_model"],
  ["no models", ["merge_method: linear"], 'neither "models" nor "slices"'],
  [
    "a weight for one model only",
    ["merge_method: linear", "models:", "  - model: a", "    parameters: { weight: 1 }", "  - model: b"],
    'model 1 has no "weight"',
  ],
  [
    "layers of different models",
    [
      "merge_method: linear",
      "slices:",
      "  - sources: [{ model: a, layer_range: [0, 2] }]",
      "  - sources: [{ model: b, layer_range: [2, 4] }]",
    ],
    "slices that put layers together in another way",
  ],
  ["a key that does not exist", ["merge_method: linear", "merge: 1", ...models], "no recipe that is read here"],
  ["no YAML", ["merge_method: [linear"], "this is no YAML"],
  [
    "a setting that the method does not read",
    ["merge_method: linear", ...models, "parameters: { weight: 1, density: 0.5 }"],
    '"linear" does not read "density"',
  ],
])("%s is an error that says so", (_, lines, message) => {
  expect(() => readMergekit(yaml(lines))).toThrow(message);
});
