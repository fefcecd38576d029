/** Families about money and mixtures: tiers, funds, shares. */
import { clean, code, type Family, numbersIn, print } from "./family.ts";

type Tiers = readonly (readonly [upTo: number, price: number])[];

function charge(usage: number, tiers: Tiers): number {
  return tiers.reduce((sum, [upTo, price], i) => {
    const from = i === 0 ? 0 : tiers[i - 1]![0];
    return sum + Math.max(0, Math.min(usage, upTo) - from) * price;
  }, 0);
}

/** Prices that change with the amount. */
const tieredCharge: Family = {
  name: "tieredCharge",
  hints: {
    utility: "Works out a price when consecutive blocks of an amount have different unit prices.",
    args: "usage (number): the amount\ntiers (list of [upTo, price]): blocks in rising order; the last may go up to Infinity",
    returns: "charge (number): the price of the whole amount",
  },
  tool: `/**
 * Price of an amount whose consecutive blocks have different prices.
 * @param {number} usage - The amount.
 * @param {[number, number][]} tiers - Upper end and unit price of each block, in rising order; the last end may be Infinity.
 * @returns {number} The price, cleaned of the noise of floating point.
 */
function tieredCharge(usage, tiers) {
  let total = 0;
  let from = 0;
  for (const [upTo, price] of tiers) {
    total += Math.max(0, Math.min(usage, upTo) - from) * price;
    from = upTo;
  }
  return Number(total.toPrecision(12));
}`,
  scenarios: [
    {
      draw(draw) {
        const [first, next, usage] = [draw.integer(5, 60), draw.integer(10, 80), draw.integer(70, 240)];
        const prices = draw.rising(3, 1, 9) as [number, number, number];
        const tiers: Tiers = [
          [first, prices[0]],
          [first + next, prices[1]],
          [Number.POSITIVE_INFINITY, prices[2]],
        ];
        return {
          question: `Gas costs ${prices[0]} dollars a unit for the first ${first} units, ${prices[1]} dollars for the next ${next} and ${prices[2]} dollars beyond. What is the bill for ${usage} units?`,
          answer: clean(charge(usage, tiers)),
        };
      },
      read(question) {
        const [p1, n1, p2, n2, p3, usage, other] = numbersIn(question);
        if (!/for the first .* for the next/.test(question) || usage === undefined || other !== undefined)
          return undefined;
        const tiers = [
          [n1!, p1!],
          [n1! + n2!, p2!],
          [Number.POSITIVE_INFINITY, p3!],
        ];
        return print(`tieredCharge(${usage}, ${code(tiers)})`);
      },
    },
    {
      draw(draw) {
        const [low, high, income] = [
          draw.integer(4, 12) * 1000,
          draw.integer(15, 30) * 1000,
          draw.integer(31, 90) * 1000,
        ];
        const rates = draw.rising(3, 1, 40) as [number, number, number];
        const tiers: Tiers = [
          [low, rates[0] / 100],
          [high, rates[1] / 100],
          [Number.POSITIVE_INFINITY, rates[2] / 100],
        ];
        return {
          question: `An agency takes ${rates[0]}% of sales up to ${low}, ${rates[1]}% from there to ${high} and ${rates[2]}% above. How much does it take of sales of ${income}?`,
          answer: clean(charge(income, tiers)),
        };
      },
      read(question) {
        const [r1, low, r2, high, r3, income] = numbersIn(question);
        if (!/% .*up to .*% from there to .*%/.test(question) || income === undefined) return undefined;
        const tiers = [
          [low!, r1! / 100],
          [high!, r2! / 100],
          [Number.POSITIVE_INFINITY, r3! / 100],
        ];
        return print(`tieredCharge(${income}, ${code(tiers)})`);
      },
    },
    {
      draw(draw) {
        const [first, next, small, large] = [
          draw.integer(5, 20),
          draw.integer(10, 30),
          draw.integer(6, 40),
          draw.integer(41, 90),
        ];
        const [p3, p2, p1] = draw.rising(3, 2, 12) as [number, number, number];
        const tiers: Tiers = [
          [first, p1],
          [first + next, p2],
          [Number.POSITIVE_INFINITY, p3],
        ];
        return {
          question: `A courier takes ${p1} dollars a kilogram for the first ${first} kilograms, ${p2} for the next ${next} and ${p3} after that. How much more does a parcel of ${large} kilograms cost than one of ${small} kilograms?`,
          answer: clean(charge(large, tiers) - charge(small, tiers)),
        };
      },
      read(question) {
        const [p1, n1, p2, n2, p3, large, small] = numbersIn(question);
        if (
          !/for the first .* for the next/.test(question) ||
          small === undefined ||
          !/[Hh]ow much more/.test(question)
        )
          return undefined;
        const tiers = code([
          [n1!, p1!],
          [n1! + n2!, p2!],
          [Number.POSITIVE_INFINITY, p3!],
        ]);
        return print(`Number((tieredCharge(${large}, ${tiers}) - tieredCharge(${small}, ${tiers})).toPrecision(12))`);
      },
    },
  ],
};

function fullPayments(balance: number, percent: number, payment: number): number {
  let count = 0;
  for (let left = balance * (1 + percent / 100); left >= payment; left = (left - payment) * (1 + percent / 100))
    count++;
  return count;
}

/** Funds that shrink by payments and grow by interest. */
const paymentsUntilEmpty: Family = {
  name: "paymentsUntilEmpty",
  hints: {
    utility:
      "Counts how many times a fixed amount can be taken in full from a stock that grows by a rate before each time.",
    args: "balance (number): the stock at first\nrate (number): growth before each payment, as a fraction\npayment (number): what is taken each time",
    returns: "payments (integer): how often it can be taken in full",
  },
  tool: `/**
 * Counts the full payments that a growing stock can make.
 * @param {number} balance - The stock at first.
 * @param {number} rate - Growth before each payment, as a fraction of the stock.
 * @param {number} payment - What is taken each time; more than the stock grows by at first.
 * @returns {number} How many payments can be made in full.
 */
function paymentsUntilEmpty(balance, rate, payment) {
  if (balance * rate >= payment) throw new RangeError("the stock never runs out");
  let left = balance;
  for (let made = 0; ; made += 1) {
    left *= 1 + rate;
    if (left < payment) return made;
    left -= payment;
  }
}`,
  scenarios: [
    {
      draw(draw) {
        const [balance, rate] = [draw.integer(20, 90) * 100, draw.integer(1, 6)];
        const payment = Math.ceil((balance * draw.integer(rate + 2, rate + 9)) / 1000) * 10;
        return {
          question: `An account holds ${balance}. At the end of every month ${rate}% interest is credited, and then ${payment} is withdrawn. How many withdrawals of ${payment} are possible in full?`,
          answer: fullPayments(balance, rate, payment),
        };
      },
      read: (question) => readFund(question, /full (?:payments|withdrawals)|in full/),
    },
    {
      draw(draw) {
        const [trees, rate] = [draw.integer(30, 120) * 10, draw.integer(1, 5)];
        const felled = Math.ceil((trees * draw.integer(rate + 3, rate + 12)) / 100);
        return {
          question: `A farm has ${trees} trees. Before each felling the stock grows by ${rate}%, and each felling takes ${felled} trees. How many fellings are possible?`,
          answer: fullPayments(trees, rate, felled),
        };
      },
      read: (question) => readFund(question, /Before each \w+ .*grows by/),
    },
    {
      draw(draw) {
        const [a, b] = [draw.integer(50, 90) * 100, draw.integer(50, 90) * 100];
        const [rateA, rateB] = [draw.integer(1, 3), draw.integer(4, 5)];
        const [payA, payB] = [Math.ceil(a * 0.14), Math.ceil(b * 0.07)];
        return {
          question: `Pool X has ${a} at ${rateA}% and gives ${payA} a term; pool Y has ${b} at ${rateB}% and gives ${payB} a term. Interest comes before each payment. How many more full payments does pool Y make?`,
          answer: fullPayments(b, rateB, payB) - fullPayments(a, rateA, payA),
        };
      },
      read(question) {
        const [a, rateA, payA, b, rateB, payB, more] = numbersIn(question);
        if (payB === undefined || more !== undefined || !/Interest comes before each payment/.test(question))
          return undefined;
        return print(
          `paymentsUntilEmpty(${b}, ${rateB! / 100}, ${payB}) - paymentsUntilEmpty(${a}, ${rateA! / 100}, ${payA})`,
        );
      },
    },
  ],
};

function readFund(question: string, asks: RegExp): string | undefined {
  const [balance, percent, payment, same, more] = numbersIn(question);
  const isOne = payment !== undefined && more === undefined && (same === undefined || same === payment);
  return isOne && asks.test(question) && question.includes("%")
    ? print(`paymentsUntilEmpty(${balance}, ${percent! / 100}, ${payment})`)
    : undefined;
}

const FRACTIONS: Readonly<Record<string, number>> = {
  half: 2,
  third: 3,
  quarter: 4,
  fifth: 5,
  sixth: 6,
  eighth: 8,
  tenth: 10,
};
const TIMES: Readonly<Record<string, number>> = {
  twice: 2,
  two: 2,
  three: 3,
  four: 4,
  five: 5,
  six: 6,
  seven: 7,
  eight: 8,
};

/** Shares after parts were replaced: after `times`, what differs from the refill has shrunk by (1 - part) each time. */
const shareAfter = (share: number, refill: number, part: number, times: number): number =>
  refill + (share - refill) * (1 - part) ** times;

/** Mixtures whose parts are replaced again and again. */
const mixtureAfter: Family = {
  name: "mixtureAfter",
  hints: {
    utility: "Tracks the share of something in a mixture while a part of the mixture is replaced again and again.",
    args: "share (number): share at first, as a fraction\nrefill (number): share in what is filled in\npart (number): part that is replaced each time\ntimes (integer): how often",
    returns: "share (number): the share in the end, as a fraction",
  },
  tool: `/**
 * Share of a substance after a part of its mixture was replaced several times.
 * @param {number} share - Share at first, a fraction of 1.
 * @param {number} refill - Share in what is filled in, a fraction of 1.
 * @param {number} part - Part of the mixture that is replaced each time, a fraction of 1.
 * @param {number} times - How often it is replaced.
 * @returns {number} The share in the end, a fraction of 1.
 */
function mixtureAfter(share, refill, part, times) {
  let now = share;
  for (let i = 0; i < times; i += 1) now = now * (1 - part) + refill * part;
  return now;
}`,
  scenarios: [
    {
      draw(draw) {
        const [percent, times, part] = [
          draw.integer(20, 90),
          draw.pick(["Three", "Four", "Five"]),
          draw.pick(["fifth", "quarter", "third"]),
        ];
        const answer = 100 * shareAfter(percent / 100, 0, 1 / FRACTIONS[part]!, TIMES[times.toLowerCase()]!);
        return {
          question: `A bottle holds ${percent}% syrup. ${times} times a ${part} of it is poured away and replaced by pure water. What percentage of syrup is left? Round to two decimals.`,
          answer: answer.toFixed(2),
        };
      },
      read(question) {
        const [, times, part] = /(\w+) times an? (\w+) of it is .*replaced by pure/i.exec(question) ?? [];
        const [percent] = numbersIn(question);
        if (times === undefined || TIMES[times.toLowerCase()] === undefined || FRACTIONS[part!] === undefined)
          return undefined;
        return print(
          `(mixtureAfter(${percent! / 100}, 0, 1 / ${FRACTIONS[part!]}, ${TIMES[times.toLowerCase()]}) * 100).toFixed(2)`,
        );
      },
    },
    {
      draw(draw) {
        const [percent, years, part] = [
          draw.integer(10, 90),
          draw.integer(2, 6),
          draw.pick(["quarter", "fifth", "tenth"]),
        ];
        const answer = 100 * shareAfter(percent / 100, 0.5, 1 / FRACTIONS[part]!, years);
        return {
          question: `A choir has ${percent}% men. Each season one ${part} of the singers, chosen evenly, leave and are replaced by a group that is half men. What percentage are men after ${years} seasons? Round to two decimals.`,
          answer: answer.toFixed(2),
        };
      },
      read(question) {
        const [percent, years] = numbersIn(question);
        const part = /one (\w+) of the/.exec(question)?.[1];
        if (years === undefined || FRACTIONS[part ?? ""] === undefined || !/group that is half/.test(question))
          return undefined;
        return print(`(mixtureAfter(${percent! / 100}, 0.5, 1 / ${FRACTIONS[part!]}, ${years}) * 100).toFixed(2)`);
      },
    },
    {
      draw(draw) {
        const [share, part, refill] = [draw.integer(2, 12), draw.integer(15, 35), draw.integer(40, 60)];
        const goal = draw.integer(20, 36);
        let times = 0;
        while (shareAfter(share / 100, refill / 100, part / 100, times) < goal / 100) times++;
        return {
          question: `A basin has ${share}% salt. In each exchange ${part}% of it is swapped for brine with ${refill}% salt. How many exchanges are needed until it has at least ${goal}% salt?`,
          answer: times,
        };
      },
      read(question) {
        const [share, part, refill, goal] = numbersIn(question);
        if (goal === undefined || !/% of it is swapped for .* until it has at least/.test(question)) return undefined;
        return `let times = 0;\nwhile (mixtureAfter(${share! / 100}, ${refill! / 100}, ${part! / 100}, times) < ${goal / 100}) times += 1;\n${print("times")}`;
      },
    },
  ],
};

/** @internal */
export const moneyFamilies: readonly Family[] = [tieredCharge, paymentsUntilEmpty, mixtureAfter];
