import { memory } from "@cambium/base";
import {
  disposeParameters,
  loadSafetensors,
  type Parameters,
  random,
  saveSafetensors,
  valueAndGradients,
} from "@cambium/core";
import { disposeFields, tinyModel } from "@cambium/models/testing";
import { adamW, sgd } from "@cambium/train";
import { div, norm, ones, type Tensor, tensor1d, tidy, zeros } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
import {
  expectGolden,
  expectSavedAgain,
  type GoldenBatch,
  goldenBatch,
  goldenFolder,
  goldenJson,
  loadGoldenBase,
} from "../files/golden.fixture.ts";
import { loadAdapter } from "../files/load-adapter.ts";
import { ourName, unwrapKey } from "../files/peft-names.ts";
import { saveAdapter } from "../files/save-adapter.ts";
import { disposeDelta } from "../testing/laws.ts";
import { adaLora } from "./ada-lora.ts";

const adapters = ["bert-adalora", "bert-adalora-pruned", "t5-adalora", "t5-adalora-pruned"];

test.each(adapters)("%s computes what PEFT computes, regularisation included", (name) => expectGolden(name));

const fields = ["init_r", "target_r", "lora_alpha", "tinit", "tfinal", "deltaT", "beta1", "beta2", "orth_reg_weight"];
test.each(adapters)("%s saved again is PEFT's file, empty tensors included", (name) =>
  expectSavedAgain(name, [...fields, "total_step", "rank_pattern"]),
);

interface Steps {
  readonly base: string;
  readonly optimiser: { readonly name: string; readonly lr: number };
  readonly schedule: { readonly init_r: number; readonly total_step: number; readonly tfinal: number };
  readonly batches: readonly GoldenBatch[];
  readonly steps: readonly {
    readonly batch: number;
    readonly regularised_loss: number;
    readonly budget: number;
    readonly masks: boolean;
    readonly rank_pattern: Readonly<Record<string, readonly boolean[]>> | null;
    readonly scores: Readonly<Record<string, readonly number[]>> | null;
    readonly E: Readonly<Record<string, readonly number[]>>;
  }[];
}

/** Importance of each number of E, from the means of A, B and E: sums in plain numbers. */
function scoresOf(...[a, b, e]: readonly ArrayLike<number>[][]): number[] {
  const product = ([first, second]: ArrayLike<number>[]): number[] => Array.from(first!, (x, i) => x * second![i]!);
  const rank = e![0]!.length;
  const meanWhere = (values: number[], isIn: (i: number) => boolean): number => {
    const chosen = values.filter((_, i) => isIn(i));
    return chosen.reduce((sum, value) => sum + value, 0) / chosen.length;
  };
  return product(e!).map(
    (own, row) =>
      own +
      meanWhere(product(a!), (i) => Math.floor(i / (a![0]!.length / rank)) === row) +
      meanWhere(product(b!), (i) => i % rank === row),
  );
}

test.each(["bert-adalora-steps", "t5-adalora-steps"])("%s takes PEFT's steps", async (name) => {
  const golden = goldenJson<Steps>(name, "steps.json");
  const base = await loadGoldenBase(golden.base);
  const delta = await loadAdapter(base, goldenFolder(name));
  const tuned = attach(base, delta);
  const optimiser =
    golden.optimiser.name === "AdamW"
      ? adamW({ learningRate: golden.optimiser.lr, weightDecay: 0 })
      : sgd({ learningRate: golden.optimiser.lr });
  const context = { random: random(1), training: false };
  let at: { parameters: Parameters; state: Parameters } = { parameters: tuned.parameters, state: tuned.state! };
  let memories = optimiser.init(at.parameters);
  const made: Parameters[] = [memories.tensors];
  for (const [index, expected] of golden.steps.entries()) {
    const batch = goldenBatch(golden.batches[expected.batch]!);
    const { value, gradients } = valueAndGradients(
      (point) => tuned.loss(point, batch, { ...context, state: at.state }),
      at.parameters,
    );
    expect(value).toBeAllClose(expected.regularised_loss, { absolute: 1e-4, relative: 1e-4 });
    const moved = optimiser.update(gradients, memories, at.parameters);
    memories = moved.state;
    const numbers = Object.entries(tuned.scalars!(index + 1, golden.steps.length));
    const scalars = Object.fromEntries(numbers.map(([key, number]) => [key, tensor1d([number])]));
    const settled = index > golden.schedule.total_step - golden.schedule.tfinal;
    expect(Object.fromEntries(numbers)).toMatchObject({
      "adaLora/prunes": Number(expected.masks && !settled),
      "adaLora/settled": Number(settled),
      "adaLora/cut": golden.schedule.init_r * Object.keys(expected.E).length - expected.budget,
    });
    const after = tuned.afterStep!({ state: at.state, parameters: moved.parameters, gradients, scalars });
    at = { parameters: new Map([...moved.parameters, ...after.parameters!]), state: after.state };
    made.push(gradients, moved.parameters, moved.state.tensors, after.state, after.parameters!);
    const own = (tree: Parameters, key: string, end: string): ArrayLike<number> =>
      tree.get(`adaLora/${ourName(base, unwrapKey(key)).replace("lora_E", end)}`)!.dataSync();
    for (const [key, values] of Object.entries(expected.E)) {
      // Fourteen steps of two implementations: PEFT's own in float64 is within 2e-4.
      expect(own(at.parameters, key, "lora_E")).toBeAllClose([...values], { absolute: 5e-4, relative: 1e-3 });
    }
    for (const [key, scores] of Object.entries(expected.scores ?? {})) {
      const [a, b, e] = ["lora_A", "lora_B", "lora_E"].map((end) =>
        ["sensitivity", "uncertainty"].map((mean) => own(at.state, key, `${end}.${mean}`)),
      );
      expect(scoresOf(a!, b!, e!)).toBeAllClose([...scores], { absolute: 0, relative: 1e-2 });
    }
    for (const [key, flags] of Object.entries(expected.rank_pattern ?? {})) {
      expect(Array.from(own(at.state, key, "kept"))).toEqual(flags.map(Number));
    }
    value.dispose();
    disposeFields(batch);
    for (const tensor of Object.values(scalars)) tensor.dispose();
  }
  const trees = [...made, delta.parameters, delta.buffers, delta.state, base.parameters];
  for (const tree of trees) disposeParameters(tree);
});

test("the budget falls with the cube of the steps, from the whole to the target", () => {
  const model = tinyModel();
  const delta = adaLora(
    model,
    { initialRank: 10, targetRank: 2, warmUpSteps: 2, finalSteps: 3, interval: 2 },
    random(1),
  );
  const at = (step: number): Readonly<Record<string, number>> => delta.scalars!(step, 15);
  // Four layers, 40 ranks to 8: steps 4 to 13 fall (PEFT's 3 to 12), at even numbers of PEFT's.
  expect(at(3)).toEqual({ observes: 1, prunes: 0, settled: 0, cut: 0 });
  expect(at(5)).toEqual({ observes: 1, prunes: 1, settled: 0, cut: 40 - Math.trunc(32 * 0.8 ** 3 + 8) });
  expect(at(6)).toMatchObject({ prunes: 0 });
  expect(at(13)).toEqual({ observes: 0, prunes: 1, settled: 0, cut: 32 });
  expect(at(14)).toEqual({ observes: 0, prunes: 0, settled: 1, cut: 32 });
  disposeDelta(delta);
  disposeParameters(model.parameters);
});

test("one rank is a rank: it is orthogonal where its vector has length 1", () => {
  const model = tinyModel();
  const delta = adaLora(model, { initialRank: 1, targetRank: 1 }, random(1));
  const { parameters, buffers, state, config } = delta;
  const penalty = (values: Parameters): number =>
    tidy(() => delta.penalty!({ parameters: values, buffers, state, config } as never).dataSync()[0]!);
  const unit = new Map([...parameters].map(([name, { shape }]) => [name, ones(shape)]));
  const scaled = new Map([...unit].map(([name, x]) => [name, tidy(() => div(x, norm(x)) as Tensor)]));
  expect(penalty(scaled)).toBeCloseTo(0, 5);
  expect(penalty(unit)).toBeGreaterThan(0.1);
  for (const tree of [unit, scaled, model.parameters]) disposeParameters(tree);
  disposeDelta(delta);
});

test("settings at odds are errors that say which", () => {
  const model = tinyModel();
  expect(() => adaLora(model, { initialRank: 2, targetRank: 3 }, random(1))).toThrow(/targetRank 3 is above/);
  expect(() => adaLora(model, { kept: { nowhere: [] } }, random(1))).toThrow(
    /kept\["nowhere"\] is none of the targets/,
  );
  const delta = adaLora(model, { warmUpSteps: 5, finalSteps: 5 }, random(1));
  expect(() => delta.scalars!(1, 10)).toThrow(/of 10 steps, 5 to warm up and 5 at the end leave none/);
  expect(() => delta.scalars!(1)).toThrow(/pass totalSteps/);
  disposeDelta(delta);
  disposeParameters(model.parameters);
});

test("files of older versions, with a count beside the tensors, are read", async () => {
  const model = tinyModel();
  const delta = adaLora(model, { initialRank: 2, targetRank: 1 }, random(1));
  const files = memory();
  await saveAdapter(attach(model, delta), files, { untrained: true });
  const [own, count] = [await loadSafetensors(files, "adapter_model.safetensors"), zeros([1])];
  const key = [...own.keys()][0]!.replace(/lora_A$/, "ranknum.default");
  await saveSafetensors(files, "adapter_model.safetensors", new Map([...own, [key, count]]));
  const again = await loadAdapter(model, files);
  expect([...again.parameters.keys()].sort()).toEqual([...delta.parameters.keys()].sort());
  for (const tree of [own, model.parameters, new Map([[key, count]])]) disposeParameters(tree);
  disposeDelta(delta);
  disposeDelta(again);
});
