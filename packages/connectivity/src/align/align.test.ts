import { disposeParameters, mapParameters, type Parameters, random } from "@cambium/core";
import { adapter, attach, type Delta, head, lora, prefix, prompt, type Tuned, whole } from "@cambium/delta";
import type { LanguageModel, LanguageOutput } from "@cambium/models";
import { tinyBatch, tinyModel } from "@cambium/models/testing";
import { add, dispose, type Tensor, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { measureBarrier } from "../barrier/run-path.ts";
import { line } from "../points/path.ts";
import { align } from "./align.ts";
import { assignRows } from "./assignment.ts";
import { symmetriesOf } from "./symmetries.ts";
import { permuteUnits } from "./units.ts";

const bits = (tree: Parameters) => Object.fromEntries([...tree].map(([name, value]) => [name, [...value.dataSync()]]));
const free = (...trees: readonly Parameters[]): void => {
  for (const tree of trees) disposeParameters(tree);
};
const near = (tree: Parameters, seed: number): Map<string, Tensor> =>
  mapParameters(tree, (tensor, name) => random(seed).at(name).normal(tensor.shape, 0, 0.5));

/** A copy with the units of every group in another order. */
function permuted(tuned: Tuned, tree: Parameters, seed: number): Map<string, Tensor> {
  const copy = mapParameters(tree, (tensor) => tensor.clone());
  for (const group of symmetriesOf(tuned)) {
    for (const [name, tensor] of permuteUnits(group, random(seed).at(group.name).permutation(group.size), copy)) {
      copy.get(name)!.dispose();
      copy.set(name, tensor);
    }
  }
  return copy;
}

const outcome = (model: Tuned<LanguageModel>, at: Parameters): number[] => {
  const batch = tinyBatch(model.base);
  const found = tidy(() => {
    const { logits, hidden } = model.forward(batch, { parameters: at }) as LanguageOutput;
    return [...(logits ?? hidden).dataSync()];
  });
  dispose(batch as unknown as Record<string, Tensor>);
  return found;
};

const cases: [string, string, (model: LanguageModel) => Delta, readonly string[]][] = [
  ["all weights of a BERT", "bert", (model) => whole(model), ["neurons", "heads"]],
  ["all weights of a GPT-2, whose projections are fused", "gpt2", (model) => whole(model), ["neurons", "heads"]],
  ["all weights of a LLaMA, whose heads share keys", "llama", (model) => whole(model), ["neurons", "heads"]],
  ["all weights of a T5, whose layers share positions", "t5", (model) => whole(model), ["neurons"]],
  ["all weights of a DistilBERT", "distilbert", (model) => whole(model), ["neurons", "heads"]],
  ["all weights of a Qwen 3", "qwen3", (model) => whole(model), ["neurons", "heads"]],
  ["adapters", "bert", (model) => adapter(model, { bottleneck: 5 }, random(1)), ["bottleneck"]],
  ["a prefix", "bert", (model) => prefix(model, { length: 6 }, random(1)), ["tokens"]],
  [
    "a prefix with a network",
    "bert",
    (model) => prefix(model, { length: 6, network: { hidden: 4 } }, random(1)),
    ["tokens"],
  ],
];

test.each(cases)("a permuted copy of %s computes the same, and comes back bit by bit", async (_, type, make, kinds) => {
  const base = tinyModel({ type });
  const tuned = attach(base, make(base));
  const tree = near(tuned.parameters, 1);
  const copy = permuted(tuned, tree, 2);
  expect(outcome(tuned, copy)).toBeAllClose(outcome(tuned, tree), { absolute: 2e-4, relative: 1e-3 });
  expect(bits(copy)).not.toEqual(bits(tree));
  const aligned = await align(tuned.with(tree), tuned.with(copy));
  expect(bits(aligned.parameters)).toEqual(bits(tree));
  expect(new Set(aligned.groups.map(({ kind }) => kind))).toEqual(new Set(kinds));
  expect(aligned.isIdentity).toBe(false);
  free(aligned.parameters, copy, tree, tuned.parameters, base.parameters);
});

test("a permuted copy returns to a barrier of exactly 0, which it did not have before", async () => {
  const base = tinyModel();
  const tuned = attach(base, adapter(base, { bottleneck: 5 }, random(1)), head(base));
  const tree = near(tuned.parameters, 1);
  const copy = permuted(tuned, tree, 2);
  const data = {
    batchCount: 1,
    describe: () => ({}),
    async *epoch() {
      yield { batch: tinyBatch(base), rows: 3, isLast: true };
    },
  };
  const aligned = await align(tuned.with(tree), tuned.with(copy));
  const [before, after] = [line(tree, copy), line(tree, aligned)];
  const options = { points: 5, resamples: 0 };
  expect((await measureBarrier(tuned, before, data, options)).barrierLinear).toBeGreaterThan(1e-3);
  const measured = await measureBarrier(tuned, after, data, options);
  expect([measured.barrier, measured.barrierLinear, measured.length]).toEqual([0, 0, 0]);
  free(aligned.parameters, copy, tree, tuned.parameters, base.parameters);
});

test("a plain model is aligned like a tuned one", async () => {
  const base = tinyModel();
  const groups = symmetriesOf(base);
  const copy = new Map(base.parameters);
  const made = permuteUnits(groups[0]!, random(3).permutation(groups[0]!.size), base.parameters);
  for (const [name, tensor] of made) copy.set(name, tensor);
  const aligned = await align(base, { ...base, parameters: copy });
  expect(bits(aligned.parameters)).toEqual(bits(base.parameters));
  expect(aligned.groups.filter(({ moved }) => moved > 0)).toHaveLength(1);
  free(aligned.parameters, made, base.parameters);
});

test("models that differ by less than a permutation are left as they are, and that is said", async () => {
  const base = tinyModel();
  const tuned = attach(base, whole(base));
  const other = mapParameters(tuned.parameters, (tensor, name) =>
    tidy(() => add(tensor, random(4).at(name).normal(tensor.shape, 0, 1e-3))),
  );
  const aligned = await align(tuned, tuned.with(other));
  expect(aligned.isIdentity).toBe(true);
  expect(bits(aligned.parameters)).toEqual(bits(other));
  free(aligned.parameters, other, tuned.parameters, base.parameters);
});

/** `T A` and `B T⁻¹` of every layer, T being `[[2, 1], [0, -0.5]]`. */
function turned(tree: Parameters): Map<string, Tensor> {
  return mapParameters(tree, (tensor, name) =>
    tidy(() => {
      const values = tensor.arraySync() as number[][];
      if (name.includes("lora_A")) {
        const [x, y] = values as [number[], number[]];
        return tensor2d([x.map((each, i) => 2 * each + y[i]!), y.map((each) => -0.5 * each)]);
      }
      // T⁻¹ = [[1/2, 1], [0, -2]]
      return name.includes("lora_B") ? tensor2d(values.map(([p, q]) => [p! / 2, p! - 2 * q!])) : tensor.clone();
    }),
  );
}

test("a LoRA whose factors were turned and scaled comes back, and computes what it did", async () => {
  const base = tinyModel();
  const tuned = attach(base, lora(base, { rank: 2 }, random(1)), head(base));
  const tree = near(tuned.parameters, 1);
  const copy = turned(tree);
  expect(outcome(tuned, copy)).toBeAllClose(outcome(tuned, tree), { absolute: 1e-4 });
  const aligned = await align(tuned.with(tree), tuned.with(copy));
  for (const [name, tensor] of tree) expect(aligned.parameters.get(name)!).toBeAllClose(tensor, { absolute: 1e-5 });
  expect(aligned.groups.every(({ kind, moved }) => kind === "rotation" && moved === 2)).toBe(true);
  free(aligned.parameters, copy, tree, tuned.parameters, base.parameters);
});

test("of any two LoRAs the moved one computes what it did, and lies no farther", async () => {
  const base = tinyModel();
  const tuned = attach(base, lora(base, { rank: 3 }, random(1)));
  const [a, b] = [near(tuned.parameters, 1), near(tuned.parameters, 2)];
  const aligned = await align(tuned.with(a), tuned.with(b));
  expect(outcome(tuned, aligned.parameters)).toBeAllClose(outcome(tuned, b), { absolute: 1e-4 });
  expect(aligned.groups.every(({ gain }) => gain >= 0)).toBe(true);
  free(aligned.parameters, a, b, tuned.parameters, base.parameters);
});

test("a LoRA at its start, whose product is zero, is only turned, and stays finite", async () => {
  const base = tinyModel();
  const tuned = attach(base, lora(base, { rank: 2 }, random(1)));
  const other = attach(base, lora(base, { rank: 2 }, random(2)));
  const aligned = await align(tuned, other);
  for (const tensor of aligned.parameters.values()) expect([...tensor.dataSync()].every(Number.isFinite)).toBe(true);
  free(aligned.parameters, tuned.parameters, other.parameters, base.parameters);
});

test("tokens of a soft prompt have places, so that nothing may move", () => {
  const base = tinyModel();
  const tuned = attach(base, prompt(base, { length: 4 }, random(1)));
  expect(symmetriesOf(tuned)).toEqual([]);
  free(tuned.parameters, base.parameters);
});

test("a group of which a part is frozen is none", () => {
  const base = tinyModel();
  const tuned = attach(base, whole(base, { modules: ["encoder.layer.0.intermediate"] }));
  expect(symmetriesOf(tuned)).toEqual([]);
  free(tuned.parameters, base.parameters);
});

test("an assignment has the greatest sum of all", () => {
  const all = (items: readonly number[]): number[][] =>
    items.length < 2
      ? [[...items]]
      : items.flatMap((item) => all(items.filter((each) => each !== item)).map((rest) => [item, ...rest]));
  for (let seed = 0; seed < 30; seed++) {
    const size = 1 + (seed % 6);
    // Few values, so that there are ties.
    const gains = Float64Array.from(random(seed).integers(size * size, 5), (value) => value - 2);
    const sumOf = (order: ArrayLike<number>): number =>
      Array.from(order).reduce((sum, column, row) => sum + gains[row * size + column]!, 0);
    const order = assignRows(gains, size);
    expect([...order].sort((x, y) => x - y)).toEqual(Array.from({ length: size }, (_, i) => i));
    const best = Math.max(...all(Array.from({ length: size }, (_, i) => i)).map(sumOf));
    expect(sumOf(order)).toBe(best);
  }
});

test("models of other sizes are an error that lists what differs", async () => {
  const base = tinyModel();
  const [a, b] = [2, 3].map((rank) => attach(base, lora(base, { rank }, random(1)))) as unknown as [Tuned, Tuned];
  await expect(align(a, b)).rejects.toThrow("is [2,");
  await expect(align(a, a, { sweeps: 0 })).rejects.toThrow("sweeps must be an integer from 1");
  await expect(align(a, a, { sweep: 2 } as never)).rejects.toThrow('"sweeps" meant');
  free(a.parameters, b.parameters, base.parameters);
});
