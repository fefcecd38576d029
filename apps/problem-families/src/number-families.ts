/** Families of prealgebra and number theory, one for each level. */
import { FRACTION_TOOL, fraction, type MathFamily, numbersIn, print } from "./family.ts";

const PREALGEBRA = "prealgebra";
const NUMBERS = "number_theory";

const arithmetic: MathFamily = {
  subject: PREALGEBRA,
  level: 1,
  name: "sumWithProduct",
  hints: { utility: "a + b times c, product first.", args: "a, b, c", returns: "the value" },
  tool: `/**
 * The value of a + b * c; the product comes first.
 * @param {number} a - First number.
 * @param {number} b - Second number.
 * @param {number} c - Third number.
 * @returns {number} The value.
 */
function sumWithProduct(a, b, c) {
  return a + b * c;
}`,
  scenarios: [
    {
      draw(draw) {
        const [a, b, c] = [draw.integer(10, 99), draw.integer(10, 99), draw.integer(2, 9)];
        return { question: `What is ${a} + ${b} x ${c}?`, answer: a + b * c };
      },
      read(question) {
        const [, a, b, c] = /(?:Compute|What is) (\d+) \+ (\d+) x (\d+)/.exec(question) ?? [];
        return c === undefined ? undefined : print(`sumWithProduct(${a}, ${b}, ${c})`);
      },
    },
  ],
};

const recipe: MathFamily = {
  subject: PREALGEBRA,
  level: 2,
  name: "scaleAmount",
  hints: {
    utility: "Scales an amount in proportion.",
    args: "amount, from, to",
    returns: "the amount as a fraction (text)",
  },
  tool: `${FRACTION_TOOL}

/**
 * Scales an amount in proportion.
 * @param {number} amount - What is needed for \`from\`.
 * @param {number} from - Number that the amount is for.
 * @param {number} to - Number that it is wanted for.
 * @returns {string} The amount, as an integer or a fraction in lowest terms.
 */
function scaleAmount(amount, from, to) {
  return fraction(amount * to, from);
}`,
  scenarios: [
    {
      draw(draw) {
        const [cups, servings, wanted] = [draw.integer(3, 15), draw.integer(5, 18), draw.integer(20, 70)];
        return {
          question: `A dough takes ${cups} cups of flour for ${servings} servings. How many cups does it take for ${wanted} servings? Answer with an exact fraction or integer.`,
          answer: fraction(cups * wanted, servings),
        };
      },
      read(question) {
        const [cups, servings, wanted] = numbersIn(question);
        return wanted !== undefined && /cups of flour for \d+ servings/.test(question)
          ? print(`scaleAmount(${cups}, ${servings}, ${wanted})`)
          : undefined;
      },
    },
  ],
};

const upAndDown: MathFamily = {
  subject: PREALGEBRA,
  level: 3,
  name: "priceAfterChanges",
  hints: {
    utility: "A price after changes in percent.",
    args: "price, changes (list of percent)",
    returns: "the price as a fraction (text)",
  },
  tool: `${FRACTION_TOOL}

/**
 * A price after changes in percent, one after the other.
 * @param {number} price - A whole number.
 * @param {number[]} changes - Percent of each change, negative for a fall.
 * @returns {string} The price, as an integer or a fraction in lowest terms.
 */
function priceAfterChanges(price, changes) {
  const top = changes.reduce((product, percent) => product * (100 + percent), price);
  return fraction(top, 100 ** changes.length);
}`,
  scenarios: [
    {
      draw(draw) {
        const [price, percent] = [draw.integer(20, 400) * 10, draw.pick([5, 10, 15, 20, 30])];
        return {
          question: `A price of ${price} dollars rises by ${percent}%, then the new price falls by ${percent}%. What is the price in the end, in dollars? Answer exactly.`,
          answer: fraction(price * (100 + percent) * (100 - percent), 10_000),
        };
      },
      read(question) {
        const [price, up, down] = numbersIn(question);
        const isUpAndDown = /(?:raised|rises) by .*%.*(?:lowered|falls) by .*%/.test(question);
        return isUpAndDown && down !== undefined ? print(`priceAfterChanges(${price}, [${up}, ${-down}])`) : undefined;
      },
    },
  ],
};

const meanWithout: MathFamily = {
  subject: PREALGEBRA,
  level: 4,
  name: "meanWithout",
  hints: {
    utility: "Mean of the other numbers after one was taken out.",
    args: "count, mean, removed",
    returns: "the mean as a fraction (text)",
  },
  tool: `${FRACTION_TOOL}

/**
 * Mean of what is left after one number was taken out.
 * @param {number} count - Numbers at first, above 1.
 * @param {number} mean - Their mean.
 * @param {number} removed - The number that is taken out.
 * @returns {string} The new mean, as an integer or a fraction in lowest terms.
 */
function meanWithout(count, mean, removed) {
  return fraction(count * mean - removed, count - 1);
}`,
  scenarios: [
    {
      draw(draw) {
        const [count, mean, removed] = [draw.integer(4, 9), draw.integer(20, 60), draw.integer(5, 95)];
        return {
          question: `${count} numbers have the mean ${mean}. One of the numbers, ${removed}, is taken away. What is the mean of the others? Answer with an exact fraction or integer.`,
          answer: fraction(count * mean - removed, count - 1),
        };
      },
      read(question) {
        const count = /(\d+) numbers/.exec(question)?.[1];
        const mean = /mean (?:of \d+ numbers is )?(\d+)/.exec(question)?.[1];
        const removed = /One of the numbers, (\d+),/.exec(question)?.[1];
        return count && mean && removed ? print(`meanWithout(${count}, ${mean}, ${removed})`) : undefined;
      },
    },
  ],
};

const multiplesBut: MathFamily = {
  subject: PREALGEBRA,
  level: 5,
  name: "countMultiples",
  hints: {
    utility: "Counts integers divisible by one number but not by another.",
    args: "last, by, notBy",
    returns: "the count",
  },
  tool: `/**
 * Counts the integers from 1 on that are divisible by one number but not by another.
 * @param {number} last - The last integer.
 * @param {number} by - They are divisible by this.
 * @param {number} notBy - They are not divisible by this.
 * @returns {number} How many there are.
 */
function countMultiples(last, by, notBy) {
  let count = 0;
  for (let n = by; n <= last; n += by) if (n % notBy !== 0) count += 1;
  return count;
}`,
  scenarios: [
    {
      draw(draw) {
        const [last, by, notBy] = [draw.integer(20, 150) * 10, draw.integer(3, 6), draw.pick([7, 11, 13, 17, 29])];
        return {
          question: `How many of the integers from 1 to ${last} are divisible by ${by} but not by ${notBy}?`,
          answer: Math.floor(last / by) - Math.floor(last / (by * notBy)),
        };
      },
      read(question) {
        const [, last, by, notBy] =
          /integers from 1 to (\d+) are divisible by (\d+) but not by (\d+)/.exec(question) ?? [];
        return notBy === undefined ? undefined : print(`countMultiples(${last}, ${by}, ${notBy})`);
      },
    },
  ],
};

const gcdOf = (a: number, b: number): number => (b === 0 ? a : gcdOf(b, a % b));

const commonDivisor: MathFamily = {
  subject: NUMBERS,
  level: 1,
  name: "greatestCommonDivisor",
  hints: { utility: "Greatest common divisor.", args: "a, b (integers)", returns: "the divisor" },
  tool: `/**
 * Greatest common divisor of two integers, by Euclid.
 * @param {number} a - First integer.
 * @param {number} b - Second integer.
 * @returns {number} The divisor.
 */
function greatestCommonDivisor(a, b) {
  return b === 0 ? Math.abs(a) : greatestCommonDivisor(b, a % b);
}`,
  scenarios: [
    {
      draw(draw) {
        const [a, b] = [draw.integer(4, 30) * draw.integer(2, 12), draw.integer(4, 30) * draw.integer(2, 12)];
        return { question: `What is the greatest common divisor of ${a} and ${b}?`, answer: gcdOf(a, b) };
      },
      read(question) {
        const [, a, b] = /greatest common divisor of (\d+) and (\d+)/.exec(question) ?? [];
        return b === undefined ? undefined : print(`greatestCommonDivisor(${a}, ${b})`);
      },
    },
  ],
};

function powerRest(base: number, exponent: number, modulus: number): number {
  return Number(BigInt(base) ** BigInt(exponent) % BigInt(modulus));
}

/** Remainders of powers come at two levels: with small exponents and with large ones. */
const modularPower = (level: 2 | 3): MathFamily => ({
  subject: NUMBERS,
  level,
  name: "powerRemainder",
  hints: { utility: "Remainder of a power.", args: "base, exponent, modulus (integers)", returns: "the remainder" },
  tool: `/**
 * Remainder of base ** exponent, by repeated squaring, so that no number gets large.
 * @param {number} base - A whole number.
 * @param {number} exponent - A whole number.
 * @param {number} modulus - Above 0, below 10 ** 7.
 * @returns {number} The remainder.
 */
function powerRemainder(base, exponent, modulus) {
  let rest = 1 % modulus;
  let square = base % modulus;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) rest = (rest * square) % modulus;
    square = (square * square) % modulus;
  }
  return rest;
}`,
  scenarios: [
    {
      draw(draw) {
        const [base, exponent] =
          level === 2 ? [draw.integer(100, 500), 3] : [draw.integer(5, 20), draw.integer(60, 99)];
        const modulus = draw.integer(7, 45);
        return {
          question: `Which remainder is left when ${base}^${exponent} is divided by ${modulus}?`,
          answer: powerRest(base, exponent, modulus),
        };
      },
      read(question) {
        const [, base, exponent, modulus] = /remainder .*?when (\d+)\^(\d+) is divided by (\d+)/.exec(question) ?? [];
        return modulus === undefined ? undefined : print(`powerRemainder(${base}, ${exponent}, ${modulus})`);
      },
    },
  ],
});

const divisors: MathFamily = {
  subject: NUMBERS,
  level: 4,
  name: "countDivisors",
  hints: { utility: "Number of positive divisors.", args: "n (integer)", returns: "the number" },
  tool: `/**
 * Number of positive divisors, from the exponents of the prime factors.
 * @param {number} n - A whole number above 0.
 * @returns {number} How many divisors it has.
 */
function countDivisors(n) {
  let count = 1;
  let left = n;
  for (let p = 2; p * p <= left; p += 1) {
    let exponent = 0;
    while (left % p === 0) {
      left /= p;
      exponent += 1;
    }
    count *= exponent + 1;
  }
  return left > 1 ? count * 2 : count;
}`,
  scenarios: [
    {
      draw(draw) {
        const n = draw.integer(100, 3000) * 12;
        return {
          question: `How many positive divisors does the number ${n} have?`,
          answer: Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0).length,
        };
      },
      read(question) {
        const n = /positive divisors does (?:the number )?(\d+) have/.exec(question)?.[1];
        return n === undefined ? undefined : print(`countDivisors(${n})`);
      },
    },
  ],
};

const remainders: MathFamily = {
  subject: NUMBERS,
  level: 5,
  name: "smallestWithRemainders",
  hints: {
    utility: "Smallest positive integer with given remainders.",
    args: "pairs (list of [remainder, modulus])",
    returns: "the integer",
  },
  tool: `/**
 * Smallest positive integer with given remainders, by sieving.
 * @param {[number, number][]} pairs - Remainder and modulus; the moduli share no divisor.
 * @returns {number} The integer.
 */
function smallestWithRemainders(pairs) {
  let [found, step] = [0, 1];
  for (const [remainder, modulus] of pairs) {
    while (found % modulus !== remainder) found += step;
    step *= modulus;
  }
  return found === 0 ? step : found;
}`,
  scenarios: [
    {
      draw(draw) {
        const [a, b, c] = draw.pick([
          [5, 7, 9],
          [7, 11, 13],
          [4, 9, 11],
          [8, 9, 13],
        ] as const);
        const n = draw.integer(1, a * b * c - 1);
        return {
          question: `Which is the smallest positive integer that leaves remainder ${n % a} when divided by ${a}, remainder ${n % b} when divided by ${b}, and remainder ${n % c} when divided by ${c}?`,
          answer: n,
        };
      },
      read(question) {
        const pairs = [...question.matchAll(/remainder (\d+) when divided by (\d+)/g)].map(
          ([, rest, modulus]) => `[${rest}, ${modulus}]`,
        );
        return pairs.length > 1 && /smallest positive integer/.test(question)
          ? print(`smallestWithRemainders([${pairs.join(", ")}])`)
          : undefined;
      },
    },
  ],
};

/** @internal */
export const numberFamilies: readonly MathFamily[] = [
  arithmetic,
  recipe,
  upAndDown,
  meanWithout,
  multiplesBut,
  commonDivisor,
  modularPower(2),
  modularPower(3),
  divisors,
  remainders,
];
