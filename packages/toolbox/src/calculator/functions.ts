import Fraction from "fraction.js";
import { refuse } from "../refuse.ts";
import { bits, Decimal, isExact, MOST_BITS, toDecimal, type Value } from "./number.ts";

function integer(value: Value, what: string): bigint {
  if (!isExact(value) || value.d !== 1n)
    refuse(`${what} needs integers, got ${toDecimal(value).toSignificantDigits(12)}`);
  return value.s * value.n;
}

/** The integer root when there is one. */
function exactRoot(value: bigint, degree: bigint): bigint | undefined {
  if (value < 2n) return value;
  let [low, high] = [1n, 1n << BigInt(Math.ceil(bits(value) / Number(degree)) + 1)];
  while (low < high) {
    const middle = (low + high + 1n) / 2n;
    if (middle ** degree <= value) low = middle;
    else high = middle - 1n;
  }
  return low ** degree === value ? low : undefined;
}

/** The real root of this degree: exact where the root is rational. */
function root(value: Value, degree: bigint): Value {
  if (degree < 1n || degree > 1000n) refuse("the degree of a root must be from 1 to 1000");
  const isNegative = isExact(value) ? value.s < 0n : value.isNegative();
  if (isNegative && degree % 2n === 0n) refuse("an even root of a negative number is not real");
  if (isExact(value)) {
    const [numerator, denominator] = [exactRoot(value.n, degree), exactRoot(value.d, degree)];
    if (numerator !== undefined && denominator !== undefined)
      return new Fraction(isNegative ? -numerator : numerator, denominator);
  }
  const size = toDecimal(value).abs().pow(new Decimal(1).div(degree.toString()));
  return isNegative ? size.neg() : size;
}

/** Exponents with a larger denominator are taken for decimals. */
const LARGEST_ROOT = 100n;

/** `base` to the power `exponent`: exact for integer exponents, and where the root is. */
export function power(base: Value, exponent: Value): Value {
  if (!isExact(exponent) || exponent.d > LARGEST_ROOT) return toDecimal(base).pow(toDecimal(exponent));
  if (exponent.d !== 1n) return root(power(base, new Fraction(exponent.s * exponent.n, 1n)), exponent.d);
  if (!isExact(base)) return base.pow(new Decimal((exponent.s * exponent.n).toString()));
  if (base.n === 0n && exponent.s < 0n) refuse("division by zero");
  if (base.n === base.d || base.n === 0n)
    return new Fraction((exponent.n % 2n === 0n ? 1n : base.s) * (exponent.n === 0n ? 1n : base.n), base.d);
  const size = Math.max(bits(base.n), bits(base.d));
  if (exponent.n * BigInt(size) > BigInt(MOST_BITS)) refuse("the power has too many digits; ask for a smaller one");
  const [n, d] = [(base.s * base.n) ** exponent.n, base.d ** exponent.n];
  return exponent.s < 0n ? new Fraction(d, n) : new Fraction(n, d);
}

function factorial(value: Value): Value {
  const n = integer(value, "factorial");
  if (n < 0n || n > 2000n) refuse(`factorial takes integers from 0 to 2000, got ${n}`);
  let product = 1n;
  for (let i = 2n; i <= n; i++) product *= i;
  return new Fraction(product);
}

function choose(first: Value, second: Value): Value {
  const [n, k] = [integer(first, "choose"), integer(second, "choose")];
  if (k < 0n || n < 0n || n > 5000n) refuse("choose takes 0 to 5000 things, and a count that is not negative");
  let result = 1n;
  for (let i = 0n; i < k; i++) result = (result * (n - i)) / (i + 1n);
  return new Fraction(k > n ? 0n : result);
}

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? (a < 0n ? -a : a) : gcd(b, a % b));

function lcm(a: bigint, b: bigint): bigint {
  const product = a * b;
  return product === 0n ? 0n : (product < 0n ? -product : product) / gcd(a, b);
}

function floored(value: Value): Value {
  if (!isExact(value)) return new Fraction(value.floor().toFixed(0));
  const quotient = (value.s * value.n) / value.d;
  return new Fraction(value.s < 0n && value.n % value.d !== 0n ? quotient - 1n : quotient);
}

function rounded(value: Value, digits: Value = new Fraction(0)): Value {
  const places = integer(digits, "round");
  if (places < 0n || places > 30n) refuse("round keeps 0 to 30 decimal places");
  const scale = new Fraction(10n ** places);
  const exact = isExact(value) ? value : new Fraction(value.toFixed(40));
  const away = floored(exact.abs().mul(scale).add(new Fraction(1, 2))) as Fraction;
  return away.mul(new Fraction(exact.s)).div(scale);
}

const exactly = (value: Value): Fraction => (isExact(value) ? value : refuse("internal: not exact"));

function compare(a: Value, b: Value): number {
  return isExact(a) && isExact(b) ? a.compare(b) : toDecimal(a).comparedTo(toDecimal(b));
}

function sum(values: readonly Value[]): Value {
  return values.reduce((a, b) => (isExact(a) && isExact(b) ? a.add(b) : toDecimal(a).add(toDecimal(b))));
}

function mean(values: readonly Value[]): Value {
  const total = sum(values);
  return isExact(total) ? total.div(values.length) : total.div(values.length);
}

function median(values: readonly Value[]): Value {
  const sorted = [...values].sort(compare);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : mean([sorted[middle - 1]!, sorted[middle]!]);
}

function logarithm(value: Value, base?: Value): Value {
  const number = toDecimal(value);
  if (!number.isPositive() || number.isZero()) refuse("a logarithm needs a positive number");
  return base === undefined ? number.ln() : number.log(toDecimal(base));
}

/** A function of the calculator: how many arguments it takes and what it gives. */
export interface CalculatorFunction {
  readonly least: number;
  readonly most: number;
  apply(values: readonly Value[]): Value;
}

const one = (apply: (value: Value) => Value): CalculatorFunction => ({ least: 1, most: 1, apply: ([x]) => apply(x!) });
const two = (apply: (a: Value, b: Value) => Value): CalculatorFunction => ({
  least: 2,
  most: 2,
  apply: ([a, b]) => apply(a!, b!),
});
const many = (apply: (values: readonly Value[]) => Value): CalculatorFunction => ({ least: 1, most: 1000, apply });
const optionalSecond = (apply: (a: Value, b?: Value) => Value): CalculatorFunction => ({
  least: 1,
  most: 2,
  apply: ([a, b]) => apply(a!, b),
});

/** Every function, by its name. Angles are in radians. */
export const FUNCTIONS: ReadonlyMap<string, CalculatorFunction> = new Map(
  Object.entries({
    abs: one((x) => x.abs()),
    sqrt: one((x) => root(x, 2n)),
    cbrt: one((x) => root(x, 3n)),
    root: two((x, degree) => root(x, integer(degree, "root"))),
    floor: one(floored),
    ceil: one((x) => exactly(floored(x.neg())).neg()),
    round: optionalSecond(rounded),
    factorial: one(factorial),
    choose: two(choose),
    gcd: many((values) => new Fraction(values.map((x) => integer(x, "gcd")).reduce(gcd))),
    lcm: many((values) => new Fraction(values.map((x) => integer(x, "lcm")).reduce(lcm))),
    min: many((values) => [...values].sort(compare)[0]!),
    max: many((values) => [...values].sort(compare).at(-1)!),
    sum: many(sum),
    mean: many(mean),
    median: many(median),
    exp: one((x) => toDecimal(x).exp()),
    ln: one((x) => logarithm(x)),
    log10: one((x) => logarithm(x, new Fraction(10))),
    log: two((x, base) => logarithm(x, base)),
    sin: one((x) => toDecimal(x).sin()),
    cos: one((x) => toDecimal(x).cos()),
    tan: one((x) => toDecimal(x).tan()),
  }),
);
