import { result } from "@cambium/base";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import { bitFit, head, lora, type Tuned, whole } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { expectClose } from "@cambium/models/testing";
import { adamW } from "@cambium/train";
import { add, memory, mul, type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { recycle } from "../transfer/recycle.ts";
import {
  COLOURS,
  first,
  later,
  scores,
  tinyData,
  tinyRows,
  trained,
  tunedOn,
  withValues,
} from "../versions.fixture.ts";
import { type FitProjectionOptions, fitProjection } from "./fit.ts";
import type { TunedPair } from "./projection.ts";
import { solveCholesky } from "./solve.ts";
import { trainProjection } from "./train.ts";

/** Tasks by BitFit whose deltas on the new model are a known function of those on the old one. */
function planted(
  image: (name: string, value: Tensor, task: number) => Tensor,
  count = 3,
): { base: LanguageModel; next: LanguageModel; pairs: TunedPair[]; free: (...trees: Parameters[]) => void } {
  const base = first();
  const next = later(base);
  const pairs = Array.from({ length: count }, (_, task): TunedPair => {
    const delta = trained(bitFit(base), 0.2, 20 + task);
    const parameters = new Map(
      [...delta.parameters].map(([name, value]) => [name, tidy(() => image(name, value, task))]),
    );
    return {
      old: tunedOn(base, delta, trained(head(base), 0.1, 40 + task)),
      current: tunedOn(next, { ...delta, parameters }, trained(head(next), 0.1, 60 + task)),
    };
  });
  return {
    base,
    next,
    pairs,
    free: (...trees) => {
      for (const tree of [base.parameters, next.parameters, ...trees]) disposeParameters(tree);
      for (const { old, current } of pairs) for (const each of [old, current]) disposeParameters(each.parameters);
    },
  };
}

const options = (kind: FitProjectionOptions["kind"]): FitProjectionOptions => ({ kind: kind! });
const ofTask = (model: Tuned<LanguageModel>): Parameters =>
  new Map([...model.parameters].filter(([name]) => name.startsWith("bitFit/")));

test("the identity is direct application", async () => {
  const { next, pairs, free } = planted((_, value) => mul(value, 2));
  const projection = await fitProjection(pairs, options("identity"));
  const [direct, projected] = [
    await recycle(pairs[0]!.old, next, { method: "initialise" }),
    await recycle(pairs[0]!.old, next, { method: "project", projection }),
  ];
  expect(await scores(projected)).toEqual(await scores(direct));
  free(direct.parameters, projected.parameters);
});

test("a planted shift is found by its mean, for tasks that it was not fitted on", async () => {
  const shift = (value: Tensor): Tensor =>
    add(value, tensor1d(Float32Array.from({ length: value.size }, (_, i) => 0.1 * i)));
  const { base, next, pairs, free } = planted((_, value) => shift(value));
  const projection = await fitProjection(pairs, options("mean-shift"));
  const unseen = tunedOn(base, trained(bitFit(base), 0.3, 99));
  const moved = await recycle(unseen, next, { method: "project", projection });
  for (const [name, value] of ofTask(unseen)) tidy(() => expectClose(moved.parameters.get(name)!, shift(value)));
  projection.dispose();
  free(unseen.parameters, moved.parameters);
});

test("a planted scale and shift of each tensor is found exactly", async () => {
  const line = (name: string, value: Tensor): Tensor => add(mul(value, name.length / 20), name.length / 100);
  const { base, next, pairs, free } = planted(line);
  const projection = await fitProjection(pairs, options("scale-shift"));
  const unseen = tunedOn(base, trained(bitFit(base), 0.3, 99));
  const moved = await recycle(unseen, next, { method: "project", projection });
  for (const [name, value] of ofTask(unseen))
    tidy(() =>
      expectClose(moved.parameters.get(name)!, line(name.slice("bitFit/".length), value), {
        relative: 1e-3,
        absolute: 1e-4,
      }),
    );
  projection.dispose();
  free(unseen.parameters, moved.parameters);
});

test("a ridge of next to no penalty gives the pairs back, one without end the mean shift", async () => {
  const { next, pairs, free } = planted((name, value, task) => add(mul(value, 1.5), task * name.length * 0.01), 4);
  const small = await fitProjection(pairs, { kind: "ridge", penalty: 1e-6 });
  const back = await recycle(pairs[2]!.old, next, { method: "project", projection: small });
  for (const [name, value] of ofTask(pairs[2]!.current))
    expectClose(back.parameters.get(name)!, value, { absolute: 1e-3 });
  const [large, mean] = [
    await fitProjection(pairs, { kind: "ridge", penalty: 1e9 }),
    await fitProjection(pairs, options("mean-shift")),
  ];
  const [a, b] = [
    await recycle(pairs[0]!.old, next, { method: "project", projection: large }),
    await recycle(pairs[0]!.old, next, { method: "project", projection: mean }),
  ];
  for (const [name, value] of a.parameters) expectClose(value, b.parameters.get(name)!, { absolute: 1e-4 });
  for (const each of [small, large, mean]) each.dispose();
  free(back.parameters, a.parameters, b.parameters);
});

test("the dual solution is that of the normal equations", () => {
  const key = random(3);
  const [n, d, lambda] = [4, 3, 0.7];
  const x = Array.from({ length: n }, (_, i) => [...key.at("x").at(i).normals(d)]);
  const r = [...key.at("r").normals(n)];
  const v = [...key.at("v").normals(d)];
  const dotOf = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  // Primal: w = (Xᵀ X + λ I)⁻¹ Xᵀ r.
  const gram = Array.from({ length: d }, (_, i) =>
    Float64Array.from(
      { length: d },
      (_, j) => x.reduce((sum, row) => sum + row[i]! * row[j]!, 0) + (i === j ? lambda : 0),
    ),
  );
  const w = solveCholesky(
    gram,
    Float64Array.from({ length: d }, (_, i) => x.reduce((sum, row, k) => sum + row[i]! * r[k]!, 0)),
  );
  // Dual: v · Xᵀ (X Xᵀ + λ I)⁻¹ r.
  const kernel = x.map((a, i) => Float64Array.from(x, (b, j) => dotOf(a, b) + (i === j ? lambda : 0)));
  const dual = solveCholesky(kernel, Float64Array.from(r));
  const shares = x.map((row) => dotOf(row, v));
  expect(dotOf(shares, [...dual])).toBeCloseTo(dotOf(v, [...w]), 12);
  expect(() => solveCholesky([Float64Array.of(0)], Float64Array.of(1))).toThrow("raise penalty");
});

test("of replaced weights it is the change that is mapped", async () => {
  const base = first();
  const next = later(base);
  const pairs = [1, 2].map((seed): TunedPair => {
    const old = tunedOn(base, trained(whole(base), 0.1, seed));
    const current = new Map(
      [...old.parameters].map(([name, value]) => {
        const key = name.slice("whole/".length);
        const change = tidy(() => add(mul(value, 2), mul(base.parameters.get(key)!, -2)));
        const moved = tidy(() => add(next.parameters.get(key)!, change));
        change.dispose();
        return [key, moved];
      }),
    );
    return { old, current: tunedOn(next, { ...old.deltas[0]!, parameters: current }) };
  });
  const before = memory().numTensors;
  const projection = await fitProjection(pairs, options("scale-shift"));
  const moved = await recycle(pairs[0]!.old, next, { method: "project", projection });
  const name = "whole/encoder.layer.0.output.dense.weight";
  expectClose(moved.parameters.get(name)!, pairs[0]!.current.parameters.get(name)!, { absolute: 1e-3 });
  projection.dispose();
  disposeParameters(moved.parameters);
  expect(memory().numTensors).toBe(before);
  for (const tree of [base, next, ...pairs.flatMap(({ old, current }) => [old, current])])
    disposeParameters(tree.parameters);
});

test("heads of other labels are not mapped", async () => {
  const { base, next, pairs, free } = planted((_, value) => value.clone());
  const projection = await fitProjection(pairs, { kind: "mean-shift", classifier: "include" });
  const labels = { kind: "sequence-classification", labels: ["ham", "spam", "other"] } as const;
  const [otherBase, otherNext] = [withValues(base, base.parameters, labels), withValues(next, next.parameters, labels)];
  const unseen = tunedOn(otherBase, trained(bitFit(otherBase)), trained(head(otherBase)));
  await expect((async () => recycle(unseen, otherNext, { method: "project", projection }))()).rejects.toThrow(
    'classifier: "exclude"',
  );
  const current = tunedOn(otherNext, ...unseen.deltas);
  await expect(fitProjection([...pairs, { old: unseen, current }], { classifier: "include" })).rejects.toThrow(
    "ham, spam, other",
  );
  const foreign = tunedOn(base, trained(lora(base, { rank: 2 }, random(1))));
  await expect((async () => recycle(foreign, next, { method: "project", projection }))()).rejects.toMatchObject({
    code: "SHAPE",
  });
  await expect(fitProjection([{ old: foreign, current: pairs[0]!.current }])).rejects.toMatchObject({ code: "SHAPE" });
  await expect(fitProjection([])).rejects.toThrow("there are no pairs");
  await expect(fitProjection(pairs, { kind: "mean-shift", penalty: 1 })).rejects.toThrow("has no penalty");
  projection.dispose();
  free(unseen.parameters, foreign.parameters);
  expect(COLOURS.kind).toBe("sequence-classification");
});

test.each(["residual", "reference"] as const)(
  "a trained %s map starts as it should and lowers the loss of its tasks",
  async (form) => {
    const base = first();
    const next = later(base);
    const make = (seed: number) => tunedOn(base, trained(bitFit(base), 0.1, seed), trained(head(base), 0.1, seed));
    const sources = [1, 2].map((seed) => ({ old: make(seed), data: tinyData(tinyRows(4 + seed)) }));
    const before = memory().numTensors;
    const run = trainProjection(sources, next, {
      form,
      rank: 2,
      steps: 12,
      random: random(1),
      optimiser: adamW({ learningRate: 2e-2, weightDecay: 0 }),
    });
    const losses: number[] = [];
    const { projection } = await result(run, (event) => {
      if (event.type === "step") losses.push(event.loss);
    });
    if (form === "residual") {
      // Before the first step it is direct application.
      const direct = await recycle(sources[0]!.old, next, { method: "initialise" });
      for await (const { batch } of sources[0]!.data.epoch(0)) {
        const own = tidy(
          () => direct.loss(direct.parameters, batch, { random: random(0), training: false }).dataSync()[0]!,
        );
        expect(losses[0]).toBeCloseTo(own, 4);
        for (const tensor of Object.values(batch)) tensor?.dispose();
        break;
      }
      disposeParameters(direct.parameters);
    }
    const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
    expect(mean(losses.slice(-3))).toBeLessThan(mean(losses.slice(0, 3)));
    const unseen = make(3);
    const moved = await recycle(unseen, next, { method: "project", projection });
    expect((await scores(moved)).every(Number.isFinite)).toBe(true);
    projection.dispose();
    for (const tree of [unseen, moved]) disposeParameters(tree.parameters);
    expect(memory().numTensors).toBe(before);
    for (const tree of [base, next, ...sources.map(({ old }) => old)]) disposeParameters(tree.parameters);
  },
);
