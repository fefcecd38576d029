import { result } from "@cambium/base";
import { disposeParameters } from "@cambium/core";
import { expect, test } from "vitest";
import { numbers, point, ring } from "../quadratic.fixture.ts";
import { clusterBasins, runBarriers } from "./cluster.ts";

test("models on one side of a ring are one basin, those on the other side another", async () => {
  const at = (degrees: number) => point([Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)], 0);
  const models = [at(0), at(180), at(8), at(172), at(4)];
  const pairs: string[] = [];
  const { gaps, losses } = await result(
    runBarriers(ring(models[0]!), models, numbers([[0]]), { points: 5 }),
    (event) => {
      if (event.type === "pair") pairs.push(`${event.from}-${event.to} ${event.done} of ${event.total}`);
    },
  );
  expect(pairs).toHaveLength(10);
  expect(losses).toBeAllClose([0, 0, 0, 0, 0], { absolute: 1e-6 });
  expect(gaps[0]![1]).toBeCloseTo(4, 4);
  expect(gaps[1]![0]).toBe(gaps[0]![1]);
  const { clusters, joins } = clusterBasins(gaps, { most: 0.1 });
  expect(clusters).toEqual([
    [0, 2, 4],
    [1, 3],
  ]);
  expect(joins).toHaveLength(4);
  expect(joins.at(-1)!.gap).toBeGreaterThan(3);
  expect(clusterBasins(gaps, { most: 10 }).clusters).toEqual([[0, 1, 2, 3, 4]]);
  for (const model of models) disposeParameters(model);
});

test("gaps that are no symmetric matrix, and options that cannot be meant, are errors", async () => {
  expect(() =>
    clusterBasins(
      [
        [0, 1],
        [2, 0],
      ],
      { most: 1 },
    ),
  ).toThrow("a symmetric matrix");
  expect(() => clusterBasins([[0]], { most: -1 })).toThrow("most must be at least 0");
  const model = point([1, 0], 0);
  await expect(result(runBarriers(ring(model), [model], numbers([[0]])))).rejects.toThrow("at least 2 points");
  await expect(result(runBarriers(ring(model), [model, model], numbers([[0]]), { points: 2 }))).rejects.toThrow(
    "from 3",
  );
  disposeParameters(model);
});
