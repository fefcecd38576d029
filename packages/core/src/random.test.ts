import { type Tensor, tidy } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Random, random, randomOf } from "./random.ts";

/** Deviations from the mean that a statistic may have: a normal one goes beyond with a probability of 8e-8. */
const DEVIATIONS = 5.36;

/**
 * Checks counts against equal expectations. Both tails of the chi-square distribution count (Wilson and Hilferty's normal
 * approximation), so a false failure has a probability of about 8e-8: values too regular fail as well.
 */
function expectUniform(counts: ArrayLike<number>): void {
  const cells = Array.from(counts);
  const expected = cells.reduce((sum, count) => sum + count, 0) / cells.length;
  const chiSquare = cells.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const freedom = cells.length - 1;
  const spread = 2 / (9 * freedom);
  const deviations = ((chiSquare / freedom) ** (1 / 3) - (1 - spread)) / Math.sqrt(spread);
  expect(Math.abs(deviations)).toBeLessThan(DEVIATIONS);
}

/** Checks the mean of samples that have the given mean and deviation. False failure: about 8e-8. */
function expectMean(samples: Iterable<number>, mean: number, deviation: number): void {
  let [sum, count] = [0, 0];
  for (const sample of samples) {
    sum += sample;
    count++;
  }
  expect(Math.abs(sum / count - mean)).toBeLessThan((DEVIATIONS * deviation) / Math.sqrt(count));
}

function countCells(cellCount: number, cells: Iterable<number>): Uint32Array {
  const counts = new Uint32Array(cellCount);
  for (const cell of cells) counts[cell]!++;
  return counts;
}

describe("keys", () => {
  // Golden numbers of our own definition, first computed by it: a change of any of them would change every seeded run.
  test("known seeds and labels have known keys", () => {
    expect(random(1).key).toEqual([3410425726, 517846982]);
    expect(random(2 ** 53 - 1).key).toEqual([1341393584, 850090385]);
    expect(random(1).at("a").key).toEqual([651232941, 640524845]);
    expect(random(1).at(7).key).toEqual([2104466098, 734741398]);
    expect(random(1).at(-1).key).toEqual([1552686319, 962989919]);
    expect(random(1).at("a").at("b").key).toEqual([2670932486, 2497605350]);
    expect(random(1).at("ab").key).toEqual([3088245284, 1942401950]);
  });

  test("a known key has known numbers", () => {
    const key = random(1);
    expect(Array.from(key.uniforms(3), (value) => value * 2 ** 32)).toEqual([3632280050, 1963185493, 1731691729]);
    expect([...key.integers(6, 10)]).toEqual([0, 3, 9, 8, 8, 7]);
    expect([...key.permutation(8)]).toEqual([2, 6, 7, 4, 0, 3, 5, 1]);
    expect(key.normals(3)).toBeAllClose([-0.5580212554017699, 0.15420451387723247, 1.2170870229964674], {
      relative: 1e-14,
    });
  });

  test("the way from the seed is kept", () => {
    const key = random(5).at("epoch").at(3);
    expect(key.seed).toBe(5);
    expect(key.path).toEqual(["epoch", 3]);
  });

  test("the same call on the same key gives the same numbers, and a prefix of a longer call", () => {
    const key = random(3).at("x");
    expect(key.normals(7)).toEqual(random(3).at("x").normals(7));
    expect(key.normals(7)).toEqual(key.normals(100).slice(0, 7));
    expect(key.uniforms(7)).toEqual(key.uniforms(100).slice(0, 7));
  });

  test("labels that differ in text, order or type give different keys", () => {
    const labels = ["", "a", "b", "aa", "ab", "ba", "1", 0, 1, -1, 2 ** 32, 2 ** 52] as const;
    const keys = [
      ...labels.map((label) => random(1).at(label)),
      random(1).at("a").at("b"),
      random(1).at("b").at("a"),
      random(1),
      random(2),
    ];
    expect(new Set(keys.map((key) => key.key.join())).size).toBe(keys.length);
  });

  test.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])("the label %d is refused", (label) => {
    expect(() => random(1).at(label)).toThrow(expect.objectContaining({ code: "CONFIG" }));
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 53])("the seed %d is refused", (seed) => {
    expect(() => random(seed)).toThrow(expect.objectContaining({ code: "CONFIG", details: { seed } }));
  });

  test("the key is a tensor of its two halves", () => {
    const key = random(1);
    const tensor = key.tensor();
    expect([...tensor.dataSync()].map((half) => half >>> 0)).toEqual(key.key);
    expect(tensor.dtype).toBe("int32");
    tensor.dispose();
  });
});

describe("uniform numbers", () => {
  const count = 2 ** 17;

  test.each([
    { title: "one key", draw: () => random(1).uniforms(count) },
    { title: "a derived key", draw: () => random(2).at("a").at(3).uniforms(count) },
    {
      title: "the first numbers of successive labels",
      draw: () => Float64Array.from({ length: count }, (_, i) => random(3).at(i).uniforms(1)[0]!),
    },
    {
      title: "the first numbers of successive seeds",
      draw: () => Float64Array.from({ length: count }, (_, seed) => random(seed).uniforms(1)[0]!),
    },
  ])("from $title fill 256 cells evenly, by their high bits and by their low ones", ({ draw }) => {
    const values = draw();
    expectUniform(
      countCells(
        256,
        values.map((value) => Math.floor(value * 256)),
      ),
    );
    expectUniform(
      countCells(
        256,
        values.map((value) => (value * 2 ** 32) % 256),
      ),
    );
  });

  /** Cell of a pair in a grid of 16 by 16. */
  const cell = (a: number, b: number): number => Math.floor(a * 16) * 16 + Math.floor(b * 16);

  test.each([
    { title: "neighbours of one key", a: random(1), b: random(1), shift: 1 },
    { title: "two labels", a: random(1).at("a"), b: random(1).at("b"), shift: 0 },
    { title: "two numbers as labels", a: random(1).at(0), b: random(1).at(1), shift: 0 },
    { title: "a key and one derived from it", a: random(1), b: random(1).at("a"), shift: 0 },
    { title: "two seeds", a: random(1), b: random(2), shift: 0 },
  ])("$title are independent", ({ a, b, shift }) => {
    const [first, second] = [a.uniforms(count + shift), b.uniforms(count + shift)];
    expectUniform(
      countCells(
        256,
        first.slice(0, count).map((value, i) => cell(value, second[i + shift]!)),
      ),
    );
  });

  test("lie in [0, 1), and as tensors in [low, high) even where float32 would round up", () => {
    expect(
      random(1)
        .uniforms(count)
        .every((value) => value >= 0 && value < 1),
    ).toBe(true);
    tidy(() => {
      const wide = random(1).uniform([100, 10], -2, 3);
      expect(wide.shape).toEqual([100, 10]);
      expect(wide.dataSync().every((value) => value >= -2 && value < 3)).toBe(true);
      expectMean(wide.dataSync(), 0.5, 5 / Math.sqrt(12));
      const narrow = random(1).uniform([1000], 1, 1 + 2 ** -23); // two neighbours in float32
      expect(new Set(narrow.dataSync())).toEqual(new Set([1]));
    });
  });
});

describe("normal numbers", () => {
  const count = 2 ** 18;

  test("have the moments of the standard normal distribution", () => {
    const values = random(1).normals(count);
    expectMean(values, 0, 1);
    expectMean(
      values.map((x) => x ** 2),
      1,
      Math.sqrt(2),
    );
    expectMean(
      values.map((x) => x ** 3),
      0,
      Math.sqrt(15),
    );
    expectMean(
      values.map((x) => x ** 4),
      3,
      Math.sqrt(96),
    );
  });

  test.each([
    { below: -2, probability: 0.02275013194817921 },
    { below: -1, probability: 0.15865525393145707 },
    { below: 0, probability: 0.5 },
    { below: 0.5, probability: 0.6914624612740131 },
  ])("lie below $below as often as they should", ({ below, probability }) => {
    const hits = random(2)
      .normals(count)
      .map((x) => (x < below ? 1 : 0));
    expectMean(hits, probability, Math.sqrt(probability * (1 - probability)));
  });

  test("do not depend on their neighbours, which come from the same pair of words", () => {
    const values = random(3).normals(count + 1);
    expectMean(
      values.slice(1).map((x, i) => x * values[i]!),
      0,
      1,
    );
    expectMean(
      values.slice(1).map((x, i) => (x ** 2 - 1) * (values[i]! ** 2 - 1)),
      0,
      2,
    );
  });

  test("as tensors have the mean, deviation and shape asked for", () => {
    tidy(() => {
      const values = random(1).normal([64, 100], 5, 0.1);
      expect(values.shape).toEqual([64, 100]);
      expect(values.dtype).toBe("float32");
      expectMean(values.dataSync(), 5, 0.1);
      expectMean(
        values.dataSync().map((x) => (x - 5) ** 2),
        0.01,
        0.01 * Math.sqrt(2),
      );
    });
  });

  test("truncated ones lie within two deviations and have the truncated variance", () => {
    tidy(() => {
      const values = random(1).truncatedNormal([count], 10, 0.5).dataSync();
      const standard = Float64Array.from(values, (x) => (x - 10) / 0.5);
      const rounding = 1e-5; // of float32 near 10, in deviations
      expect(standard.every((x) => Math.abs(x) <= 2 + rounding)).toBe(true);
      const variance = 0.7737412996; // 1 - 4 φ(2) / (2 Φ(2) - 1)
      expectMean(standard, 0, Math.sqrt(variance));
      expectMean(
        standard.map((x) => x ** 2),
        variance,
        1,
      ); // the square of a number within 2 deviates less than 1 here
    });
  });

  test("truncated ones are the others without those cut off", () => {
    tidy(() => {
      const kept = [...random(4).normals(50)].filter((x) => Math.abs(x) <= 2).slice(0, 20);
      expect(random(4).truncatedNormal([20])).toBeAllClose(kept);
    });
  });
});

describe("integers", () => {
  test.each([1, 2, 6, 10, 1000])("below %d are equally frequent", (below) => {
    const values = random(1).integers(2 ** 16, below);
    if (below === 1) expect(values.every((value) => value === 0)).toBe(true);
    else expectUniform(countCells(below, values));
  });

  test("are not drawn to small values where 2^32 is no multiple of their number", () => {
    const third = 2 ** 30;
    const values = random(1).integers(2 ** 16, 3 * third); // a plain remainder would give the first third one half
    expectUniform(
      countCells(
        3,
        values.map((value) => Math.floor(value / third)),
      ),
    );
  });

  test("may have all 32 bits", () => {
    expectUniform(
      countCells(
        16,
        random(1)
          .integers(2 ** 16, 2 ** 32)
          .map((value) => Math.floor(value / 2 ** 28)),
      ),
    );
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 32 + 1])("below %d are refused", (below) => {
    expect(() => random(1).integers(1, below)).toThrow(expect.objectContaining({ code: "CONFIG" }));
  });
});

describe("permutations", () => {
  test("have every number once", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32), fc.nat(300), (seed, count) => {
        const sorted = random(seed).permutation(count).sort();
        expect(sorted).toEqual(Uint32Array.from({ length: count }, (_, i) => i));
      }),
      { seed: 1 },
    );
  });

  test("of four come in all 24 orders, equally often", () => {
    const rank = (order: Uint32Array): number => {
      const [a, b, c] = order as unknown as [number, number, number];
      const rest = [0, 1, 2, 3].filter((value) => value !== a);
      return a * 6 + rest.indexOf(b) * 2 + rest.filter((value) => value !== b).indexOf(c);
    };
    const keys: Random[] = Array.from({ length: 24_000 }, (_, i) => random(1).at(i));
    expectUniform(
      countCells(
        24,
        keys.map((key) => rank(key.permutation(4))),
      ),
    );
  });
});

describe("inside a compiled function", () => {
  const draws: [string, (key: Random) => Tensor][] = [
    ["uniform", (key) => key.uniform([3, 5], -1, 2)],
    ["normal", (key) => key.normal([7], 1, 0.5)],
    ["truncated normal", (key) => key.truncatedNormal([2, 2, 2])],
    ["a key", (key) => key.tensor()],
  ];
  const places: [string, (key: Random) => Random][] = [
    ["the key itself", (key) => key],
    ["a key derived from it", (key) => key.at("layer").at(3)],
  ];

  test.each(draws.flatMap(([what, draw]) => places.map(([where, at]) => [what, where, draw, at] as const)))(
    "%s from %s is a function of the key's tensor alone, with the host's bits",
    (_what, _where, draw, at) => {
      tidy(() => {
        const key = random(6);
        const other = random(7); // the host's key is not read
        const onDevice = randomOf(key.tensor(), other, () => {
          throw new Error("drawn on the host");
        });
        expect(draw(at(onDevice)).dataSync()).toEqual(draw(at(key)).dataSync());
      });
    },
  );

  test.each<[string, (key: Random) => unknown]>([
    ["uniforms", (key) => key.uniforms(2)],
    ["normals", (key) => key.normals(2)],
    ["integers", (key) => key.integers(2, 5)],
    ["permutation", (key) => key.permutation(3)],
    ["seed", (key) => key.seed],
    ["path", (key) => key.path],
    ["key", (key) => key.key],
  ])("%s come from the host, which is reported", (_, read) => {
    tidy(() => {
      let reports = 0;
      const key = random(6).at("x");
      const onDevice = randomOf(key.tensor(), key, () => {
        reports++;
      });
      expect(read(onDevice)).toEqual(read(key));
      expect(reports).toBe(1);
    });
  });
});
