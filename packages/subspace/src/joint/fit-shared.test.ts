import { memory as files, result } from "@cambium/base";
import { disposeParameters, type Objective, random } from "@cambium/core";
import { attach, head, lora, whole } from "@cambium/delta";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import { tinyBatch, tinyModel } from "@cambium/models/testing";
import { adamW, type Batches } from "@cambium/train";
import { memory } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { targets, towards, valuesOf, vector } from "../targets.fixture.ts";
import { fitShared } from "./fit-shared.ts";
import { optimiseInSubspace, transfer } from "./optimise.ts";

const SIZE = 6;
const goals = { first: [...random(1).normals(SIZE)], second: [...random(2).normals(SIZE)] };
const optimiser = adamW({ learningRate: 0.05, weightDecay: 0 });
const data = { first: targets([goals.first]), second: targets([goals.second]) };

function twoMethods() {
  const starts = { left: vector(random(3).normals(SIZE)), right: vector(random(4).normals(SIZE)) };
  const methods = { left: towards(starts.left), right: towards(starts.right) };
  return { methods, free: () => Object.values(starts).forEach(disposeParameters) };
}

test("one vector for each task is decoded by every method to that task's solution, and another task by one is had by the other", async () => {
  const { methods, free } = twoMethods();
  const before = memory().numTensors;
  const space = await result(fitShared(methods, { dimension: 3, data, optimiser, steps: 300, random: random(5) }));
  expect([space.methods, space.tasks, space.dimension]).toEqual([["left", "right"], ["first", "second"], 3]);
  for (const task of ["first", "second"] as const) {
    const own = space.coordinates.get(task)!;
    expect([...own.get("left")!]).toEqual([...own.get("right")!]);
    for (const name of space.methods) {
      const decoded = space.decode(name, own.get(name)!);
      expect(valuesOf(decoded)).toBeAllClose(goals[task], { absolute: 0.02 });
      disposeParameters(decoded);
    }
  }
  // Halfway between both tasks is in the subspace as well.
  const goal = goals.first.map((value, i) => (value + goals.second[i]!) / 2);
  const options = { optimiser, steps: 150, random: random(6) };
  const found = await result(optimiseInSubspace(space, "left", methods.left, targets([goal]), options));
  expect(valuesOf(found.point)).toBeAllClose(goal, { absolute: 0.1 });
  const moved = transfer(space, found.coordinates["z"]!, "right", methods.right);
  expect(valuesOf(moved)).toBeAllClose(goal, { absolute: 0.5 });
  for (const tree of [found.point, found.parameters, moved]) disposeParameters(tree);
  space.dispose();
  expect(memory().numTensors).toBe(before);
  free();
});

test("a run that was stopped resumes to the same bits", async () => {
  const { methods, free } = twoMethods();
  const options = { dimension: 2, data, optimiser, random: random(5) };
  const whole = await result(fitShared(methods, { ...options, steps: 12 }));
  const checkpoint = { files: files(), every: 3 };
  (await result(fitShared(methods, { ...options, steps: 7, checkpoint }))).dispose();
  const rest = await result(fitShared(methods, { ...options, steps: 12, checkpoint }));
  expect(rest.coordinates).toEqual(whole.coordinates);
  expect(valuesOf(rest.method("left").decoder.parameters)).toEqual(valuesOf(whole.method("left").decoder.parameters));
  for (const space of [whole, rest]) space.dispose();
  free();
});

test("whole fine-tuning is one more method, by a Fastfood decoder, and the head of each model stays", async () => {
  const base = tinyModel({ type: "bert", dropout: 0 }) as LanguageModel;
  const rows: Batches<TokenBatch> = {
    batchCount: 1,
    describe: () => ({ tiny: 1 }),
    async *epoch() {
      yield { batch: tinyBatch(base), rows: 3, isLast: true };
    },
  };
  const methods = {
    lora: attach(base, lora(base, { rank: 2 }, random(1)), head(base)),
    whole: attach(base, whole(base)),
  };
  const events: number[] = [];
  const space = await result(
    fitShared(methods as never as Record<string, Objective<TokenBatch>>, {
      dimension: 4,
      data: { tiny: rows },
      decoder: { whole: "fastfood" },
      optimiser: adamW({ learningRate: 0.02, weightDecay: 0 }),
      steps: 6,
    }),
    (event) => {
      if (event.type === "step") events.push(event.loss);
    },
  );
  expect(events.at(-1)).toBeLessThan(events[0]!);
  expect(space.method("whole").decoder.kind).toBe("fastfood");
  expect([...space.method("lora").shapes.keys()].some((name) => name.startsWith("head/"))).toBe(false);
  const coordinates = space.coordinates.get("tiny")!.get("lora")!;
  const moved = transfer(space, coordinates, "whole", methods.whole);
  const name = [...space.method("whole").shapes.keys()].find((key) => key.endsWith("attention.self.query.weight"))!;
  expect([...moved.get(name)!.dataSync()]).not.toEqual([...methods.whole.parameters.get(name)!.dataSync()]);
  disposeParameters(moved);
  space.dispose();
  for (const { parameters } of Object.values(methods)) disposeParameters(parameters);
  disposeParameters(base.parameters);
});

test("what cannot be meant is refused, and nothing leaks", async () => {
  const { methods, free } = twoMethods();
  const good = { data, optimiser, steps: 2 };
  const before = memory().numTensors;
  for (const [wrong, message] of [
    [{ dimension: 0 }, /dimension must be an integer from 1/],
    [{ data: {} }, /the data of one task/],
    [{ only: () => false }, /of left nothing lies in the subspace/],
    [{ decoder: { rigth: "fastfood" } }, /names the method "rigth"/],
    [{ dimensions: 3 }, /"dimensions".*"dimension"/],
  ] as const)
    await expect(result(fitShared(methods, { ...good, ...wrong } as never))).rejects.toThrow(message);
  await expect(result(fitShared({}, good))).rejects.toThrow(/at least one method/);
  expect(memory().numTensors).toBe(before);
  free();
});
