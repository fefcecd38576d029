import { disposeParameters, type Parameters, random } from "@cambium/core";
import { tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { type MergePointsOptions, mergePoints } from "./merge-points.ts";
import { depthsOf, settingAt } from "./settings.ts";
import { keepRanks } from "./sparsify.ts";

const made: Parameters[] = [];
const tree = (...u: number[]): Parameters => {
  const one: Parameters = new Map([["u", tensor1d(u)]]);
  made.push(one);
  return one;
};
const drawn = (seed: number): Parameters => {
  const names = ["embeddings.w", "encoder.layer.0.w", "encoder.layer.1.w", "pooler.w"];
  const one: Parameters = new Map(names.map((name) => [name, random(seed).at(name).normal([3, 4])] as const));
  made.push(one);
  return one;
};
const free = (...trees: readonly Parameters[]): void => {
  for (const each of [...made.splice(0), ...trees]) disposeParameters(each);
};
const values = (one: Parameters): number[] => [...one.values()].flatMap((tensor) => [...tensor.dataSync()]);
const merged = async (points: readonly Parameters[], options: MergePointsOptions): Promise<number[]> => {
  const one = await mergePoints(points, options);
  const found = values(one);
  disposeParameters(one);
  return found;
};

test("a soup is the mean, with weights the weighted mean, and of equal points the point to the bit", async () => {
  expect(await merged([tree(1, 2), tree(3, 6)], {})).toEqual([2, 4]);
  expect(await merged([tree(1, 2), tree(3, 6)], { weight: { each: [1, 3] } })).toEqual([2.5, 5]);
  expect(await merged([tree(1, 2), tree(3, 6)], { weight: { each: [1, 3] }, normalise: false })).toEqual([10, 20]);
  const one = drawn(1);
  expect(await merged([one, one, one], { weight: { each: [0.3, 0.1, 0.7] } })).toEqual(values(one));
  free();
});

test("task arithmetic adds changes, and takes one away with a negative weight", async () => {
  const base = tree(1, 1);
  const options = { method: "task-arithmetic", base } as const;
  expect(await merged([tree(2, 1), tree(1, 4)], options)).toEqual([2, 4]);
  expect(await merged([tree(2, 1), tree(1, 4)], { ...options, lambda: 0.5 })).toEqual([1.5, 2.5]);
  expect(await merged([tree(2, 1)], { ...options, weight: -1 })).toEqual([0, 1]);
  expect(await merged([tree(2, 1)], { method: "task-arithmetic", base: "zero", weight: 2 })).toEqual([4, 2]);
  free();
});

test("TIES keeps the largest changes, elects a sign, and takes the mean of those that have it", async () => {
  const base = tree(0, 0, 0, 0);
  const points = [tree(4, -1, 2, 0.1), tree(-1, -3, 2, 0.2), tree(1, 2, 0.3, 0)];
  // Of each the two largest: (4, ·, 2, ·), (·, -3, 2, ·), (1, 2, ·, ·); of the second entry -3 + 2 elects minus.
  expect(await merged(points, { method: "ties", density: 0.5, base })).toEqual([2.5, -3, 2, 0]);
  expect(await merged(points, { method: "ties", density: 0.5, base, normalise: false })).toEqual([5, -3, 4, 0]);
  // By number: of the second entry one against one is a tie, which is plus.
  expect(await merged(points, { method: "ties", density: 0.5, base, sign: "frequency" })).toEqual([2.5, 2, 2, 0]);
  free();
});

test("breadcrumbs drop the largest and the smallest, and wipe out no small tensor", async () => {
  const base = tree(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  const point = tree(1, -2, 3, -4, 5, -6, 7, -8, 9, -10);
  const options = { method: "breadcrumbs", base, density: 0.5 } as const;
  expect(await merged([point], { ...options, gamma: 0.2 })).toEqual([0, 0, 0, -4, 5, -6, 7, -8, 0, 0]);
  expect(await merged([point], { ...options, gamma: 0.01 })).toEqual([0, 0, 0, 0, 0, -6, 7, -8, 9, -10]);
  expect(await merged([tree(5)], { ...options, base: tree(0) })).toEqual([5]);
  free();
});

test("DARE keeps a share of the changes at random, with their sum of magnitudes or their mean", async () => {
  const base = tree(...new Array<number>(4000).fill(0));
  const point = tree(...new Array<number>(4000).fill(1));
  const options = { method: "dare-linear", base, density: 0.25, random: random(1) } as const;
  const kept = await merged([point], { ...options, rescale: "none" });
  const share = kept.reduce((sum, value) => sum + value, 0) / 4000;
  expect(Math.abs(share - 0.25)).toBeLessThan(6 * Math.sqrt((0.25 * 0.75) / 4000));
  const l1 = await merged([point], options);
  expect(l1.reduce((sum, value) => sum + value, 0) / 4000).toBeCloseTo(1, 4);
  const expected = await merged([point], { ...options, rescale: "expected" });
  expect(new Set(expected)).toEqual(new Set([0, 4]));
  expect(await merged([point], options)).toEqual(l1);
  expect(await merged([point], { ...options, random: random(2) })).not.toEqual(l1);
  free();
});

test("DELLA keeps larger entries likelier", async () => {
  const count = 2000;
  const base: Parameters = new Map([["u", tensor2d(new Float32Array(count), [1, count])]]);
  const point: Parameters = new Map([
    [
      "u",
      tensor2d(
        Float32Array.from({ length: count }, (_, i) => i + 1),
        [1, count],
      ),
    ],
  ]);
  made.push(base, point);
  const options = {
    method: "della-linear",
    base,
    density: 0.5,
    epsilon: 0.4,
    rescale: "none",
    random: random(1),
  } as const;
  const kept = (await merged([point], options)).map((value) => Number(value !== 0));
  const shareOf = (from: number, to: number): number =>
    kept.slice(from, to).reduce((sum, each) => sum + each, 0) / (to - from);
  // Over each half probabilities rise from 0.1 to 0.5 and from 0.5 to 0.9; six deviations of the mean are 0.09.
  expect(Math.abs(shareOf(0, 1000) - 0.3)).toBeLessThan(0.09);
  expect(Math.abs(shareOf(1000, 2000) - 0.7)).toBeLessThan(0.09);
  free();
});

test("slerp goes along the arc tensor by tensor; where there is none it is the line", async () => {
  expect(await merged([tree(1, 0), tree(0, 1)], { method: "slerp", t: 0.5 })).toBeAllClose([
    Math.SQRT1_2,
    Math.SQRT1_2,
  ]);
  expect(await merged([tree(0, 0), tree(2, 4)], { method: "slerp", t: 0.5 })).toEqual([1, 2]);
  expect(await merged([tree(1, 2), tree(2, 4)], { method: "slerp", t: 0.25 })).toEqual([1.25, 2.5]);
  free();
});

test("model stock goes to the mean as far as the changes agree", async () => {
  const base = tree(1, 1);
  expect(await merged([tree(2, 1), tree(2, 1)], { method: "model-stock", base })).toEqual([2, 1]);
  expect(await merged([tree(2, 1), tree(1, 2)], { method: "model-stock", base })).toEqual([1, 1]); // at a right angle
  // At 60° cos = ½ and t = 2 cos / (1 + cos) = 2 / 3.
  const [x, y] = [tree(2, 1), tree(1.5, 1 + Math.sqrt(3) / 2)];
  expect(await merged([x, y], { method: "model-stock", base })).toBeAllClose([1.5, 1 + Math.sqrt(3) / 6]);
  free();
});

const degenerate: [string, Omit<MergePointsOptions, "base">][] = [
  ["task-arithmetic", { method: "task-arithmetic", weight: 1 / 3 }],
  ["normalised task-arithmetic", { method: "task-arithmetic", normalise: true }],
  ["dare-linear", { method: "dare-linear", weight: 1 / 3, random: random(1) }],
  ["della-linear", { method: "della-linear", weight: 1 / 3, random: random(1) }],
  ["breadcrumbs", { method: "breadcrumbs", weight: 1 / 3 }],
];

test.each(degenerate)("%s that drops nothing is the soup", async (_, options) => {
  const points = [drawn(1), drawn(2), drawn(3)];
  const soup = await merged(points, {});
  expect(await merged(points, { ...options, base: drawn(4) } as MergePointsOptions)).toBeAllClose(soup, {
    absolute: 1e-6,
  });
  free();
});

test.each<[string, Omit<MergePointsOptions, "base">]>([
  ["ties", { method: "ties" }],
  ["dare-ties", { method: "dare-ties", random: random(1) }],
  ["della", { method: "della", random: random(1) }],
  ["breadcrumbs-ties", { method: "breadcrumbs-ties" }],
])("%s of one point is that point, and of equal points as well when normalised", async (_, options) => {
  const [point, base] = [drawn(1), drawn(4)];
  expect(await merged([point], { ...options, base } as MergePointsOptions)).toBeAllClose(values(point), {
    absolute: 1e-6,
  });
  const same = await merged([point, point], { ...options, base, normalise: true } as MergePointsOptions);
  expect(same).toBeAllClose(values(point), { absolute: 1e-6 });
  free();
});

test("weights may follow the layers or the names", async () => {
  const points = [drawn(1), drawn(2)];
  const one = await mergePoints(points, {
    weight: {
      each: [
        [1, 0],
        [0, 1],
      ],
    },
  });
  const at = (name: string) => [...one.get(name)!.dataSync()];
  expect(at("embeddings.w")).toEqual([...points[0]!.get("embeddings.w")!.dataSync()]);
  expect(at("encoder.layer.0.w")).toEqual([...points[0]!.get("encoder.layer.0.w")!.dataSync()]);
  expect(at("encoder.layer.1.w")).toBeAllClose([...points[1]!.get("encoder.layer.1.w")!.dataSync()]);
  expect(at("pooler.w")).toEqual([...points[0]!.get("pooler.w")!.dataSync()]); // outside of the layers
  expect(depthsOf(["a.0.w", "a.1.w", "a.2.w"]).get("a.1.w")).toBe(0.5);
  const byName = [{ filter: "pooler", value: 5 }, { value: [0, 1] }];
  expect(settingAt("weight", byName, "pooler.w", 1)).toBe(5);
  expect(settingAt("weight", byName, "other", 0.25)).toBe(0.25);
  expect(() => settingAt("weight", [{ filter: "pooler", value: 5 }], "other", 0)).toThrow('no filter of "weight"');
  free(one);
});

test("entries are kept by rank as sorting would, ties first come first", () => {
  for (let seed = 0; seed < 40; seed++) {
    const size = 1 + (seed % 17);
    const list = Float32Array.from(
      random(seed).integers(size, 4),
      (value, i) => (value - 1.5) * (i % 2 === 0 ? 1 : -1) * (seed % 2 === 0 ? 1e-20 : 1),
    );
    const order = Array.from(list, (_, i) => i).sort((a, b) => Math.abs(list[b]!) - Math.abs(list[a]!) || a - b);
    const skip = Math.min(seed % 3, size - 1);
    const count = Math.max(1, size - skip - (seed % 4));
    const kept = new Set(order.slice(skip, skip + count));
    const found = list.slice();
    keepRanks(found, skip, count);
    expect([...found]).toEqual(Array.from(list, (value, i) => (kept.has(i) ? value : 0)));
  }
});

test("a point that is not finite is an error that names the tensor", async () => {
  await expect(mergePoints([tree(1, Number.NaN), tree(1, 2)], {})).rejects.toThrow('"u" is not finite after the merge');
  const options = { method: "ties", density: 0.5, base: tree(0, 0) } as const;
  await expect(mergePoints([tree(1, Number.POSITIVE_INFINITY)], options)).rejects.toThrow("is not finite");
  free();
});

test("settings that change nothing, that are missing or that cannot be meant are errors", async () => {
  const points = [drawn(1), drawn(2)];
  const base = drawn(3);
  const run = (options: object) => mergePoints(points, options as never);
  await expect(run({ method: "linear", density: 0.5 })).rejects.toThrow('"linear" does not read "density"');
  await expect(run({ method: "ties", density: 0.5 })).rejects.toThrow('give "base"');
  await expect(run({ base })).rejects.toThrow('"linear" reads no "base"');
  await expect(run({ method: "dare-linear", density: 0.5, base })).rejects.toThrow("give random: random(seed)");
  await expect(run({ method: "ties", base, random: random(1) })).rejects.toThrow("draws nothing");
  await expect(run({ method: "ties", base, density: 0 })).rejects.toThrow("must be above 0 and at most 1, got 0");
  await expect(run({ method: "tise", base })).rejects.toThrow("mergePoints");
  await expect(run({ wieght: 1 })).rejects.toThrow('is "weight" meant?');
  await expect(run({ weight: { each: [1] } })).rejects.toThrow("1 settings for 2 points");
  await expect(run({ weight: { each: [1, -1] } })).rejects.toThrow("the weights add up to 0");
  await expect(run({ method: "slerp", t: 1.5 })).rejects.toThrow('"t" must be from 0 to 1, got 1.5 at "embeddings.w"');
  await expect(run({ method: "slerp" })).rejects.toThrow('needs "t"');
  await expect(mergePoints([points[0]!, tree(1)], {})).rejects.toThrow("lie in different spaces");
  await expect(mergePoints([], {})).rejects.toThrow("at least 1 points");
  await expect(run({ method: "della", base, density: 0.9, epsilon: 0.2, random: random(1) })).rejects.toThrow(
    "0.9 ± 0.2",
  );
  free();
});
