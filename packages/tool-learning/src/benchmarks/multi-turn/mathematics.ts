/** The calculator of the multi-turn rows. It has no state. */
import { type BackEnd, type BackEndResult, error } from "./back-end.ts";

const given = (result: number): BackEndResult =>
  Number.isFinite(result) ? { result } : error("the result is no number");

/** To so many significant digits. */
const rounded = (value: number, precision: number): BackEndResult =>
  precision >= 1 && precision <= 100
    ? given(Number(value.toPrecision(precision)))
    : error("precision must be from 1 to 100");

type Pair = { a: number; b: number };
type List = { numbers: readonly number[] };

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
const some = ({ numbers }: List, work: (numbers: readonly number[]) => number): BackEndResult =>
  numbers.length === 0 ? error("there are no numbers") : given(work(numbers));

/** Metres, kilograms and litres of each unit. */
const IMPERIAL: Readonly<Record<string, readonly [kind: string, factor: number]>> = {
  cm: ["length", 0.01],
  m: ["length", 1],
  km: ["length", 1000],
  in: ["length", 0.0254],
  ft: ["length", 0.3048],
  yd: ["length", 0.9144],
  mi: ["length", 1609.344],
  g: ["mass", 0.001],
  kg: ["mass", 1],
  oz: ["mass", 0.028349523125],
  lb: ["mass", 0.45359237],
};

const PREFIXES: Readonly<Record<string, number>> = {
  p: -12,
  n: -9,
  u: -6,
  m: -3,
  c: -2,
  d: -1,
  "": 0,
  da: 1,
  h: 2,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
};

/** Power of ten of a unit with its prefix. */
function siOf(unit: string): readonly [base: string, power: number] | undefined {
  const found = /^(da|[pnumcdhkMGT]?)(m|g|s|A|K|mol|cd|L|Pa|J|W|V|N|Hz)$/.exec(unit);
  return found === null ? undefined : [found[2]!, PREFIXES[found[1]!]!];
}

type Conversion = { value: number; unit_in: string; unit_out: string };

/** The calculator. */
export const mathematics: BackEnd<Record<string, never>> = {
  create: () => ({}),
  functions: {
    absolute_value: (_, { number }: { number: number }) => given(Math.abs(number)),
    add: (_, { a, b }: Pair) => given(a + b),
    divide: (_, { a, b }: Pair) => (b === 0 ? error("nothing is divided by zero") : given(a / b)),
    imperial_si_conversion(_, { value, unit_in, unit_out }: Conversion) {
      const [from, to] = [IMPERIAL[unit_in], IMPERIAL[unit_out]];
      if (from === undefined || to === undefined || from[0] !== to[0])
        return error(`${unit_in} cannot be converted to ${unit_out}`);
      return given((value * from[1]) / to[1]);
    },
    logarithm(_, { value, base, precision }: { value: number; base: number; precision: number }) {
      if (value <= 0 || base <= 0 || base === 1) return error("there is no such logarithm");
      return rounded(Math.log(value) / Math.log(base), precision);
    },
    max_value: (_, list: List) => some(list, (numbers) => Math.max(...numbers)),
    mean: (_, list: List) => some(list, (numbers) => sum(numbers) / numbers.length),
    min_value: (_, list: List) => some(list, (numbers) => Math.min(...numbers)),
    multiply: (_, { a, b }: Pair) => given(a * b),
    percentage: (_, { part, whole }: { part: number; whole: number }) =>
      whole === 0 ? error("the whole is zero") : given((100 * part) / whole),
    power: (_, { base, exponent }: { base: number; exponent: number }) => given(base ** exponent),
    round_number: (_, { number, decimal_places = 0 }: { number: number; decimal_places?: number }) =>
      given(Number(number.toFixed(Math.min(100, Math.max(0, decimal_places))))),
    si_unit_conversion(_, { value, unit_in, unit_out }: Conversion) {
      const [from, to] = [siOf(unit_in), siOf(unit_out)];
      if (from === undefined || to === undefined || from[0] !== to[0])
        return error(`${unit_in} cannot be converted to ${unit_out}`);
      return given(value * 10 ** (from[1] - to[1]));
    },
    square_root: (_, { number, precision }: { number: number; precision: number }) =>
      number < 0 ? error("a negative number has no real root") : rounded(Math.sqrt(number), precision),
    standard_deviation: (_, list: List) =>
      some(list, (numbers) => {
        const mean = sum(numbers) / numbers.length;
        return Math.sqrt(sum(numbers.map((number) => (number - mean) ** 2)) / numbers.length);
      }),
    subtract: (_, { a, b }: Pair) => given(a - b),
    sum_values: (_, { numbers }: List) => given(sum(numbers)),
  },
};
