import { result } from "@cambium/base";
import { disposeParameters, type Parameters, random, valueAndGradients } from "@cambium/core";
import { attach, head, lora } from "@cambium/delta";
import { tinyModel } from "@cambium/models/testing";
import { adamW } from "@cambium/train";
import { tensor1d } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { bowl, numbers, point } from "../quadratic.fixture.ts";
import { blendObjective, trainBlend } from "./train-blend.ts";

const data = numbers([[0]]);
const values = (tree: Parameters): number[] => [...tree.values()].flatMap((tensor) => [...tensor.dataSync()]);
const free = (...trees: readonly Parameters[]): void => {
  for (const tree of trees) disposeParameters(tree);
};
const optimiser = adamW({ learningRate: 0.1, weightDecay: 0 });

test("each tensor goes to its own place between the points, where its loss is least", async () => {
  // u from 2 to -1 is zero at 2/3 of the way, s from 1 to -3 at 1/4.
  const [a, b] = [point([2, 0], 1), point([-1, 0], -3)];
  const {
    shares,
    point: found,
    parameters,
  } = await result(trainBlend(bowl([1, 1], [0, 0], a), a, b, data, { optimiser, steps: 120 }));
  expect(shares["u"]).toBeCloseTo(2 / 3, 2);
  expect(shares["s"]).toBeCloseTo(1 / 4, 2);
  expect(values(found)).toBeAllClose([0, 0, 0], { absolute: 0.03 });
  free(a, b, found, parameters);
});

test("tensors of one group share a place, which starts in the middle", async () => {
  const [a, b] = [point([2, 0], 1), point([-1, 0], -3)];
  const objective = blendObjective(bowl([1, 1], [0, 0], a), a, b, { by: () => "all" });
  expect([...objective.parameters.keys()]).toEqual(["all"]);
  const context = { random: random(1), training: false };
  const x = tensor1d([0]);
  const { value, gradients } = valueAndGradients(
    (at) => objective.loss(at, { x } as never, context),
    objective.parameters,
  );
  // At t = 1/2: u = ½, s = −1, so the loss is 1/8 + 1; its slope in t is −3 · ½ + −4 · 2 · −1 = 6.5, and σ' is 1/4.
  expect(value.dataSync()[0]).toBeCloseTo(1.125, 6);
  expect(gradients.get("all")!.dataSync()[0]).toBeCloseTo(6.5 / 4, 5);
  value.dispose();
  x.dispose();
  free(a, b, gradients, objective.parameters);
});

test("a hard start is near the ends, and the same for the same seed", () => {
  const [a, b] = [point([2, 0], 1), point([-1, 0], -3)];
  const start = () => blendObjective(bowl([1, 1], [0, 0], a), a, b, { init: "hard", random: random(5) });
  const [one, two] = [start(), start()];
  expect(values(one.parameters)).toEqual(values(two.parameters));
  expect(Math.max(...values(one.parameters).map(Math.abs))).toBeGreaterThan(1);
  free(a, b, one.parameters, two.parameters);
});

test("blocks and sub-layers are told by names and sites", () => {
  const base = tinyModel();
  const model = attach(base, lora(base, { rank: 1, targets: ["attn.q", "ff.up"] }, random(1)), head(base));
  const groups = (by: "block" | "sublayer"): string[] => {
    const made = blendObjective(model, model, model, { by });
    const names = [...made.parameters.keys()];
    disposeParameters(made.parameters);
    return names;
  };
  expect(groups("block")).toEqual(["encoder.layer.0", "encoder.layer.1", "classifier"]);
  expect(groups("sublayer")).toEqual([
    "encoder.layer.0 attn",
    "encoder.layer.0 ff",
    "encoder.layer.1 attn",
    "encoder.layer.1 ff",
    "classifier",
  ]);
  free(model.parameters, base.parameters);
});

test("what cannot be meant is an error", async () => {
  const [a, b, other] = [point([1, 0], 0), point([-1, 0], 0), point([1, 2, 3], 0)];
  const objective = bowl([1, 1], [0, 0], a);
  const blend =
    (options: object, to: Parameters = b) =>
    () =>
      blendObjective(objective, a, to, options);
  expect(blend({ by: "layer" })).toThrow(
    'by must be "tensor", "block", "sublayer" or a function of the name, got "layer"',
  );
  expect(blend({ by: "sublayer" })).toThrow("the objective has no sites");
  expect(blend({ by: () => 3 })).toThrow('the group of "u" is 3');
  expect(blend({ init: "hard" })).toThrow("a hard start is drawn; give random");
  expect(blend({ init: "soft" })).toThrow('init must be "middle" or "hard"');
  expect(blend({ inits: "hard" })).toThrow('"init" meant');
  expect(blend({}, other)).toThrow("lie in different spaces");
  await expect(result(trainBlend(objective, a, b, data, { optimiser, steps: 1, stepz: 2 } as never))).rejects.toThrow(
    "stepz",
  );
  free(a, b, other);
});
