/** Families about numbers that go step by step: countdowns, switches, digits, calendars. */
import { code, type Family, listsIn, listText, numbersIn, ordinal, print } from "./family.ts";

function countdown(start: number, divisor: number): number {
  let steps = 0;
  for (let left = start; left > 0; steps++) left = left % divisor === 0 ? left / divisor : left - 1;
  return steps;
}

/** Steps to zero by dividing where that is exact and taking one where it is not. */
const stepsToZero: Family = {
  name: "stepsToZero",
  hints: {
    utility:
      "Counts steps down to zero, where a step divides by a fixed number if that leaves no remainder and takes 1 away if not.",
    args: "start (integer): the number to begin with\ndivisor (integer): the number to divide by, above 1",
    returns: "steps (integer): how many steps it takes",
  },
  tool: `/**
 * Counts the steps that bring a whole number down to zero.
 * @param {number} start - The number to begin with, a whole number.
 * @param {number} divisor - A step divides by this number if that is exact, else it subtracts 1. Above 1.
 * @returns {number} How many steps it takes.
 */
function stepsToZero(start, divisor) {
  let steps = 0;
  for (let left = start; left > 0; steps += 1) {
    left = left % divisor === 0 ? left / divisor : left - 1;
  }
  return steps;
}`,
  scenarios: [
    {
      draw(draw) {
        const [start, divisor] = [draw.integer(300, 4000), draw.integer(3, 7)];
        return {
          question: `The number ${start} stands on a board. Whenever it can be divided by ${divisor} without remainder, it is replaced by the quotient; otherwise 1 is taken away. After how many replacements is it 0?`,
          answer: countdown(start, divisor),
        };
      },
      read(question) {
        const start = /(?:counter shows|number) (\d+)/i.exec(question)?.[1];
        const divisor = /divide[sd]? .*?by (\d+)/.exec(question)?.[1];
        return start && divisor && /remainder/.test(question) ? print(`stepsToZero(${start}, ${divisor})`) : undefined;
      },
    },
    {
      draw(draw) {
        const start = draw.integer(60, 900);
        return {
          question: `A shelf has ${start} books. Each evening somebody carries off half of the books if their number is even, and one book otherwise. After how many evenings is the shelf empty?`,
          answer: countdown(start, 2),
        };
      },
      read(question) {
        const [start] = numbersIn(question);
        const isHalving = /half of (?:it|the \w+) if .*even.* otherwise|half of the \w+ if .*even, and one/.test(
          question,
        );
        return isHalving ? print(`stepsToZero(${start}, 2)`) : undefined;
      },
    },
    {
      draw(draw) {
        const [a, b] = [draw.integer(100, 500), draw.integer(100, 500)];
        return {
          question: `Two jars hold ${a} and ${b} sweets. A grab takes four fifths of the sweets in a jar when their number is a multiple of 5, and a single sweet otherwise. How many grabs empty both jars?`,
          answer: countdown(a, 5) + countdown(b, 5),
        };
      },
      read(question) {
        const [, a, b] = /Two [^.]*?(\d+) and (\d+)/.exec(question) ?? [];
        const divisor = /multiple of (\d+)/.exec(question)?.[1];
        if (a === undefined || divisor === undefined || !/four fifths/.test(question)) return undefined;
        return print(`stepsToZero(${a}, ${divisor}) + stepsToZero(${b}, ${divisor})`);
      },
    },
  ],
};

function countOn(items: number, passes: readonly number[]): number {
  return Array.from({ length: items }, (_, i) => passes.filter((pass) => (i + 1) % pass === 0).length % 2).reduce(
    (sum, on) => sum + on,
    0,
  );
}

/** Things that are switched by every k-th. */
const switchedOn: Family = {
  name: "switchedOn",
  hints: {
    utility:
      "Counts how many of n things in a row are switched on after some passes, each of which switches every multiple of its number.",
    args: "n (integer): number of things, all off at first\npasses (list of integers): every pass switches all multiples of its value",
    returns: "on (integer): how many are on in the end",
  },
  tool: `/**
 * Counts the things that are on after some passes over a row.
 * @param {number} n - Things in the row, numbered from 1, all off at first.
 * @param {number[]} passes - Each pass switches the things whose number is a multiple of its value.
 * @returns {number} How many are on in the end.
 */
function switchedOn(n, passes) {
  let on = 0;
  for (let thing = 1; thing <= n; thing += 1) {
    let state = false;
    for (const pass of passes) if (thing % pass === 0) state = !state;
    if (state) on += 1;
  }
  return on;
}`,
  scenarios: [
    {
      draw(draw) {
        const items = draw.integer(80, 400);
        const [a, b, c] = draw.rising(3, 2, 9) as [number, number, number];
        return {
          question: `${items} switches are off. A technician presses every ${ordinal(a)}, then every ${ordinal(b)} and then every ${ordinal(c)} one. How many switches are on in the end?`,
          answer: countOn(items, [a, b, c]),
        };
      },
      read(question) {
        const passes = [...question.matchAll(/every (\d+)(?:st|nd|rd|th)/gi)].map(([, pass]) => Number(pass));
        const [items] = numbersIn(question);
        return passes.length > 0 && /are off/.test(question)
          ? print(`switchedOn(${items}, ${code(passes)})`)
          : undefined;
      },
    },
    {
      draw(draw) {
        const items = draw.integer(100, 700);
        return {
          question: `A hall has ${items} closed lockers. For every k from 1 to ${items} a pupil opens or closes each k-th locker. How many lockers are open at last?`,
          answer: Math.floor(Math.sqrt(items)),
        };
      },
      read(question) {
        const items = /k from 1 to (\d+)/.exec(question)?.[1];
        if (items === undefined || !/k-th/.test(question)) return undefined;
        return `const passes = Array.from({ length: ${items} }, (_, i) => i + 1);\n${print(`switchedOn(${items}, passes)`)}`;
      },
    },
    {
      draw(draw) {
        const items = draw.integer(100, 500);
        const [a, b, c] = draw.rising(3, 2, 11) as [number, number, number];
        return {
          question: `${items} coins in a row show tails. Every ${ordinal(a)}, every ${ordinal(b)} and every ${ordinal(c)} coin is turned over in three rounds. How many coins show tails afterwards?`,
          answer: items - countOn(items, [a, b, c]),
        };
      },
      read(question) {
        const passes = [...question.matchAll(/every (\d+)(?:st|nd|rd|th)/gi)].map(([, pass]) => Number(pass));
        const [items] = numbersIn(question);
        const isRest = /(?:face down|tails) afterwards/.test(question);
        return passes.length > 0 && isRest ? print(`${items} - switchedOn(${items}, ${code(passes)})`) : undefined;
      },
    },
  ],
};

function digitPowers(start: number, power: number, rounds: number): number {
  let value = start;
  for (let round = 0; round < rounds; round++) {
    let sum = 0;
    for (let rest = value; rest > 0; rest = Math.floor(rest / 10)) sum += (rest % 10) ** power;
    value = sum;
  }
  return value;
}

/** Sums of powers of digits, again and again. */
const digitChain: Family = {
  name: "digitChain",
  hints: {
    utility: "Replaces a whole number by the sum of a power of its digits, several times over.",
    args: "start (integer)\npower (integer): exponent of each digit\nrounds (integer): how often",
    returns: "value (integer): the number after the last round",
  },
  tool: `/** Sum of a power of the digits of a whole number. */
function digitPowerSum(value, power) {
  return [...String(value)].reduce((sum, digit) => sum + Number(digit) ** power, 0);
}

/**
 * Replaces a number by the sum of a power of its digits, again and again.
 * @param {number} start - The whole number to begin with.
 * @param {number} power - Exponent of each digit.
 * @param {number} rounds - How often it is replaced.
 * @returns {number} The number after the last round.
 */
function digitChain(start, power, rounds) {
  let value = start;
  for (let round = 0; round < rounds; round += 1) value = digitPowerSum(value, power);
  return value;
}`,
  scenarios: [
    {
      draw(draw) {
        const [start, rounds] = [draw.integer(100, 9999), draw.integer(3, 9)];
        return {
          question: `A number is replaced by the sum of the squares of its digits. Beginning with ${start}, which number is there after ${rounds} replacements?`,
          answer: digitPowers(start, 2, rounds),
        };
      },
      read(question) {
        const [start, rounds] = numbersIn(question);
        const isSquares = /sum of the squares of its digits/.test(question);
        return isSquares && rounds !== undefined ? print(`digitChain(${start}, 2, ${rounds})`) : undefined;
      },
    },
    {
      draw(draw) {
        const [start, rounds] = [draw.integer(1000, 99999), draw.integer(2, 5)];
        return {
          question: `A code turns a number into the sum of the cubes of its digits. Which number comes out of ${start} after ${rounds} applications?`,
          answer: digitPowers(start, 3, rounds),
        };
      },
      read(question) {
        const [start, rounds] = numbersIn(question);
        const isCubes = /sum of the cubes of its digits/.test(question);
        return isCubes && rounds !== undefined ? print(`digitChain(${start}, 3, ${rounds})`) : undefined;
      },
    },
    {
      draw(draw) {
        const [a, b, rounds] = [draw.integer(20, 999), draw.integer(20, 999), draw.integer(3, 7)];
        return {
          question: `To square the digits of a number and add them up is called a round. Let a be the result of ${rounds} rounds from ${a} and b the result of ${rounds} rounds from ${b}. What is a + b?`,
          answer: digitPowers(a, 2, rounds) + digitPowers(b, 2, rounds),
        };
      },
      read(question) {
        const found = [...question.matchAll(/(\d+) rounds[^.]*? from (\d+)/g)];
        if (found.length !== 2 || !/a \+ b/.test(question)) return undefined;
        return print(found.map(([, rounds, start]) => `digitChain(${start}, 2, ${rounds})`).join(" + "));
      },
    },
  ],
};

interface OddDate {
  readonly month: number;
  readonly day: number;
  readonly years: number;
}

function laterDate(month: number, day: number, days: number, lengths: readonly number[]): OddDate {
  const year = lengths.reduce((sum, length) => sum + length, 0);
  const before = lengths.slice(0, month - 1).reduce((sum, length) => sum + length, 0);
  const total = before + day - 1 + days;
  let rest = total % year;
  let at = 0;
  while (rest >= lengths[at]!) rest -= lengths[at++]!;
  return { month: at + 1, day: rest + 1, years: Math.floor(total / year) };
}

/** Days in calendars of other planets. */
const oddCalendar: Family = {
  name: "oddCalendar",
  hints: {
    utility: "Finds the date some days later in a calendar whose months have any lengths.",
    args: "month (integer from 1)\nday (integer from 1)\ndays (integer): days to go on\nlengths (list of integers): days of each month",
    returns: "date (object): month, day, and years, the number of year ends that were passed",
  },
  tool: `/**
 * The date some days later in a calendar with months of any length.
 * @param {number} month - Number of the month, from 1.
 * @param {number} day - Day of the month, from 1.
 * @param {number} days - Days to go on.
 * @param {number[]} lengths - Days of each month of a year.
 * @returns {{ month: number, day: number, years: number }} The date, and the year ends that were passed.
 */
function oddCalendar(month, day, days, lengths) {
  let at = month - 1;
  let left = day + days;
  let years = 0;
  while (left > lengths[at]) {
    left -= lengths[at];
    at += 1;
    if (at === lengths.length) {
      at = 0;
      years += 1;
    }
  }
  return { month: at + 1, day: left, years };
}`,
  scenarios: [
    {
      draw(draw) {
        const lengths = Array.from({ length: draw.integer(4, 6) }, () => draw.integer(18, 45));
        const month = draw.integer(1, lengths.length);
        const [day, days] = [draw.integer(1, 18), draw.integer(60, 600)];
        return {
          question: `On a moon the months have ${listText(lengths)} days. Which day of the month is it ${days} days after day ${day} of month ${month}?`,
          answer: laterDate(month, day, days, lengths).day,
        };
      },
      read: (question) => readDate(question, /[Ww]hich day of the month/, "day"),
    },
    {
      draw(draw) {
        const lengths = Array.from({ length: 4 }, () => draw.integer(85, 95));
        const month = draw.integer(1, 4);
        const [day, days] = [draw.integer(1, 80), draw.integer(100, 900)];
        return {
          question: `A school year has terms of ${listText(lengths)} days. A loan that was made on day ${day} of term ${month} is due ${days} days later. In which term is that?`,
          answer: laterDate(month, day, days, lengths).month,
        };
      },
      read: (question) => readDate(question, /[Ii]n which (?:period|term|month)/, "month"),
    },
    {
      draw(draw) {
        const lengths = Array.from({ length: 3 }, () => draw.integer(12, 30));
        const days = draw.integer(300, 2000);
        return {
          question: `A calendar has three months of ${listText(lengths)} days. How many year ends are passed in ${days} days from day 1 of month 1?`,
          answer: laterDate(1, 1, days, lengths).years,
        };
      },
      read: (question) => readDate(question, /[Hh]ow many year ends/, "years"),
    },
  ],
};

function readDate(question: string, asks: RegExp, field: keyof OddDate): string | undefined {
  const [lengths] = listsIn(question);
  const [, day, month] = /day (\d+) of \w+ (\d+)/.exec(question) ?? [];
  const days = /(\d+) days (?:after|later|from)/.exec(question)?.[1];
  if (!asks.test(question) || lengths === undefined || day === undefined || days === undefined) return undefined;
  return print(`oddCalendar(${month}, ${day}, ${days}, ${code(lengths)}).${field}`);
}

/** @internal */
export const countingFamilies: readonly Family[] = [stepsToZero, switchedOn, digitChain, oddCalendar];
