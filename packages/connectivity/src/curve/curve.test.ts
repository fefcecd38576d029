import { memory, result } from "@cambium/base";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import { adamW, sgd } from "@cambium/train";
import { expect, test } from "vitest";
import { measureBarrier } from "../barrier/run-path.ts";
import { bezier, line, type Path, polychain } from "../points/path.ts";
import { bowl, numbers, point, ring } from "../quadratic.fixture.ts";
import { curveObjective, trainCurve, withBends } from "./train-curve.ts";

const data = numbers([[0]]);
const free = (...trees: readonly Parameters[]): void => {
  for (const tree of trees) disposeParameters(tree);
};
const values = (tree: Parameters): number[] => [...tree.values()].flatMap((tensor) => [...tensor.dataSync()]);

test("in a bowl the best bend of a Bezier curve is the closed form's", async () => {
  // The loss along (1 − t)² a + 2 t (1 − t) w + t² a is ½ (a + 2 t (1 − t) (w − a))²: its mean over t is least where
  // a + k (w − a) = 0 with k = ∫ (2 t (1 − t))² / ∫ 2 t (1 − t) = (4 / 30) / (1 / 3) = 2 / 5, so w = −3 a / 2.
  const [a, bend] = [point([2, -4], 0), point([2, -4], 0)];
  const path = bezier(a, a, [bend]);
  const options = { optimiser: sgd({ learningRate: 2 }), steps: 20, samples: 8, random: random(3) };
  const { path: trained } = await result(trainCurve(bowl([1, 1], [0, 0], a), path, data, options));
  // Stratified samples of t differ from the integral by less than 1/8²; the tolerance is three times that of the bend.
  expect(values(trained.nodes[1]!)).toBeAllClose([-3, 6, 0], { absolute: 0.25 });
  free(a, bend, trained.nodes[1]!);
});

test.each<["bezier" | "polychain", number]>([
  ["bezier", 0.05],
  ["polychain", 0.35],
])("a trained %s goes round the barrier of the line", async (kind, most) => {
  const [a, b] = [point([1, 0], 0), point([-1, 0], 0)];
  const start = point([0, 0.2], 0); // on the line itself the gradient is zero
  const path = kind === "bezier" ? bezier(a, b, [start, start]) : polychain(a, b, [start]);
  const options = { optimiser: adamW({ learningRate: 0.2 }), steps: 30, samples: 4, random: random(1) };
  const { path: trained } = await result(trainCurve(ring(a), path, data, options));
  const straight = await measureBarrier(ring(a), line(a, b), data, { points: 11, resamples: 0 });
  const curved = await measureBarrier(ring(a), trained, data, { points: 11, resamples: 0 });
  expect(straight.barrier).toBeCloseTo(4, 5);
  expect(curved.barrier / straight.barrier).toBeLessThan(most);
  expect([values(trained.nodes[0]!), values(trained.nodes.at(-1)!)]).toEqual([values(a), values(b)]);
  free(a, b, start, ...trained.nodes.slice(1, -1));
});

test("a curve that was stopped resumes to the same bits, and another curve is refused", async () => {
  const [a, b, c] = [point([1, 0], 0), point([-1, 0], 0), point([0, 0.2], 0)];
  const path = bezier(a, b, [c]);
  const run = (steps: number, checkpoint?: ReturnType<typeof memory>, on: Path = path) =>
    result(
      trainCurve(ring(a), on, data, {
        optimiser: adamW({ learningRate: 0.05 }),
        steps,
        ...(checkpoint !== undefined && { checkpoint }),
      }),
    );
  const whole = await run(12);
  const files = memory();
  const half = await run(5, files);
  const resumed = await run(12, files);
  expect(values(resumed.parameters)).toEqual(values(whole.parameters));
  await expect(run(12, files, bezier(b, a, [c]))).rejects.toThrow("belongs to another run");
  free(a, b, c, half.parameters, whole.parameters, resumed.parameters);
});

test("the objective of a curve is the mean loss over t, and its bends make a curve again", async () => {
  const [a, b, c] = [point([1, 0], 0), point([-1, 0], 0), point([0, 0.5], 0)];
  const path = polychain(a, b, [c]);
  const objective = curveObjective(ring(a), path);
  expect([...objective.parameters.keys()]).toEqual(["bend.0/u", "bend.0/s"]);
  const other = withBends(path, objective.parameters);
  expect(other.nodes.map(values)).toEqual(path.nodes.map(values));
  free(a, b, c);
});

test("a path without bends, options that do not exist and points of other models are errors", async () => {
  const [a, b, other] = [point([1, 0], 0), point([-1, 0], 0), point([1, 2, 3], 0)];
  const options = { optimiser: adamW({ learningRate: 0.1 }), steps: 1 };
  const run = (path: Path, more: object = {}) => result(trainCurve(ring(a), path, data, { ...options, ...more }));
  await expect(run(line(a, b))).rejects.toThrow("a line of 2 nodes has no bends to train");
  await expect(run(bezier(a, b, [b]), { samples: 0 })).rejects.toThrow("samples must be an integer from 1, got 0");
  await expect(run(bezier(a, b, [b]), { smaples: 2 })).rejects.toThrow('unknown key "smaples"');
  await expect(run(bezier(other, other, [other]))).rejects.toThrow("lie in different spaces");
  free(a, b, other);
});
