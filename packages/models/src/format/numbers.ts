/** Numbers of JSON within bounds, as expressions: digits are compared with those of the bounds as they come. */
import { bytes, choice, type Expression, literal, nothing, optional, repeat, sequence } from "./expression.ts";

/** A bound, as decimal digits. */
interface Decimal {
  readonly whole: string;
  /** Without zeros at its end. */
  readonly fraction: string;
}

/** From where to where numbers go. */
export interface Bounds {
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  /** Whether the bounds themselves are left out. */
  readonly isLowOpen?: boolean;
  readonly isHighOpen?: boolean;
}

const digitRanges = Array.from({ length: 100 }, (_, i) => bytes([0x30 + Math.floor(i / 10), 0x30 + (i % 10)]));
const digit = (from: number, to: number): Expression => digitRanges[10 * from + to]!;
const anyDigit = digit(0, 9);
const zero = literal("0");

/** Any number: up to 15 digits on either side of the point, an exponent of up to two. A double holds it, and it is finite. */
export const anyNumber: Expression = sequence(
  optional(literal("-")),
  choice(zero, sequence(digit(1, 9), repeat(anyDigit, 0, 14))),
  optional(sequence(literal("."), repeat(anyDigit, 1, 15))),
  optional(
    sequence(bytes([0x45, 0x45], [0x65, 0x65]), optional(bytes([0x2b, 0x2b], [0x2d, 0x2d])), repeat(anyDigit, 1, 2)),
  ),
);

/** The digits of a number that is at least 0, without an exponent. */
function decimal(value: number): Decimal {
  const text = String(value);
  const [, mantissa, exponent] = /^([^e]*)(?:e([+-]\d+))?$/.exec(text)!;
  const [whole, fraction = ""] = mantissa!.split(".");
  const shift = Number(exponent ?? 0);
  const digits = shift < 0 ? `${"0".repeat(-shift)}${whole}${fraction}` : `${whole}${fraction}${"0".repeat(shift)}`;
  const point = digits.length - Math.max(0, fraction.length - shift);
  return {
    whole: digits.slice(0, point).replace(/^0+(?=\d)/, "") || "0",
    fraction: digits.slice(point).replace(/0+$/, ""),
  };
}

/** Of more digits than these two texts can be one double. */
const MOST_DIGITS = 15;

/** How a text goes on: whether it has kept to the digits of a bound so far. */
interface Tight {
  readonly low: boolean;
  readonly high: boolean;
}

interface Range {
  readonly low: Decimal;
  readonly high: Decimal;
  readonly isLowOpen: boolean;
  readonly isHighOpen: boolean;
  /** Whether there is a point. */
  readonly isWhole: boolean;
}

/** Digits that may come next, grouped by what they keep to. */
function nextDigits(tight: Tight, low: string, high: string, first: number): [from: number, to: number, Tight][] {
  const from = tight.low ? Math.max(first, Number(low)) : first;
  const to = tight.high ? Number(high) : 9;
  const groups: [number, number, Tight][] = [];
  for (let value = from; value <= to; value++) {
    const next = { low: tight.low && value === Number(low), high: tight.high && value === Number(high) };
    const last = groups.at(-1);
    if (last !== undefined && last[2].low === next.low && last[2].high === next.high) last[1] = value;
    else groups.push([value, value, next]);
  }
  return groups;
}

/** The point and digits behind it, at most `places`, or none of them; nothing where no such text is within the bounds. */
function fractions(range: Range, tight: Tight, places: number): Expression | undefined {
  const { low, high, isLowOpen, isHighOpen } = range;
  const known = new Map<string, Expression | undefined>();

  /** Whether a text may end behind `at` digits: zeros follow, in effect. */
  function mayEnd(at: number, { low: isLow, high: isHigh }: Tight): boolean {
    if (isLow && (at < low.fraction.length || isLowOpen)) return false;
    return !(isHigh && at >= high.fraction.length && isHighOpen);
  }

  function behind(at: number, here: Tight): Expression | undefined {
    const key = `${at} ${here.low} ${here.high}`;
    if (known.has(key)) return known.get(key);
    const options: Expression[] = at > 0 && mayEnd(at, here) ? [nothing] : [];
    if (at < places && !here.low && !here.high) {
      const loose = repeat(anyDigit, at === 0 ? 1 : 0, places - at);
      known.set(key, loose);
      return loose;
    }
    if (at < places) {
      for (const [from, to, next] of nextDigits(here, low.fraction[at] ?? "0", high.fraction[at] ?? "0", 0)) {
        const rest = behind(at + 1, next);
        if (rest !== undefined) options.push(sequence(digit(from, to), rest));
      }
    }
    const found = options.length === 0 ? undefined : choice(...options);
    known.set(key, found);
    return found;
  }

  const digits = places > 0 ? behind(0, tight) : undefined;
  const options = [
    ...(mayEnd(0, tight) ? [nothing] : []),
    ...(digits === undefined ? [] : [sequence(literal("."), digits)]),
  ];
  return options.length === 0 ? undefined : choice(...options);
}

/** Numbers of at least 0 within a range, without a sign; nothing where there are none. */
function positives(range: Range): Expression | undefined {
  const { low, high } = range;
  const known = new Map<string, Expression | undefined>();

  function behind(length: number, at: number, tight: Tight): Expression | undefined {
    if (at === length) {
      return fractions(range, tight, range.isWhole ? 0 : Math.max(0, MOST_DIGITS - length));
    }
    const key = `${length} ${at} ${tight.low} ${tight.high}`;
    if (known.has(key)) return known.get(key);
    const options = nextDigits(tight, low.whole[at]!, high.whole[at]!, at === 0 && length > 1 ? 1 : 0).flatMap(
      ([from, to, next]) => {
        const rest = behind(length, at + 1, next);
        return rest === undefined ? [] : [sequence(digit(from, to), rest)];
      },
    );
    const found = options.length === 0 ? undefined : choice(...options);
    known.set(key, found);
    return found;
  }

  const options: Expression[] = [];
  for (let length = low.whole.length; length <= high.whole.length; length++) {
    const found = behind(length, 0, { low: length === low.whole.length, high: length === high.whole.length });
    if (found !== undefined) options.push(found);
  }
  return options.length === 0 ? undefined : choice(...options);
}

/** What is as far from 0 as a bound may be where there is none. */
const FAR = 1e9;

/**
 * Numbers within bounds, without an exponent; nothing where there are none. They have 15 digits at
 * most, but for whole ones. Where a side has no bound they end at 10^9, whole ones at 2^53.
 *
 * @param isWhole - Whether only integers count.
 */
export function numbersWithin(bounds: Bounds, isWhole: boolean): Expression | undefined {
  const most = isWhole ? Number.MAX_SAFE_INTEGER : FAR;
  let { low, high, isLowOpen = false, isHighOpen = false } = bounds;
  if (low === undefined || low < -Number.MAX_SAFE_INTEGER) [low, isLowOpen] = [Math.min(-most, high ?? 0), false];
  if (high === undefined || high > Number.MAX_SAFE_INTEGER) [high, isHighOpen] = [Math.max(most, low), false];
  if (isWhole) {
    low = isLowOpen ? Math.floor(low) + 1 : Math.ceil(low);
    high = isHighOpen ? Math.ceil(high) - 1 : Math.floor(high);
    [isLowOpen, isHighOpen] = [false, false];
  }
  if (low > high) return undefined;
  const options: Expression[] = [];
  if (low < 0) {
    const isToZero = high >= 0; // below it only: there is no −0
    const found = positives({
      low: decimal(isToZero ? 0 : -high),
      isLowOpen: isToZero || isHighOpen,
      high: decimal(-low),
      isHighOpen: isLowOpen,
      isWhole,
    });
    if (found !== undefined) options.push(sequence(literal("-"), found));
  }
  if (high >= 0) {
    const found = positives({
      low: decimal(Math.max(0, low)),
      isLowOpen: low >= 0 && isLowOpen,
      high: decimal(high),
      isHighOpen,
      isWhole,
    });
    if (found !== undefined) options.push(found);
  }
  return options.length === 0 ? undefined : choice(...options);
}
