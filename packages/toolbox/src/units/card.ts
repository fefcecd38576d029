import { makeCard, type TaskKind, type ToolCard } from "../card.ts";
import { givesNumber } from "../checks.ts";
import type { FullSetup } from "../setup.ts";
import { sampleRates } from "./rates.ts";

type Pair = readonly [
  from: string,
  to: string,
  factor: number,
  fromName: string,
  toName: string,
  low: number,
  high: number,
];

const PAIRS: Readonly<Record<string, readonly Pair[]>> = {
  length: [
    ["mi", "km", 1.609344, "miles", "kilometres", 3, 900],
    ["ft", "m", 0.3048, "feet", "metres", 20, 30_000],
    ["in", "cm", 2.54, "inches", "centimetres", 5, 99],
    ["nmi", "km", 1.852, "nautical miles", "kilometres", 10, 800],
  ],
  mass: [
    ["lb", "kg", 0.45359237, "pounds", "kilograms", 5, 400],
    ["oz", "g", 28.349523125, "ounces", "grams", 2, 60],
    ["kg", "lb", 1 / 0.45359237, "kilograms", "pounds", 5, 400],
  ],
  volume: [
    ["gal", "L", 3.785411784, "US gallons", "litres", 2, 90],
    ["cup", "mL", 236.5882365, "US cups", "millilitres", 1, 12],
    ["imppt", "L", 0.56826125, "imperial pints", "litres", 2, 40],
  ],
  speed: [
    ["mi/h", "m/s", 0.44704, "miles per hour", "metres per second", 20, 200],
    ["km/h", "m/s", 1 / 3.6, "kilometres per hour", "metres per second", 20, 320],
    ["kn", "km/h", 1.852, "knots", "kilometres per hour", 5, 60],
  ],
  energy: [
    ["kcal", "kJ", 4.184, "kilocalories", "kilojoules", 50, 3000],
    ["kWh", "MJ", 3.6, "kilowatt hours", "megajoules", 2, 500],
    ["psi", "kPa", 6.894757293168361, "pounds per square inch", "kilopascals", 10, 90],
  ],
};

interface Converted {
  readonly decimal: string;
}

const round = (value: number, places: number): number =>
  Math.round((value + Number.EPSILON) * 10 ** places) / 10 ** places;

function linear(pairs: readonly Pair[]): TaskKind {
  return (random) => {
    const [from, to, factor, fromName, toName, low, high] = random.pick(pairs);
    const value = random.integer(low * 10, high * 10) / 10;
    const instruction = random.pick([
      `How many ${toName} are ${value} ${fromName}? Give at least two decimal places.`,
      `Convert ${value} ${fromName} to ${toName}, to two decimal places or more.`,
    ]);
    return {
      instruction,
      expert: async (call) =>
        `${value} ${fromName} are ${(await call<Converted>("units_convert", { value: `${value}`, from, to })).decimal} ${toName}.`,
      succeeds: ({ answer }) => givesNumber(answer, value * factor, { instruction, tolerance: 0.006 }),
    };
  };
}

const temperature: TaskKind = (random) => {
  const [isCelsius, value] = [random.chance(0.5), random.integer(-40, 120) + random.pick([0, 0.5])];
  const [from, to] = isCelsius ? ["°C", "°F"] : ["°F", "°C"];
  const instruction = `It is ${value} ${from} outside the greenhouse. What is that in ${to}, to one decimal place or more?`;
  const expected = isCelsius ? value * 1.8 + 32 : (value - 32) / 1.8;
  return {
    instruction,
    expert: async (call) =>
      `That is ${(await call<Converted>("units_convert", { value: `${value}`, from, to })).decimal} ${to}.`,
    succeeds: ({ answer }) => givesNumber(answer, expected, { instruction, tolerance: 0.06 }),
  };
};

function money({ seed, clock }: FullSetup): TaskKind {
  const { rates } = sampleRates(seed, clock.slice(0, 10));
  return (random) => {
    const [from, to] = random.sample(["EUR", ...Object.keys(rates)], 2) as [string, string];
    const amount = random.integer(1000, 250_000) / 100;
    const instruction = `Convert ${amount.toFixed(2)} ${from} to ${to} at today's rate, rounded to two decimal places.`;
    const rate = (code: string): number => (code === "EUR" ? 1 : Number(rates[code]));
    const expected = round((amount / rate(from)) * rate(to), 2);
    return {
      instruction,
      async expert(call) {
        const { decimal } = await call<Converted>("units_exchange", { amount: amount.toFixed(2), from, to });
        return `That is ${Number(decimal).toFixed(2)} ${to}.`;
      },
      succeeds: ({ answer }) => givesNumber(answer, expected, { instruction, tolerance: 0.0101 }),
    };
  };
}

/** Instructions for `units` with `sampleRates` of the same seed. */
export function unitsCard(setup: FullSetup, each: number): ToolCard {
  const kinds = Object.fromEntries(Object.entries(PAIRS).map(([kind, pairs]) => [kind, linear(pairs)]));
  return makeCard("units", setup, each, { ...kinds, temperature, money: money(setup) });
}
