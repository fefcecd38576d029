/** Numbers of the calculator: exact fractions as long as that is possible, else decimals of 34 digits that say so. */
import { Decimal as BaseDecimal } from "decimal.js";
import Fraction from "fraction.js";
import { refuse } from "../refuse.ts";

/** Decimals of 40 digits, of which 34 are shown. */
export const Decimal: typeof BaseDecimal = BaseDecimal.clone({ precision: 40, toExpNeg: -30, toExpPos: 34 });
export type Decimal = BaseDecimal;

/** An exact fraction, or a decimal of 40 digits. */
export type Value = Fraction | Decimal;

/** Most binary digits of an exact numerator or denominator. */
export const MOST_BITS = 40_000;
const SHOWN_DIGITS = 34;
const MOST_EXACT_DIGITS = 60;

export function isExact(value: Value): value is Fraction {
  return value instanceof Fraction;
}

/** Number of binary digits, roughly. */
export function bits(value: bigint): number {
  return value.toString(16).length * 4;
}

export function toDecimal(value: Value): Decimal {
  if (!isExact(value)) return value;
  return new Decimal(value.n.toString()).div(new Decimal(value.d.toString())).mul(Number(value.s));
}

/** @throws {ToolError} When it has too many digits, or is no number. */
export function checked(value: Value): Value {
  if (isExact(value)) {
    if (bits(value.n) > MOST_BITS || bits(value.d) > MOST_BITS)
      refuse(`the value has more than ${Math.floor(MOST_BITS / 3.33)} digits; ask for a smaller one`);
    return value;
  }
  if (!value.isFinite()) refuse("the value is not defined or beyond all bounds");
  return value;
}

/** How a value is written. */
export interface Shown {
  /** Digits: all of them when they end within 60 places, else 34 significant ones. */
  readonly decimal: string;
  /** The exact value as a reduced fraction, `"22/7"`, when it is exact and no integer. */
  readonly fraction?: string;
  /** Whether `decimal` is the value itself and not rounded. */
  readonly exact: boolean;
}

/** A terminating expansion has no prime factor in its denominator but 2 and 5. */
function places(denominator: bigint): number | undefined {
  let [rest, twos, fives] = [denominator, 0, 0];
  for (; rest % 2n === 0n; rest /= 2n) twos++;
  for (; rest % 5n === 0n; rest /= 5n) fives++;
  return rest === 1n ? Math.max(twos, fives) : undefined;
}

/** A value as text. */
export function show(value: Value): Shown {
  if (!isExact(value)) return { decimal: value.toSignificantDigits(SHOWN_DIGITS).toString(), exact: false };
  const sign = value.s < 0n ? "-" : "";
  if (value.d === 1n) return { decimal: `${sign}${value.n}`, exact: true };
  const fraction = `${sign}${value.n}/${value.d}`;
  const count = places(value.d);
  if (count === undefined || count > MOST_EXACT_DIGITS)
    return { decimal: toDecimal(value).toSignificantDigits(SHOWN_DIGITS).toString(), fraction, exact: false };
  const digits = ((value.n * 10n ** BigInt(count)) / value.d).toString().padStart(count + 1, "0");
  return { decimal: `${sign}${digits.slice(0, -count)}.${digits.slice(-count)}`, fraction, exact: true };
}
