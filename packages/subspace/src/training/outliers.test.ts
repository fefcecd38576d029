import { disposeParameters, type Parameters, random } from "@cambium/core";
import { memory, type Tensor, tensor1d } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { measureOutliers } from "./outliers.ts";

const COUNT = 200;

/** A training that moved three weights far, and the others a little. */
function planted() {
  const before = random(1).normals(COUNT);
  const offsets = Float64Array.from(random(2).normals(COUNT), (value) => 0.01 * value);
  for (const place of [5, 50, 150]) offsets[place] = place === 50 ? -2 : 2;
  const start = new Map<string, Tensor>([
    ["w", tensor1d(Float32Array.from(before))],
    ["still", tensor1d([1, 2])],
  ]);
  const point = new Map<string, Tensor>([
    ["w", tensor1d(Float32Array.from(before, (value, i) => value + offsets[i]!))],
    ["still", tensor1d([1, 2])],
  ]);
  return { start, point, before, free: () => [start, point].forEach(disposeParameters) };
}

test("outliers are found where they are, go back to where they started, and random others do not matter", async () => {
  const { start, point, before, free } = planted();
  const tensors = memory().numTensors;
  const seen: Float32Array[] = [];
  const reach = async (at: Parameters): Promise<number> => {
    const values = (await at.get("w")!.data()) as Float32Array;
    seen.push(values.slice());
    return values.reduce((sum, value, i) => sum + Math.abs(value - before[i]!), 0);
  };
  const found = await measureOutliers(point, start, reach, { draws: 3, random: random(3) });
  expect(found).toMatchObject({ outliers: 3, all: COUNT }); // what did not move is not looked at
  expect(found.without).toBeLessThan(found.whole - 5.9);
  for (const score of found.random) expect(score).toBeGreaterThan(found.whole - 0.3);
  expect([...seen[1]!].flatMap((value, i) => (value === seen[0]![i] ? [] : [i]))).toEqual([5, 50, 150]);
  expect(seen[1]![50]).toBe(Math.fround(before[50]!));
  await measureOutliers(point, start, reach, { to: "zero", random: random(3) });
  expect(memory().numTensors).toBe(tensors);
  expect(seen.find((values) => values[5] === 0 && values[50] === 0 && values[150] === 0)).toBeDefined();
  free();
});

test("what cannot be meant is refused", async () => {
  const { start, point, free } = planted();
  const measure = async (): Promise<number> => 1;
  const options = { random: random(1) };
  await expect(measureOutliers(start, start, measure, options)).rejects.toThrow(/nothing that is looked at has moved/);
  const broken = new Map<string, Tensor>([["w", tensor1d([1, Number.NaN, 3])]]);
  await expect(measureOutliers(broken, broken, measure, options)).rejects.toThrow(
    /"w" holds numbers that are not finite/,
  );
  disposeParameters(broken);
  await expect(measureOutliers(point, new Map(), measure, options)).rejects.toThrow(/the start lacks "w" of \[200\]/);
  await expect(measureOutliers(point, start, measure, { ...options, deviations: 0 })).rejects.toThrow(/above 0/);
  await expect(measureOutliers(point, start, measure, { ...options, deviations: 0.001 })).rejects.toThrow(
    /take more deviations/,
  );
  free();
});
