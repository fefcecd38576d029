import { makeCard, type TaskKind, type ToolCard } from "../card.ts";
import { givesNumber } from "../checks.ts";
import type { Random } from "../random.ts";
import type { FullSetup } from "../setup.ts";
import type { Shown } from "./number.ts";

/** Asks for the value of an expression that the card works out by other means. */
function asks(instruction: string, expression: string, expected: number | bigint): ReturnType<TaskKind> {
  return {
    instruction,
    expert: async (call) => `The answer is ${(await call<Shown>("calculator_evaluate", { expression })).decimal}.`,
    succeeds: ({ answer }) =>
      typeof expected === "bigint" && expected > BigInt(Number.MAX_SAFE_INTEGER)
        ? answer
            .replaceAll(/[,\s](?=\d{3}\b)/g, "")
            .match(/\d+/g)
            ?.includes(`${expected}`) === true
        : givesNumber(answer, Number(expected), { instruction }),
  };
}

const things = ["apples", "screws", "bricks", "envelopes", "tiles", "batteries"];
const between = (random: Random, low: number, high: number): number => random.integer(low, high);

const kinds: Readonly<Record<string, TaskKind>> = {
  product(random) {
    const [a, b] = [between(random, 1_000_000, 99_999_999), between(random, 1_000_000, 99_999_999)];
    return asks(
      random.pick([`What is ${a} times ${b}, exactly?`, `Multiply ${a} by ${b} and give every digit.`]),
      `${a} * ${b}`,
      BigInt(a) * BigInt(b),
    );
  },
  price(random) {
    const [count, cents, percent] = [
      between(random, 12, 400),
      between(random, 105, 4999),
      random.pick([4, 5, 8, 10, 15, 20, 25]),
    ];
    const price = (cents / 100).toFixed(2);
    const total = Math.floor((count * cents * (100 - percent) * 2 + 100) / 200); // cents, half up
    return asks(
      `A builder buys ${count} ${random.pick(things)} at ${price} euros each and gets ${percent}% off the total. How much is due in euros, rounded to cents?`,
      `round(${count} * ${price} * (100 - ${percent}) / 100, 2)`,
      total / 100,
    );
  },
  remainder(random) {
    const [base, exponent, divisor] = [between(random, 2, 9), between(random, 40, 180), between(random, 11, 997)];
    return asks(
      `What is the remainder when ${base} to the power of ${exponent} is divided by ${divisor}?`,
      `${base}^${exponent} % ${divisor}`,
      Number(BigInt(base) ** BigInt(exponent) % BigInt(divisor)),
    );
  },
  committee(random) {
    const [people, seats] = [between(random, 12, 30), between(random, 3, 6)];
    let ways = 1;
    for (let i = 1; i <= seats; i++) ways = (ways * (people - seats + i)) / i;
    return asks(
      `In how many ways can a committee of ${seats} be chosen from ${people} people?`,
      `choose(${people}, ${seats})`,
      Math.round(ways),
    );
  },
  average(random) {
    const values = Array.from({ length: between(random, 5, 8) }, () => between(random, 100, 9999));
    const thousandths = Math.round((values.reduce((a, b) => a + b) / values.length) * 1000) / 1000;
    return asks(
      `Give the mean of ${values.join(", ")} to three decimal places.`,
      `round(mean(${values.join(", ")}), 3)`,
      thousandths,
    );
  },
  diagonal(random) {
    const [a, b] = [between(random, 11, 99), between(random, 11, 99)];
    return asks(
      `A field is ${a} m long and ${b} m wide. How long is its diagonal in metres, to four decimal places?`,
      `round(sqrt(${a}^2 + ${b}^2), 4)`,
      Math.round(Math.hypot(a, b) * 1e4) / 1e4,
    );
  },
};

/** Instructions for `calculator`. */
export function calculatorCard(setup: FullSetup, each: number): ToolCard {
  return makeCard("calculator", setup, each, kinds);
}
