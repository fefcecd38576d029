import { disposeParameters, type Parameters, random } from "@cambium/core";
import { type Tensor, tensor1d, tidy, zeros } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { point } from "../quadratic.fixture.ts";
import { measureDistance } from "./distance.ts";
import { bezier, coefficientTensors, evenly, line, type Path, polychain, sphere } from "./path.ts";
import { plane, projectPoint } from "./plane.ts";

const a = (): Parameters => point([1, 2], 3);
const b = (): Parameters => point([3, -2], 5);
const values = (tree: Parameters): number[] => [...tree.values()].flatMap((tensor) => [...tensor.dataSync()]);
const free = (...trees: readonly Parameters[]): void => {
  for (const tree of trees) disposeParameters(tree);
};
const at = (path: Path, t: number): number[] => {
  const here = path.at(t);
  const found = values(here);
  disposeParameters(here);
  return found;
};

test("a line goes straight, and on beyond its ends", () => {
  const [from, to] = [a(), b()];
  const path = line(from, { parameters: to });
  expect(at(path, 0)).toEqual([1, 2, 3]);
  expect(at(path, 0.25)).toEqual([1.5, 1, 3.5]);
  expect(at(path, 1)).toEqual([3, -2, 5]);
  expect(at(path, 2)).toEqual([5, -6, 7]);
  free(from, to);
});

test("a point keeps the shapes of its ends, scalars included", () => {
  const [from, to] = [a(), b()];
  const middle = line(from, to).at(0.5);
  expect([...middle.values()].map(({ shape }) => shape)).toEqual([[2], []]);
  free(from, to, middle);
});

test("every point between equal ends is that point to the bit, and ends are themselves to the bit", () => {
  const tree: Parameters = new Map([["w", random(1).normal([1000])]]);
  const other: Parameters = new Map([["w", random(2).normal([1000], 1e6)]]);
  for (const path of [line(tree, tree), bezier(tree, tree, [tree, tree]), polychain(tree, tree, [tree])])
    for (const t of evenly(11)) expect(at(path, t)).toEqual(values(tree));
  expect(at(line(other, tree), 1)).toEqual(values(tree));
  free(tree, other);
});

test("a Bezier curve with one bend is (1 − t)² a + 2 t (1 − t) b + t² c", () => {
  const [from, bend, to] = [a(), point([0, 10], 0), b()];
  const path = bezier(from, to, [bend]);
  expect(at(path, 0.5)).toEqual([0.25 + 0.75, 0.5 + 5 - 0.5, 0.75 + 1.25]);
  free(from, bend, to);
});

test("a chain goes from node to node in equal shares of t", () => {
  const [from, bend, to] = [a(), point([0, 10], 0), b()];
  const path = polychain(from, to, [bend]);
  expect(at(path, 0.5)).toEqual([0, 10, 0]);
  expect(at(path, 0.25)).toEqual([0.5, 6, 1.5]);
  expect(at(path, 0.75)).toEqual([1.5, 4, 2.5]);
  expect(() => path.at(1.01)).toThrow("polychain: t must be from 0 to 1, got 1.01");
  free(from, bend, to);
});

test.each(["bezier", "polychain"] as const)("%s: coefficients as tensors are those as numbers", (kind) => {
  const tree = a();
  const path = { bezier, polychain }[kind](tree, tree, [tree, tree]);
  tidy(() => {
    for (const t of [0.1, 0.35, 0.9]) {
      const found = coefficientTensors(kind, 4, tensor1d([t])).map((tensor) => tensor.dataSync()[0]!);
      expect(found).toBeAllClose([...path.coefficients(t)], { absolute: 1e-6 });
    }
  });
  free(tree);
});

test("bends that were only counted lie on the line", () => {
  const [from, to] = [a(), b()];
  const path = bezier(from, to, { bends: 2 });
  for (const t of evenly(5)) expect(at(path, t)).toBeAllClose(at(line(from, to), t), { absolute: 1e-6 });
  free(from, to, ...path.nodes.slice(1, -1));
});

test("an arc keeps the length of its ends and halves their angle", async () => {
  const [from, to] = [point([2, 0], 0), point([0, 2], 0)];
  const path = await sphere(from, to);
  expect(path.kind).toBe("sphere");
  expect(at(path, 0.5)).toBeAllClose([Math.SQRT2, Math.SQRT2, 0], { absolute: 1e-6 });
  expect(at(path, 1)).toEqual([0, 2, 0]);
  free(from, to);
});

test.each<[string, readonly number[]]>([
  ["from zero", [0, 0]],
  ["to the same way", [0, 4]],
  ["to the opposite way", [0, -4]],
])("an arc %s is the line", async (_, u) => {
  const [from, to] = [point(u, 0), point([0, 2], 0)];
  expect((await sphere(from, to)).kind).toBe("line");
  free(from, to);
});

test("points of different spaces are an error that lists every difference", () => {
  const [from, other] = [
    a(),
    new Map<string, Tensor>([
      ["u", zeros([3])],
      ["v", zeros([1])],
    ]),
  ];
  expect(() => line(from, other)).toThrow(
    'line: the points lie in different spaces: "u" is [2] in point 0 and [3] in point 1; point 1 lacks "s"; point 1 has "v", which point 0 lacks',
  );
  expect(() => line(from, undefined as never)).toThrow("point 1 must be a map of tensors");
  expect(() => bezier(from, from, { bend: 1 } as never)).toThrow('is "bends" meant?');
  expect(() => line(from, from).at(Number.NaN)).toThrow("t must be finite");
  free(from, other);
});

test("points whose deltas have other settings are refused, for equal numbers do not mean the same in them", () => {
  const tuned = (alpha: number, dropout = 0) => ({
    parameters: a(),
    deltas: [{ name: "lora", config: { rank: 2, alpha, dropout } }],
  });
  const [one, other, trained] = [tuned(2), tuned(32), tuned(2, 0.1)];
  expect(() => line(one, other)).toThrow('line: "lora" has alpha 2 in one point and 32 in another');
  expect(line(one, trained).kind).toBe("line"); // dropout is of training alone
  free(one.parameters, other.parameters, trained.parameters);
});

test("points with labels in another order are refused, though their shapes agree", () => {
  const tree = a();
  const of = (labels: string[]) => ({ parameters: tree, head: { kind: "sequence-classification", labels } });
  expect(() => line(of(["x", "y"]), of(["y", "x"]))).toThrow("line: the points have different heads");
  expect(line(of(["x", "y"]), of(["x", "y"])).kind).toBe("line");
  free(tree);
});

test("a plane goes through its three points, with axes of length 1 at right angles", async () => {
  const [origin, second, third] = [a(), b(), point([0, 0], 0)];
  const through = await plane(origin, second, third);
  for (const tree of [origin, second, third]) {
    const { x, y, distance } = await projectPoint(through, tree);
    expect(distance).toBeLessThan(1e-5);
    const back = through.at(x, y);
    expect(values(back)).toBeAllClose(values(tree), { absolute: 1e-5 });
    disposeParameters(back);
  }
  expect((await projectPoint(through, second)).y).toBeCloseTo(0, 5);
  expect((await projectPoint(through, second)).x).toBeCloseTo(Math.sqrt(24), 5);
  const { distance, cosine } = await measureDistance(through.across, through.up);
  expect(cosine).toBeCloseTo(0, 6);
  expect(distance).toBeCloseTo(Math.SQRT2, 5);
  free(origin, second, third, through.across, through.up);
});

test("points on one line span no plane", async () => {
  const [origin, second] = [a(), b()];
  const third = line(origin, second).at(0.3);
  await expect(plane(origin, second, third)).rejects.toThrow("lie on one line");
  await expect(plane(origin, origin, second)).rejects.toThrow("lie on one line");
  free(origin, second, third);
});

test("distances are those of the trees as vectors", async () => {
  const [x, y, origin] = [point([3, 0], 0), point([0, 4], 0), point([0, 0], 1)];
  const found = await measureDistance(x, y, origin);
  expect(found.distance).toBeCloseTo(5, 6);
  expect(found.perScalar).toBeCloseTo(5 / Math.sqrt(3), 6);
  expect(found.cosine).toBeCloseTo(0, 6);
  expect(found.cosineFromOrigin).toBeCloseTo(1 / Math.sqrt(10 * 17), 6);
  expect([...found.byName]).toEqual([
    ["u", 5],
    ["s", 0],
  ]);
  free(x, y, origin);
});
