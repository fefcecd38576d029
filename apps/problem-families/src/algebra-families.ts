/** Families of algebra and intermediate algebra, one for each level. */
import { code, FRACTION_TOOL, fraction, type MathFamily, numbersIn, print } from "./family.ts";

const ALGEBRA = "algebra";
const INTERMEDIATE = "intermediate_algebra";

/** Roots that fit together, as questions are made from them. */
const nonZero = (value: number): number => (value === 0 ? 1 : value);

/** The numbers in brackets or before letters, in order: coefficients as the questions write them. */
const coefficients = numbersIn;

const linear: MathFamily = {
  subject: ALGEBRA,
  level: 1,
  name: "solveLinear",
  hints: {
    utility: "Solves a x + b = c.",
    args: "a, b, c (numbers), a not 0",
    returns: "x as an integer or a fraction (text)",
  },
  tool: `${FRACTION_TOOL}

/**
 * Solves a x + b = c for integers.
 * @param {number} a - Factor of x, not 0.
 * @param {number} b - What is added.
 * @param {number} c - The right side.
 * @returns {string} x, as an integer or a fraction in lowest terms.
 */
function solveLinear(a, b, c) {
  return fraction(c - b, a);
}`,
  scenarios: [
    {
      draw(draw) {
        const [a, b, c] = [draw.integer(2, 9), draw.integer(-20, 20), draw.integer(-60, 60)];
        return { question: `For which x is ${a}x + (${b}) = ${c}?`, answer: fraction(c - b, a) };
      },
      read(question) {
        const [, a, b, c] = /(-?\d+)x \+ \((-?\d+)\) = (-?\d+)[.?]/.exec(question) ?? [];
        return c === undefined || /y/.test(question) ? undefined : print(`solveLinear(${a}, ${b}, ${c})`);
      },
    },
  ],
};

const system: MathFamily = {
  subject: ALGEBRA,
  level: 2,
  name: "solvePair",
  hints: {
    utility: "Solves two linear equations in x and y.",
    args: "a, b, c, d, e, f: a x + b y = c and d x + e y = f",
    returns: "[x, y]",
  },
  tool: `/**
 * Solves a x + b y = c and d x + e y = f by Cramer's rule.
 * @param {number[]} first - a, b and c.
 * @param {number[]} second - d, e and f.
 * @returns {[number, number]} x and y.
 */
function solvePair([a, b, c], [d, e, f]) {
  const determinant = a * e - b * d;
  return [(c * e - b * f) / determinant, (a * f - c * d) / determinant];
}`,
  scenarios: [
    {
      draw(draw) {
        const [x, y] = [draw.integer(-9, 12), draw.integer(-9, 12)];
        const [a, b, d, e] = [draw.integer(1, 6), draw.integer(1, 6), draw.integer(1, 6), -draw.integer(1, 6)];
        return {
          question: `Two numbers satisfy ${a}x + ${b}y = ${a * x + b * y} and ${d}x + (${e})y = ${d * x + e * y}. What is x - y?`,
          answer: x - y,
        };
      },
      read(question) {
        const [, a, b, c, d, e, f] =
          /(-?\d+)x \+ \(?(-?\d+)\)?y = (-?\d+) and (-?\d+)x \+ \(?(-?\d+)\)?y = (-?\d+)/.exec(question) ?? [];
        if (f === undefined || !/x - y/.test(question)) return undefined;
        return `const [x, y] = solvePair([${a}, ${b}, ${c}], [${d}, ${e}, ${f}]);\n${print("x - y")}`;
      },
    },
  ],
};

const squares: MathFamily = {
  subject: ALGEBRA,
  level: 3,
  name: "sumOfSquaredRoots",
  hints: {
    utility: "Sum of the squares of the roots of x² + b x + c.",
    args: "b, c (numbers)",
    returns: "the sum (number)",
  },
  tool: `/**
 * Sum of the squares of both roots of x^2 + b x + c, by Vieta: b^2 - 2 c.
 * @param {number} b - Factor of x.
 * @param {number} c - Constant.
 * @returns {number} The sum.
 */
function sumOfSquaredRoots(b, c) {
  return b * b - 2 * c;
}`,
  scenarios: [
    {
      draw(draw) {
        const [p, q] = [draw.integer(-9, 9), draw.integer(-9, 9)];
        return {
          question: `Both roots of the quadratic x^2 + (${-(p + q) || 0})x + (${p * q || 0}) = 0 are real. What is the sum of the squares of the roots?`,
          answer: p * p + q * q,
        };
      },
      read(question) {
        const [, b, c] = /x\^2 \+ \((-?\d+)\)x \+ \((-?\d+)\) = 0/.exec(question) ?? [];
        return c !== undefined && /sum of the squares of the roots/.test(question)
          ? print(`sumOfSquaredRoots(${b}, ${c})`)
          : undefined;
      },
    },
  ],
};

const progression: MathFamily = {
  subject: ALGEBRA,
  level: 4,
  name: "sumOfEveryTerm",
  hints: {
    utility: "Adds up every k-th term of an arithmetic sequence.",
    args: "first, difference, k, count",
    returns: "the sum",
  },
  tool: `/**
 * Sum of the terms at positions k, 2k, 3k, … of an arithmetic sequence.
 * @param {number} first - The first term.
 * @param {number} difference - From term to term.
 * @param {number} k - Which positions count.
 * @param {number} count - Terms of the sequence.
 * @returns {number} The sum.
 */
function sumOfEveryTerm(first, difference, k, count) {
  let sum = 0;
  for (let position = k; position <= count; position += k) sum += first + (position - 1) * difference;
  return sum;
}`,
  scenarios: [
    {
      draw(draw) {
        const [first, difference, k] = [draw.integer(2, 20), draw.integer(2, 9), draw.integer(2, 5)];
        const m = draw.integer(8, 25);
        return {
          question: `An arithmetic sequence starts at ${first} and has the common difference ${difference}. What is the sum of the terms at positions that are multiples of ${k} among the first ${m * k} terms?`,
          answer: m * (first - difference) + (difference * k * m * (m + 1)) / 2,
        };
      },
      read(question) {
        const [first, difference, k, count] = coefficients(question);
        return count !== undefined && /arithmetic sequence .*positions that are multiples of/.test(question)
          ? print(`sumOfEveryTerm(${first}, ${difference}, ${k}, ${count})`)
          : undefined;
      },
    },
  ],
};

const fifthPowers: MathFamily = {
  subject: ALGEBRA,
  level: 5,
  name: "powerSum",
  hints: { utility: "a^n + b^n from a + b and ab.", args: "sum, product, n", returns: "a^n + b^n" },
  tool: `/**
 * a^n + b^n from the sum and the product of a and b, by p(n) = sum p(n-1) - product p(n-2).
 * @param {number} sum - a + b.
 * @param {number} product - a b.
 * @param {number} n - Exponent, a whole number.
 * @returns {number} a^n + b^n.
 */
function powerSum(sum, product, n) {
  let [before, now] = [2, sum];
  for (let k = 1; k < n; k += 1) [before, now] = [now, sum * now - product * before];
  return n === 0 ? 2 : now;
}`,
  scenarios: [
    {
      draw(draw) {
        const [s, p] = [draw.integer(2, 7), -draw.integer(1, 9)];
        return {
          question: `Two real numbers a and b have a + b = ${s} and ab = ${p}. What is a^5 + b^5?`,
          answer: s ** 5 - 5 * p * s ** 3 + 5 * p ** 2 * s,
        };
      },
      read(question) {
        const [, s, p, n] = /a \+ b = (-?\d+) and ab = (-?\d+)\..*a\^(\d+) \+ b/.exec(question) ?? [];
        return n === undefined ? undefined : print(`powerSum(${s}, ${p}, ${n})`);
      },
    },
  ],
};

/** `2x^2 - 9x + 1` as the values of its coefficients. */
function quadraticIn(question: string): readonly number[] | undefined {
  const [, a, signB, b, signC, c] = /f\(x\) = (-?\d+)x\^2 ([+-]) (\d+)x ([+-]) (\d+)/.exec(question) ?? [];
  return c === undefined ? undefined : [Number(a), Number(`${signB}${b}`), Number(`${signC}${c}`)];
}

const signed = (value: number): string => `${value < 0 ? "-" : "+"} ${Math.abs(value)}`;

const evaluate: MathFamily = {
  subject: INTERMEDIATE,
  level: 1,
  name: "evaluatePolynomial",
  hints: {
    utility: "Value of a polynomial.",
    args: "coefficients (list, highest power first), x",
    returns: "the value",
  },
  tool: `/**
 * Value of a polynomial, by Horner's rule.
 * @param {number[]} coefficients - From the highest power down.
 * @param {number} x - Where.
 * @returns {number} The value.
 */
function evaluatePolynomial(coefficients, x) {
  return coefficients.reduce((value, coefficient) => value * x + coefficient, 0);
}`,
  scenarios: [
    {
      draw(draw) {
        const [a, b, c, x] = [draw.integer(2, 6), draw.integer(-9, 9), draw.integer(-9, 9), draw.integer(-6, 6)];
        return {
          question: `What is f(${x}) for f(x) = ${a}x^2 ${signed(b)}x ${signed(c)}?`,
          answer: a * x * x + b * x + c,
        };
      },
      read(question) {
        const values = quadraticIn(question);
        const x = /f\((-?\d+)\)/.exec(question)?.[1];
        return values === undefined || x === undefined ? undefined : print(`evaluatePolynomial(${code(values)}, ${x})`);
      },
    },
  ],
};

const remainder: MathFamily = {
  subject: INTERMEDIATE,
  level: 2,
  name: "remainderAt",
  hints: {
    utility: "Remainder of a polynomial at x - r.",
    args: "coefficients (list, highest power first), r",
    returns: "the remainder",
  },
  tool: `/**
 * Remainder when a polynomial is divided by x - r: its value at r.
 * @param {number[]} coefficients - From the highest power down.
 * @param {number} r - Root of the divisor.
 * @returns {number} The remainder.
 */
function remainderAt(coefficients, r) {
  return coefficients.reduce((value, coefficient) => value * r + coefficient, 0);
}`,
  scenarios: [
    {
      draw(draw) {
        const [a, b, c, r] = [draw.integer(1, 5), draw.integer(-9, 9), draw.integer(-9, 9), draw.integer(-5, 5)];
        return {
          question: `Which remainder is left when ${a}x^3 + (${b})x + (${c}) is divided by x - (${r})?`,
          answer: a * r ** 3 + b * r + c,
        };
      },
      read(question) {
        const [, a, b, c, r] =
          /(\d+)x\^3 \+ \((-?\d+)\)x \+ \((-?\d+)\) is divided by x - \((-?\d+)\)/.exec(question) ?? [];
        return r === undefined ? undefined : print(`remainderAt([${a}, 0, ${b}, ${c}], ${r})`);
      },
    },
  ],
};

const shiftedRoots: MathFamily = {
  subject: INTERMEDIATE,
  level: 3,
  name: "productOfShiftedRoots",
  hints: {
    utility: "Product of (root + s) over the roots of a cubic.",
    args: "b, c, d of x³ + b x² + c x + d; s",
    returns: "the product",
  },
  tool: `/**
 * Product of (root + s) over the roots of x^3 + b x^2 + c x + d: minus the polynomial at -s.
 * @param {number[]} coefficients - b, c and d.
 * @param {number} s - What is added to each root.
 * @returns {number} The product.
 */
function productOfShiftedRoots([b, c, d], s) {
  const x = -s;
  return 0 - (x ** 3 + b * x ** 2 + c * x + d);
}`,
  scenarios: [
    {
      draw(draw) {
        const [p, q, r] = [draw.integer(-6, 6), draw.integer(-6, 6), draw.integer(-6, 6)];
        const [b, c, d] = [-(p + q + r) || 0, p * q + p * r + q * r || 0, -(p * q * r) || 0];
        return {
          question: `Let p, q and r be the roots of x^3 + (${b})x^2 + (${c})x + (${d}). What is (p+1)(q+1)(r+1)?`,
          answer: (p + 1) * (q + 1) * (r + 1),
        };
      },
      read(question) {
        const [, b, c, d] = /x\^3 \+ \((-?\d+)\)x\^2 \+ \((-?\d+)\)x \+ \((-?\d+)\)/.exec(question) ?? [];
        return d !== undefined && question.includes("(p+1)(q+1)(r+1)")
          ? print(`productOfShiftedRoots([${b}, ${c}, ${d}], 1)`)
          : undefined;
      },
    },
  ],
};

const telescope: MathFamily = {
  subject: INTERMEDIATE,
  level: 4,
  name: "sumOfUnitFractions",
  hints: { utility: "Sum of 1/(k(k+1)).", args: "last (integer)", returns: "the sum as a fraction (text)" },
  tool: `${FRACTION_TOOL}

/**
 * Sum of 1/(k (k+1)) for k from 1 on: it telescopes to 1 - 1/(last + 1).
 * @param {number} last - The last k.
 * @returns {string} The sum as a fraction in lowest terms.
 */
function sumOfUnitFractions(last) {
  return fraction(last, last + 1);
}`,
  scenarios: [
    {
      draw(draw) {
        const last = draw.integer(10, 99);
        return {
          question: `Add up 1/(k(k+1)) for k from 1 to ${last}. Answer with a reduced fraction.`,
          answer: fraction(last, last + 1),
        };
      },
      read(question) {
        const last = /1\/\(k\(k\+1\)\) for k from 1 to (\d+)/.exec(question)?.[1];
        return last === undefined ? undefined : print(`sumOfUnitFractions(${last})`);
      },
    },
  ],
};

const recurrence: MathFamily = {
  subject: INTERMEDIATE,
  level: 5,
  name: "termOfRecurrence",
  hints: { utility: "A term of u(n+2) = a u(n+1) + b u(n).", args: "u0, u1, a, b, n", returns: "u(n)" },
  tool: `/**
 * A term of the sequence u(n+2) = a u(n+1) + b u(n).
 * @param {[number, number]} start - u(0) and u(1).
 * @param {number} a - Factor of the term before.
 * @param {number} b - Factor of the one before that.
 * @param {number} n - Which term.
 * @returns {number} u(n).
 */
function termOfRecurrence([first, second], a, b, n) {
  let [now, next] = [first, second];
  for (let i = 0; i < n; i += 1) [now, next] = [next, a * next + b * now];
  return now;
}`,
  scenarios: [
    {
      draw(draw) {
        const [a, b, n] = [draw.integer(1, 3), nonZero(draw.integer(1, 3)), draw.integer(9, 15)];
        const terms = [1, 2];
        while (terms.length <= n) terms.push(a * terms.at(-1)! + b * terms.at(-2)!);
        return {
          question: `The sequence with u_0 = 1, u_1 = 2 goes on by u_(n+2) = ${a}u_(n+1) + ${b}u_n. What is u_${n}?`,
          answer: terms[n]!,
        };
      },
      read(question) {
        const [, u0, u1, a, b] =
          /u_0 = (\d+), u_1 = (\d+).*u_\(n\+2\) = (\d+)u_\(n\+1\) \+ (\d+)u_n/.exec(question) ?? [];
        const n = /u_(\d+)[.?]\s*$/.exec(question)?.[1];
        return b === undefined || n === undefined
          ? undefined
          : print(`termOfRecurrence([${u0}, ${u1}], ${a}, ${b}, ${n})`);
      },
    },
  ],
};

/** @internal */
export const algebraFamilies: readonly MathFamily[] = [
  linear,
  system,
  squares,
  progression,
  fifthPowers,
  evaluate,
  remainder,
  shiftedRoots,
  telescope,
  recurrence,
];
