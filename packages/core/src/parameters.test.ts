import { dispose, memory, mul, scalar, type Tensor, tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  axpyParameters,
  checkSameStructure,
  cloneParameters,
  cosineParameters,
  countParameters,
  disposeParameters,
  dotParameters,
  flattenParameters,
  mapParameters,
  normParameters,
  type Parameters,
  unflattenParameters,
  zerosLikeParameters,
  zipParameters,
} from "./parameters.ts";

/** Shapes of a tree, and values for as many trees of these shapes as a law needs. */
interface Sample {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly values: readonly number[];
}

// Small integers: sums and products of them are exact in float32, so that most laws hold without a tolerance.
const samples: fc.Arbitrary<Sample> = fc.record({
  shapes: fc.dictionary(fc.string({ maxLength: 5 }), fc.array(fc.nat(3), { maxLength: 3 }), { maxKeys: 5 }),
  values: fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 1, maxLength: 40 }),
});

/** The `n`-th tree of a sample. */
function treeOf({ shapes, values }: Sample, n: number): Map<string, Tensor> {
  let next = 7 * n;
  return new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const size = shape.reduce((product, dimension) => product * dimension, 1);
      return [
        name,
        tensor(
          Array.from({ length: size }, () => values[next++ % values.length]! + n),
          [...shape],
          "float32",
        ),
      ];
    }),
  );
}

const numbersIn = (x: Tensor): number[] => Array.from(x.dataSync());

const numberIn = (x: Tensor): number => x.dataSync()[0]!;

function expectEqual(received: Parameters, expected: Parameters): void {
  expect([...received.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [name, value] of expected) {
    expect(received.get(name)!.shape).toEqual(value.shape);
    expect(received.get(name)!).toBeAllClose(value);
  }
}

/** Checks a law on trees of equal structure. */
function law(
  title: string,
  check: (a: Map<string, Tensor>, b: Map<string, Tensor>, c: Map<string, Tensor>) => void,
): void {
  test(title, () => {
    fc.assert(
      fc.property(samples, (sample) => {
        tidy(() => void check(treeOf(sample, 0), treeOf(sample, 1), treeOf(sample, 2)));
      }),
      { seed: 1 },
    );
  });
}

describe("laws", () => {
  law("unflattening a flattened tree gives the tree", (a) => {
    expectEqual(unflattenParameters(flattenParameters(a), a), a);
  });

  law("a flattened tree has as many values as the tree has scalars", (a) => {
    expect(flattenParameters(a).shape).toEqual([countParameters(a)]);
  });

  law("the inner product is symmetric", (a, b) => {
    expect(numberIn(dotParameters(a, b))).toBe(numberIn(dotParameters(b, a)));
  });

  law("the inner product is linear", (a, b, c) => {
    expect(numberIn(dotParameters(axpyParameters(3, a, b), c))).toBe(
      3 * numberIn(dotParameters(a, c)) + numberIn(dotParameters(b, c)),
    );
  });

  law("the inner product is that of the flattened trees", (a, b) => {
    const [x, y] = [numbersIn(flattenParameters(a)), numbersIn(flattenParameters(b))];
    expect(numberIn(dotParameters(a, b))).toBe(x.reduce((sum, value, i) => sum + value * y[i]!, 0));
  });

  law("the norm is the root of the inner product with itself", (a) => {
    expect(numberIn(normParameters(a))).toBeCloseTo(Math.sqrt(numberIn(dotParameters(a, a))), 4);
  });

  law("no inner product exceeds the product of the norms", (a, b) => {
    const bound = numberIn(normParameters(a)) * numberIn(normParameters(b));
    expect(Math.abs(numberIn(dotParameters(a, b)))).toBeLessThanOrEqual(bound * (1 + 1e-6)); // of float32
  });

  law("axpy adds a multiple of one tree to another", (a, b) => {
    const sum = flattenParameters(axpyParameters(-2, a, b)).dataSync();
    const [x, y] = [numbersIn(flattenParameters(a)), numbersIn(flattenParameters(b))];
    expect([...sum]).toEqual(Array.from(x, (value, i) => -2 * value + y[i]!));
  });

  law("axpy with a tensor is axpy with its number, also for a tensor of shape [1]", (a, b) => {
    expectEqual(axpyParameters(scalar(3), a, b), axpyParameters(3, a, b));
    expectEqual(axpyParameters(tensor1d([3]), a, b), axpyParameters(3, a, b));
  });

  law("a tree minus itself is zero", (a) => {
    expectEqual(axpyParameters(-1, a, a), zerosLikeParameters(a));
  });

  law("the order of names does not matter", (a, b) => {
    const reversed = new Map([...b].reverse());
    expect(numberIn(dotParameters(a, reversed))).toBe(numberIn(dotParameters(a, b)));
    expectEqual(axpyParameters(2, a, reversed), axpyParameters(2, a, b));
  });
});

test("the cosine is 1 along a tree, -1 against it, 0 across and NaN for zero", () => {
  tidy(() => {
    const a = new Map<string, Tensor>([
      ["x", tensor1d([3, 0])],
      ["y", scalar(4)],
    ]);
    const across = new Map<string, Tensor>([
      ["x", tensor1d([0, 5])],
      ["y", scalar(0)],
    ]);
    const [double, opposite] = [2, -2].map((factor) => mapParameters(a, (x) => mul(x, factor)));
    expect(numberIn(cosineParameters(a, double!))).toBeCloseTo(1, 6);
    expect(numberIn(cosineParameters(a, opposite!))).toBeCloseTo(-1, 6);
    expect(numberIn(cosineParameters(a, across))).toBe(0);
    expect(numberIn(cosineParameters(a, zerosLikeParameters(a)))).toBeNaN();
  });
});

test("by hand: a tree of a matrix and a vector", () => {
  tidy(() => {
    const a = new Map<string, Tensor>([
      [
        "w",
        tensor2d([
          [1, 2],
          [3, 4],
        ]),
      ],
      ["b", tensor1d([2, 2])],
    ]);
    expect(flattenParameters(a)).toBeAllClose([1, 2, 3, 4, 2, 2]);
    expect(countParameters(a)).toBe(6);
    expect(numberIn(normParameters(a))).toBeCloseTo(Math.sqrt(38), 5);
  });
});

test("a tree without tensors is the zero of its space", () => {
  tidy(() => {
    const none: Parameters = new Map();
    expect(flattenParameters(none).shape).toEqual([0]);
    expect(unflattenParameters(flattenParameters(none), none).size).toBe(0);
    expect(numberIn(normParameters(none))).toBe(0);
    expect(numberIn(dotParameters(none, none))).toBe(0);
  });
});

test("map and zip hand out names, and keep the order of the first tree", () => {
  const a = new Map<string, Tensor>([
    ["x", scalar(1)],
    ["y", scalar(2)],
  ]);
  const b = new Map<string, Tensor>([
    ["y", scalar(20)],
    ["x", scalar(10)],
  ]);
  const pairs: [string, number, number][] = [];
  mapParameters(a, (value, name) => {
    pairs.push([name, numberIn(value), 0]);
    return value;
  });
  const zipped = zipParameters(a, b, (x, y, name) => {
    pairs.push([name, numberIn(x), numberIn(y)]);
    return x;
  });
  expect(pairs).toEqual([
    ["x", 1, 0],
    ["y", 2, 0],
    ["x", 1, 10],
    ["y", 2, 20],
  ]);
  expect([...zipped.keys()]).toEqual(["x", "y"]);
  dispose([...a.values(), ...b.values()]);
});

test("clones live on when the originals are disposed of", () => {
  const a = new Map([["x", tensor1d([1, 2])]]);
  const copy = cloneParameters(a);
  disposeParameters(a);
  expect([...copy.get("x")!.dataSync()]).toEqual([1, 2]);
  disposeParameters(copy);
});

test("nothing is left behind but the results", () => {
  const a = new Map<string, Tensor>([
    ["x", tensor1d([1, 2])],
    ["y", scalar(3)],
  ]);
  const flat = flattenParameters(a);
  const before = memory().numTensors;
  const results = [
    flattenParameters(a),
    dotParameters(a, a),
    normParameters(a),
    cosineParameters(a, a),
    ...axpyParameters(2, a, a).values(),
    ...unflattenParameters(flat, a).values(),
  ];
  expect(memory().numTensors - before).toBe(results.length);
  dispose([...results, flat, ...a.values()]);
});

describe("trees that differ", () => {
  const structures = {
    base: { a: [2, 3], b: [4], c: [] },
    other: { a: [2, 3], b: [2, 2], c: [1] },
    fewer: { a: [2, 3] },
    more: { a: [2, 3], b: [4], c: [], d: [1], e: [1] },
  };
  const create = (name: keyof typeof structures): Map<string, Tensor> =>
    treeOf({ shapes: structures[name], values: [1] }, 0);

  test.each([
    { second: "other", path: "b", message: 'caller: "b" has shape [4] in the first tree and [2,2] in the second' },
    { second: "fewer", path: "b", message: 'caller: the second tree lacks "b", which the first one has' },
    { second: "more", path: "d", message: 'caller: the first tree lacks "d", which the second one has' },
  ] as const)(
    "are an error that names the first path, $path, when the second has $second",
    ({ second, path, message }) => {
      const [a, b] = [create("base"), create(second)];
      expect(() => checkSameStructure("caller", a, b)).toThrow(
        expect.objectContaining({ code: "SHAPE", message, details: { name: path } }),
      );
      dispose([...a.values(), ...b.values()]);
    },
  );

  test.each([
    { name: "zipParameters", call: (a: Parameters, b: Parameters) => zipParameters(a, b, (x) => x) },
    { name: "dotParameters", call: dotParameters },
    { name: "cosineParameters", call: cosineParameters },
    { name: "axpyParameters", call: (a: Parameters, b: Parameters) => axpyParameters(1, a, b) },
  ])("are an error of $name, which leaves no tensors", ({ name, call }) => {
    const [a, b] = [create("base"), create("other")];
    expect(() => call(a, b)).toThrow(
      expect.objectContaining({ code: "SHAPE", message: expect.stringMatching(`^${name}: "b"`) }),
    );
    dispose([...a.values(), ...b.values()]);
  });

  test("a vector of another length does not become a tree", () => {
    const [like, flat] = [create("base"), tensor1d([1, 2, 3])];
    expect(() => unflattenParameters(flat, like)).toThrow("the vector has 3 values, the tree 11");
    dispose([flat, ...like.values()]);
  });
});
