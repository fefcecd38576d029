/** Families of counting and probability, one for each level. */
import { FRACTION_TOOL, fraction, type MathFamily, print } from "./family.ts";

const COUNTING = "counting_and_probability";

const choose = (n: number, k: number): number =>
  Array.from({ length: k }, (_, i) => i).reduce((ways, i) => (ways * (n - i)) / (i + 1), 1);

const CHOOSE_TOOL = `/** Ways to choose k of n different things. */
function choose(n, k) {
  let ways = 1;
  for (let i = 1; i <= k; i += 1) ways = (ways * (n - k + i)) / i;
  return ways;
}`;

const people: MathFamily = {
  subject: COUNTING,
  level: 1,
  name: "choose",
  hints: { utility: "Binomial coefficient.", args: "n, k", returns: "the number of ways" },
  tool: `/**
 * Ways to choose some of several different things, without order.
 * @param {number} n - Things.
 * @param {number} k - Chosen.
 * @returns {number} The number of ways.
 */
function choose(n, k) {
  let ways = 1;
  for (let i = 1; i <= k; i += 1) ways = (ways * (n - k + i)) / i;
  return ways;
}`,
  scenarios: [
    {
      draw(draw) {
        const [n, k] = [draw.integer(6, 14), draw.integer(2, 4)];
        return { question: `In how many ways can ${k} people be picked from ${n} people?`, answer: choose(n, k) };
      },
      read(question) {
        const [, k, n] = /ways can (\d+) people be (?:chosen|picked) from (\d+) people/.exec(question) ?? [];
        return n === undefined ? undefined : print(`choose(${n}, ${k})`);
      },
    },
  ],
};

const committee: MathFamily = {
  subject: COUNTING,
  level: 2,
  name: "waysWithLeader",
  hints: {
    utility: "Ways to pick a leader and a group of others.",
    args: "people, members",
    returns: "the number of ways",
  },
  tool: `${CHOOSE_TOOL}

/**
 * Ways to pick a leader, and then a group of others.
 * @param {number} people - All who can be picked.
 * @param {number} members - Size of the group without the leader.
 * @returns {number} The number of ways.
 */
function waysWithLeader(people, members) {
  return people * choose(people - 1, members);
}`,
  scenarios: [
    {
      draw(draw) {
        const [people, members] = [draw.integer(7, 13), draw.integer(2, 5)];
        return {
          question: `In how many ways can a president, and then a committee of ${members} other members, be picked from ${people} people?`,
          answer: people * choose(people - 1, members),
        };
      },
      read(question) {
        const [, members, people] =
          /president, and then a committee of (\d+) other members, be \w+ from (\d+) people/.exec(question) ?? [];
        return people === undefined ? undefined : print(`waysWithLeader(${people}, ${members})`);
      },
    },
  ],
};

const dice: MathFamily = {
  subject: COUNTING,
  level: 3,
  name: "chanceOfTwoDice",
  hints: {
    utility: "Chance that two dice pass a test.",
    args: "test (function of both numbers)",
    returns: "the chance as a fraction (text)",
  },
  tool: `${FRACTION_TOOL}

/**
 * Chance that two fair six-sided dice pass a test.
 * @param {(a: number, b: number) => boolean} test - Which pairs count.
 * @returns {string} The chance as a fraction in lowest terms.
 */
function chanceOfTwoDice(test) {
  let count = 0;
  for (let a = 1; a <= 6; a += 1) for (let b = 1; b <= 6; b += 1) if (test(a, b)) count += 1;
  return fraction(count, 36);
}`,
  scenarios: [
    {
      draw(draw) {
        const isSum = draw.integer(0, 1) === 0;
        const least = isSum ? draw.integer(4, 11) : draw.integer(5, 24);
        const pairs = Array.from({ length: 36 }, (_, i) => [1 + (i % 6), 1 + Math.floor(i / 6)] as const);
        const count = pairs.filter(([a, b]) => (isSum ? a + b : a * b) >= least).length;
        return {
          question: `Two fair six-sided dice are thrown. What is the probability that the ${isSum ? "sum" : "product"} is at least ${least}? Answer with a reduced fraction.`,
          answer: fraction(count, 36),
        };
      },
      read(question) {
        const [, what, least] = /dice .*probability that the (sum|product) is at least (\d+)/.exec(question) ?? [];
        return least === undefined
          ? undefined
          : print(`chanceOfTwoDice((a, b) => a ${what === "sum" ? "+" : "*"} b >= ${least})`);
      },
    },
  ],
};

const marbles: MathFamily = {
  subject: COUNTING,
  level: 4,
  name: "chanceOfDraw",
  hints: {
    utility: "Chance of exactly k of one colour, drawn without putting back.",
    args: "wanted, others, drawn, k",
    returns: "the chance as a fraction (text)",
  },
  tool: `${FRACTION_TOOL}

${CHOOSE_TOOL}

/**
 * Chance of exactly k wanted things among some that are drawn without being put back.
 * @param {number} wanted - Wanted things in the bag.
 * @param {number} others - Other things in the bag.
 * @param {number} drawn - Things that are drawn.
 * @param {number} k - Wanted ones among them.
 * @returns {string} The chance as a fraction in lowest terms.
 */
function chanceOfDraw(wanted, others, drawn, k) {
  return fraction(choose(wanted, k) * choose(others, drawn - k), choose(wanted + others, drawn));
}`,
  scenarios: [
    {
      draw(draw) {
        const [red, blue] = [draw.integer(3, 9), draw.integer(3, 9)];
        return {
          question: `A bag has ${red} red and ${blue} blue marbles. Three are taken out without being put back. What is the probability that exactly two are red? Answer with a reduced fraction.`,
          answer: fraction(choose(red, 2) * blue, choose(red + blue, 3)),
        };
      },
      read(question) {
        const [, red, blue] = /(\d+) red and (\d+) blue marbles\. Three/.exec(question) ?? [];
        return blue !== undefined && /exactly two are red/.test(question)
          ? print(`chanceOfDraw(${red}, ${blue}, 3, 2)`)
          : undefined;
      },
    },
  ],
};

const strings: MathFamily = {
  subject: COUNTING,
  level: 5,
  name: "countStrings",
  hints: {
    utility: "Strings with a letter at least once but never twice in a row.",
    args: "length, letters",
    returns: "the count",
  },
  tool: `/**
 * Counts the strings that contain one letter of the alphabet at least once, but never twice in a row.
 * @param {number} length - Length of the strings.
 * @param {number} letters - Size of the alphabet.
 * @returns {number} How many there are.
 */
function countStrings(length, letters) {
  let [ending, others] = [0, 1];
  for (let i = 0; i < length; i += 1) [ending, others] = [others, (ending + others) * (letters - 1)];
  return ending + others - (letters - 1) ** length;
}`,
  scenarios: [
    {
      draw(draw) {
        const [length, letters] = [draw.integer(3, 6), draw.integer(3, 4)];
        let count = 0;
        for (let n = 0; n < letters ** length; n++) {
          const text = Array.from({ length }, (_, i) => Math.floor(n / letters ** i) % letters);
          if (text.includes(0) && !text.some((letter, i) => letter === 0 && text[i + 1] === 0)) count++;
        }
        return {
          question: `How many strings of length ${length} over an alphabet of ${letters} letters hold the first letter of the alphabet at least once but never twice in a row?`,
          answer: count,
        };
      },
      read(question) {
        const [, length, letters] =
          /strings of length (\d+) over an alphabet of (\d+) letters .*never twice in a row/.exec(question) ?? [];
        return letters === undefined ? undefined : print(`countStrings(${length}, ${letters})`);
      },
    },
  ],
};

/** @internal */
export const countingMathFamilies: readonly MathFamily[] = [people, committee, dice, marbles, strings];
