import { result } from "@cambium/base";
import { disposeParameters, type Parameters } from "@cambium/core";
import { sgd } from "@cambium/train";
import { tensor1d } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { measureBarrier } from "../barrier/run-path.ts";
import { line } from "../points/path.ts";
import { bowl, numbers, point, ring } from "../quadratic.fixture.ts";
import { type AutoNebEvent, runAutoNeb } from "./auto-neb.ts";

const data = numbers([[0]]);
const optimiser = sgd({ learningRate: 0.02 });
const values = (tree: Parameters): number[] => [...tree.values()].flatMap((tensor) => [...tensor.dataSync()]);
const free = (...trees: readonly Parameters[]): void => {
  for (const tree of trees) disposeParameters(tree);
};

test("round a ring the chain sinks to the valley, with more points where pieces cut through the hill", async () => {
  // A quarter of a ring of minima: the chord's middle lies at a distance of 0.77 from the middle of the ring.
  const [a, b] = [point([1, 0], 0), point([-Math.SQRT1_2 + 0.1, Math.SQRT1_2 + 0.09], 0)];
  const rounds: AutoNebEvent[] = [];
  const found = await result(
    runAutoNeb(ring(a), a, b, data, { optimiser, points: 2, rounds: 2, steps: 20, excess: 0.1 }),
    (event) => void rounds.push(event),
  );
  const [first] = rounds as Extract<AutoNebEvent, { type: "round" }>[];
  expect(first!.losses).toHaveLength(4);
  expect(first!.added).toBeGreaterThan(0);
  for (const node of found.path.nodes.slice(1, -1)) expect(Math.hypot(...values(node))).toBeCloseTo(1, 1);
  const straight = await measureBarrier(ring(a), line(a, b), data, { points: 11, resamples: 0 });
  const round = await measureBarrier(ring(a), found.path, data, { points: 13, resamples: 0 });
  expect(round.barrier / straight.barrier).toBeLessThan(0.1);
  expect([values(found.path.nodes[0]!), values(found.path.nodes.at(-1)!)]).toEqual([values(a), values(b)]);
  expect(found.losses).toHaveLength(found.path.nodes.length);
  free(a, b, ...found.path.nodes.slice(1, -1));
});

test("in a bowl the chain of a straight valley stays where it is, and no point is put in", async () => {
  const [a, b] = [point([-1, 0], 0), point([1, 0], 0)];
  const found = await result(runAutoNeb(bowl([0, 1], [0, 0], a), a, b, data, { optimiser, rounds: 2, steps: 5 }));
  expect(found.path.nodes.map((node) => values(node)[0]!)).toBeAllClose([-1, -0.5, 0, 0.5, 1], { absolute: 1e-6 });
  expect(found.losses).toBeAllClose([0, 0, 0, 0, 0], { absolute: 1e-6 });
  free(a, b, ...found.path.nodes.slice(1, -1));
});

test("a signal ends it with the chain as it is, and equal ends are a chain of one place", async () => {
  const a = point([1, 0], 0);
  const stopped = await result(
    runAutoNeb(ring(a), a, a, data, { optimiser, rounds: 3, steps: 3, signal: AbortSignal.abort() }),
  );
  expect(stopped.reason).toBe("stopped");
  const inside = stopped.path.at(0.3);
  expect(values(inside)).toEqual(values(a));
  free(a, inside, ...stopped.path.nodes.slice(1, -1));
});

test("options out of range, whole numbers and points of other models are errors", async () => {
  const [a, other] = [point([1, 0], 0), point([1, 2, 3], 0)];
  const run = (options: object, to: Parameters = a) =>
    result(runAutoNeb(ring(a), a, to, data, { optimiser, rounds: 1, steps: 1, ...options } as never));
  await expect(run({ points: 0 })).rejects.toThrow("points must be an integer from 1, got 0");
  await expect(run({ excess: -1 })).rejects.toThrow("excess must be from 0, got -1");
  await expect(run({ optimiser: undefined })).rejects.toThrow("optimiser must be one");
  await expect(run({ stepz: 1 })).rejects.toThrow('"steps" meant');
  await expect(run({}, other)).rejects.toThrow("lie in different spaces");
  const ids = tensor1d([1], "int32");
  const whole = new Map([...a, ["ids", ids]]) as Parameters;
  await expect(result(runAutoNeb(ring(whole), whole, whole, data, { optimiser }))).rejects.toThrow('"ids" is int32');
  ids.dispose();
  free(a, other);
});
