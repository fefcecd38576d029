import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { guestFile } from "./guest-files.ts";

// The kit is script text for guests; here it runs on the host, where its results can be compared with other ways to them.
const names = ["rational", "integers", "polynomial", "matrix", "statistics"];
// biome-ignore lint/suspicious/noExplicitAny: plain JavaScript without types
const kit = globalThis as any;

beforeAll(() => {
  for (const name of names) runInThisContext(readFileSync(guestFile(`kit/${name}.js`), "utf8"), { filename: name });
});
afterAll(() => {
  for (const name of names) delete kit[name];
});

const int = fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n });
const nonZero = int.filter((value) => value !== 0n);
const fraction = fc.tuple(int, nonZero);
const digit = fc.integer({ min: -9, max: 9 });
function check<Values>(property: fc.IRawProperty<Values, false>): void {
  fc.assert(property, { numRuns: 60, seed: 1 });
}

describe("rational", () => {
  const of = ([n, d]: [bigint, bigint]) => kit.rational(n, d);

  test("a fraction is in lowest terms with a positive denominator", () => {
    expect(`${kit.rational(6, -4)}`).toBe("-3/2");
    expect(`${kit.rational("1.25e1")}`).toBe("25/2");
    expect(`${kit.rational(" -3 / 6 ")}`).toBe("-1/2");
    expect(`${kit.rational(0.1)}`).toBe("1/10");
  });

  test("sums, products and their inverses agree with cross-multiplication", () => {
    const same = (value: { numerator: bigint; denominator: bigint }, n: bigint, d: bigint) =>
      value.numerator * d === n * value.denominator;
    check(
      fc.property(fraction, fraction, ([a, b], [c, d]) => {
        expect(same(of([a, b]).add(of([c, d])), a * d + b * c, b * d)).toBe(true);
        expect(same(of([a, b]).multiply(of([c, d])), a * c, b * d)).toBe(true);
        expect(
          of([a, b])
            .subtract(of([c, d]))
            .add(of([c, d]))
            .equals(of([a, b])),
        ).toBe(true);
        if (c !== 0n)
          expect(
            of([a, b])
              .divide(of([c, d]))
              .multiply(of([c, d]))
              .equals(of([a, b])),
          ).toBe(true);
      }),
    );
  });

  test("a double comes back from its decimal text", () => {
    check(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }), (value) => {
        fc.pre(value === 0 || Math.abs(value) > 1e-290);
        expect(kit.rational(value).toNumber()).toBe(value + 0);
      }),
    );
  });

  test("floor is the largest integer not above, round moves halves away from zero", () => {
    check(
      fc.property(fraction, ([n, d]) => {
        const value = of([n, d]);
        const below = value.floor();
        expect(below.compare(value)).toBeLessThanOrEqual(0);
        expect(below.add(1).compare(value)).toBe(1);
      }),
    );
    expect(["5/2", "-5/2", "7/3", "-7/3"].map((text) => `${kit.rational(text).round()}`)).toEqual([
      "3",
      "-3",
      "2",
      "-2",
    ]);
    expect(kit.rational("-1/8").toDecimal(2)).toBe("-0.13");
    expect(kit.rational("2/3").toDecimal(5)).toBe("0.66667");
    expect(kit.rational(7).toDecimal(0)).toBe("7");
  });

  test("nonsense is refused", () => {
    expect(() => kit.rational("x")).toThrow('rational: expected a number such as "3/4"');
    expect(() => kit.rational(1, 0)).toThrow("division by zero");
    expect(() => kit.rational(Number.NaN)).toThrow("expected a finite number");
  });
});

describe("integers", () => {
  const upTo = (most: number) => fc.integer({ min: 1, max: most });

  test("gcd, lcm and Bézout's coefficients satisfy their equations", () => {
    check(
      fc.property(int, int, (a, b) => {
        const [g, x, y] = kit.integers.extendedGcd(a, b);
        expect(a * x + b * y).toBe(g);
        expect(kit.integers.gcd(a, b)).toBe(g);
        if (g !== 0n) expect([a % g, b % g]).toEqual([0n, 0n]);
        const product = a * b;
        expect(kit.integers.lcm(a, b) * g).toBe(product < 0n ? -product : product);
      }),
    );
  });

  test("primality agrees with trial division below 2000, and knows strong pseudoprimes", () => {
    const isPrime = (n: number) => n > 1 && Array.from({ length: n }, (_, d) => d).every((d) => d < 2 || n % d !== 0);
    const primes = Array.from({ length: 2000 }, (_, n) => n).filter(isPrime);
    expect(Array.from({ length: 2000 }, (_, n) => n).filter((n) => kit.integers.isPrime(n))).toEqual(primes);
    expect(kit.integers.primesBelow(2000)).toEqual(primes);
    expect(kit.integers.isPrime(3_215_031_751)).toBe(false);
    expect(kit.integers.isPrime(341_550_071_728_321n)).toBe(false);
    expect(kit.integers.isPrime(2n ** 89n - 1n)).toBe(true);
    expect(kit.integers.nextPrime(1_000_000)).toBe(1_000_003);
  });

  test("a factorisation multiplies to the number and consists of primes", () => {
    check(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 13n }), (n) => {
        const pairs = kit.integers.factor(n) as [bigint, number][];
        expect(pairs.reduce((product, [prime, exponent]) => product * prime ** BigInt(exponent), 1n)).toBe(n);
        expect(pairs.every(([prime]) => kit.integers.isPrime(prime))).toBe(true);
      }),
    );
    expect(kit.integers.factor(1_000_003 * 1_000_033)).toEqual([
      [1_000_003, 1],
      [1_000_033, 1],
    ]);
  });

  test("divisors and totient agree with counting", () => {
    check(
      fc.property(upTo(3000), (n) => {
        const all = Array.from({ length: n }, (_, i) => i + 1);
        expect(kit.integers.divisors(n)).toEqual(all.filter((d) => n % d === 0));
        expect(kit.integers.totient(n)).toBe(all.filter((k) => kit.integers.gcd(k, n) === 1).length);
      }),
    );
  });

  test("powers and inverses modulo m are right", () => {
    check(
      fc.property(int, fc.integer({ min: 0, max: 50 }), upTo(10_000), (base, exponent, modulus) => {
        const m = BigInt(modulus);
        const expected = ((base ** BigInt(exponent) % m) + m) % m;
        expect(kit.integers.powerModulo(base, exponent, modulus)).toBe(expected);
        if (kit.integers.gcd(base, m) === 1n)
          expect(kit.integers.modulo(kit.integers.inverseModulo(base, m) * base, m)).toBe(1n % m);
      }),
    );
    expect(kit.integers.powerModulo(3, -1, 7)).toBe(5);
    expect(() => kit.integers.inverseModulo(2, 4)).toThrow("no inverse");
  });

  test("congruences have the solution that a search finds", () => {
    check(
      fc.property(fc.array(fc.tuple(fc.nat(30), upTo(12)), { minLength: 1, maxLength: 3 }), (pairs) => {
        const period = pairs.reduce((product, [, m]) => kit.integers.lcm(product, m), 1);
        const solves = (x: number) => pairs.every(([r, m]) => (x - r) % m === 0);
        const found = Array.from({ length: period }, (_, x) => x).find(solves);
        const [residues, moduli] = [pairs.map(([r]) => r), pairs.map(([, m]) => m)];
        if (found === undefined)
          expect(() => kit.integers.chineseRemainder(residues, moduli)).toThrow("contradict each other");
        else expect(kit.integers.chineseRemainder(residues, moduli)).toEqual([found, period]);
      }),
    );
  });

  test("counting functions satisfy their recurrences", () => {
    for (let n = 1; n < 40; n++) {
      expect(kit.integers.factorial(BigInt(n))).toBe(BigInt(n) * kit.integers.factorial(BigInt(n - 1)));
      expect(kit.integers.fibonacci(n + 1)).toBe(kit.integers.fibonacci(n) + kit.integers.fibonacci(n - 1));
      for (let k = 1; k <= n; k++) {
        const pascal = kit.integers.binomial(n - 1, k) + kit.integers.binomial(n - 1, k - 1);
        expect(kit.integers.binomial(n, k)).toBe(pascal);
        expect(BigInt(kit.integers.arrangements(n, k))).toBe(
          BigInt(kit.integers.binomial(n, k)) * BigInt(kit.integers.factorial(k)),
        );
      }
    }
    expect(kit.integers.factorial(25)).toBe(15_511_210_043_330_985_984_000_000n);
  });

  test("the square root is the floor", () => {
    check(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 40n }), (n) => {
        const root = kit.integers.squareRoot(n);
        expect(root * root <= n && (root + 1n) * (root + 1n) > n).toBe(true);
        expect(kit.integers.isSquare(n * n)).toBe(true);
        expect(kit.integers.isSquare(n * n + 1n)).toBe(n === 0n);
      }),
    );
    expect(kit.integers.digits(255, 16)).toEqual([15, 15]);
  });
});

describe("polynomial", () => {
  const coefficients = fc.array(digit, { minLength: 1, maxLength: 6 });

  test("evaluation commutes with sum, product and composition", () => {
    check(
      fc.property(coefficients, coefficients, digit, (a, b, x) => {
        const [p, q] = [kit.polynomial(a), kit.polynomial(b)];
        const [atP, atQ] = [p.evaluate(x), q.evaluate(x)];
        expect(p.add(q).evaluate(x).equals(atP.add(atQ))).toBe(true);
        expect(p.multiply(q).evaluate(x).equals(atP.multiply(atQ))).toBe(true);
        expect(p.compose(q).evaluate(x).equals(p.evaluate(atQ))).toBe(true);
        expect(p.evaluate(x).toNumber()).toBe(a.reduceRight((sum, value) => sum * x + value, 0) + 0);
      }),
    );
  });

  test("quotient and remainder give the dividend back", () => {
    check(
      fc.property(coefficients, coefficients, (a, b) => {
        const [p, q] = [kit.polynomial(a), kit.polynomial(b)];
        fc.pre(q.degree >= 0);
        const { quotient, remainder } = p.divide(q);
        expect(quotient.multiply(q).add(remainder).equals(p)).toBe(true);
        expect(remainder.degree).toBeLessThan(Math.max(q.degree, 1));
        const common = p.gcd(q);
        if (common.degree >= 0) expect(p.divide(common).remainder.degree).toBe(-1);
      }),
    );
  });

  test("the derivative obeys the product rule", () => {
    check(
      fc.property(coefficients, coefficients, (a, b) => {
        const [p, q] = [kit.polynomial(a), kit.polynomial(b)];
        const right = p.derivative().multiply(q).add(p.multiply(q.derivative()));
        expect(p.multiply(q).derivative().equals(right)).toBe(true);
      }),
    );
  });

  test("roots of a product of linear factors are found, exact and real", () => {
    check(
      fc.property(
        fc.array(fc.tuple(digit, fc.integer({ min: 1, max: 4 })), { minLength: 1, maxLength: 5 }),
        (pairs) => {
          const roots = pairs.map(([n, d]) => kit.rational(n, d)).sort((a, b) => a.compare(b));
          const factors = pairs.map(([n, d]) => kit.polynomial([-n, d]));
          const p = factors.reduce((product, factor) => product.multiply(factor), kit.polynomial([1, 0, 1]));
          expect(p.rationalRoots().map(String)).toEqual(roots.map(String));
          const distinct = [...new Set(roots.map((root) => root.toNumber()))];
          const real = p.realRoots() as number[];
          expect(real.length).toBe(distinct.length);
          // Bisection on exact signs is right to the last bit or two.
          for (const [i, root] of real.entries())
            expect(Math.abs(root - distinct[i]!)).toBeLessThanOrEqual(4e-16 * Math.max(1e-300, Math.abs(distinct[i]!)));
        },
      ),
    );
    expect(kit.polynomial([-2, 0, 1]).realRoots()[1]).toBeCloseTo(Math.SQRT2, 15);
    expect(kit.polynomial([1, 0, 1]).realRoots()).toEqual([]);
  });

  test("it is written as one writes it", () => {
    expect(`${kit.polynomial([2, -3, 1])}`).toBe("x^2 - 3x + 2");
    expect(`${kit.polynomial(["-1/2", 0, "3/4"])}`).toBe("(3/4)x^2 - 1/2");
    expect(`${kit.polynomial([0, -1])}`).toBe("-x");
    expect(`${kit.polynomial([])}`).toBe("0");
  });
});

describe("matrix", () => {
  const grid = (size: number) =>
    fc.array(fc.array(digit, { minLength: size, maxLength: size }), { minLength: size, maxLength: size });
  const sizes = fc.integer({ min: 1, max: 4 });
  const one = sizes.chain(grid);
  const two = sizes.chain((size) => fc.tuple(grid(size), grid(size)));

  /** Laplace's expansion: another way to the determinant. */
  function laplace(rows: readonly (readonly number[])[]): number {
    if (rows.length === 0) return 1;
    const [first, ...others] = rows;
    return first!.reduce((sum, value, j) => {
      const minor = others.map((row) => row.filter((_, k) => k !== j));
      return sum + (j % 2 === 0 ? 1 : -1) * value * laplace(minor);
    }, 0);
  }

  test("the determinant is Laplace's, and multiplicative", () => {
    check(
      fc.property(two, ([a, b]) => {
        expect(kit.matrix(a).determinant().toNumber()).toBe(laplace(a) + 0);
        const product = kit.matrix(a).multiply(b).determinant();
        expect(product.equals(kit.matrix(a).determinant().multiply(kit.matrix(b).determinant()))).toBe(true);
      }),
    );
  });

  test("an inverse is one, and solves", () => {
    check(
      fc.property(one, (a) => {
        const m = kit.matrix(a);
        if (m.determinant().equals(0)) {
          expect(m.rank()).toBeLessThan(a.length);
          expect(() => m.inverse()).toThrow("no inverse");
          return;
        }
        expect(m.rank()).toBe(a.length);
        expect(m.multiply(m.inverse()).equals(kit.matrix.identity(a.length))).toBe(true);
        expect(m.power(-2).multiply(m.power(2)).equals(kit.matrix.identity(a.length))).toBe(true);
        const x = a.map((_, i) => i + 1);
        const values = m.multiply(x.map((value) => [value])).rows.map(([value]: [unknown]) => value);
        expect(m.solve(values).map(Number)).toEqual(x);
      }),
    );
  });

  test("a matrix satisfies its characteristic polynomial", () => {
    check(
      fc.property(one, (a) => {
        const m = kit.matrix(a);
        const p = m.characteristicPolynomial();
        const zero = m.multiply(0);
        const value = p.coefficients.reduce(
          (sum: { add: (other: unknown) => unknown }, c: unknown, i: number) => sum.add(m.power(i).multiply(c)),
          zero,
        );
        expect(value.equals(zero)).toBe(true);
        expect(p.coefficients[a.length].equals(1)).toBe(true);
      }),
    );
  });

  test("equations without or with many solutions are told apart", () => {
    expect(() => kit.matrix([[1, 1], [1, 1]]).solve([1, 2])).toThrow("no solution"); // biome-ignore format: a matrix
    expect(() => kit.matrix([[1, 1], [1, 1]]).solve([1, 1])).toThrow("many solutions"); // biome-ignore format: a matrix
    expect(() => kit.matrix([[1], [1, 2]])).toThrow("rows of equal length");
    expect(JSON.stringify(kit.matrix([[1, "1/2"]]).transpose())).toBe('[["1"],["1/2"]]');
  });
});

describe("statistics", () => {
  const list = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 30 });

  test("sums of decimals are exact", () => {
    expect(kit.statistics.mean([0.1, 0.2, 0.3])).toBe(0.2);
    expect(kit.statistics.sum([0.1, 0.2])).toBe(0.3);
  });

  test("the known example of eight values", () => {
    const values = [2, 4, 4, 4, 5, 5, 7, 9];
    expect(kit.statistics.mean(values)).toBe(5);
    expect(kit.statistics.populationVariance(values)).toBe(4);
    expect(kit.statistics.populationDeviation(values)).toBe(2);
    expect(kit.statistics.sampleVariance(values)).toBe(32 / 7);
    expect(kit.statistics.median(values)).toBe(4.5);
    expect(kit.statistics.modes(values)).toEqual([4]);
    expect(kit.statistics.modes([1, 2, 2, 1, 3])).toEqual([1, 2]);
    expect(kit.statistics.range(values)).toBe(7);
    expect([0, 0.25, 0.5, 0.75, 1].map((p) => kit.statistics.quantile([1, 2, 3, 4, 5], p))).toEqual([1, 2, 3, 4, 5]);
  });

  test("moving and stretching values moves and stretches their mean and deviation", () => {
    check(
      fc.property(list, digit, digit, (values, a, b) => {
        const moved = values.map((value) => a * value + b);
        expect(kit.statistics.mean(moved)).toBeCloseTo(a * kit.statistics.mean(values) + b, 9);
        expect(kit.statistics.sampleVariance(moved)).toBeCloseTo(a * a * kit.statistics.sampleVariance(values), 5);
      }),
    );
  });

  test("a line is recovered, with correlation one", () => {
    const xs = [1, 2, 3, 4];
    const ys = xs.map((x) => 3 * x - 2);
    expect(kit.statistics.regression(xs, ys)).toEqual({ slope: 3, intercept: -2 });
    expect(kit.statistics.correlation(xs, ys)).toBeCloseTo(1, 15);
    expect(kit.statistics.sampleCovariance(xs, ys)).toBe(5);
    expect(() => kit.statistics.correlation(xs, [1])).toThrow("at least 2");
    expect(() => kit.statistics.mean([])).toThrow("at least 1");
  });
});
