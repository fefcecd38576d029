/** An exact fraction in lowest terms; the denominator is positive. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y > 0n) [x, y] = [y, x % y];
  return x;
}

/** The fraction in lowest terms; `undefined` for a denominator of 0. */
export function rational(numerator: bigint, denominator: bigint = 1n): Rational | undefined {
  if (denominator === 0n) return undefined;
  const divisor = greatestCommonDivisor(numerator, denominator) * (denominator < 0n ? -1n : 1n);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** Largest size of an exact number, in binary digits; beyond it numbers are approximate. */
const LARGEST_BITS = 4096;

const bits = (value: bigint): number => value.toString(16).length * 4;

/** `base ** exponent`, `undefined` when it is not rational or too large. */
export function power(base: Rational, exponent: Rational): Rational | undefined {
  if (exponent.denominator !== 1n) {
    const root = rootOf(base, exponent.denominator);
    return root && power(root, { numerator: exponent.numerator, denominator: 1n });
  }
  const count = exponent.numerator < 0n ? -exponent.numerator : exponent.numerator;
  if (count > BigInt(LARGEST_BITS)) return undefined;
  if (Number(count) * Math.max(bits(base.numerator), bits(base.denominator)) > LARGEST_BITS) return undefined;
  const [top, bottom] = [base.numerator ** count, base.denominator ** count];
  return exponent.numerator < 0n ? rational(bottom, top) : rational(top, bottom);
}

/** The integer whose `degree`-th power is `value`, if there is one. */
function integerRoot(value: bigint, degree: bigint): bigint | undefined {
  if (value < 0n) {
    const root = degree % 2n === 1n ? integerRoot(-value, degree) : undefined;
    return root === undefined ? undefined : -root;
  }
  if (degree > BigInt(LARGEST_BITS)) return value < 2n ? value : undefined;
  let [low, high] = [0n, 1n << BigInt(Math.ceil(bits(value) / Number(degree)) + 1)];
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (middle ** degree <= value) low = middle;
    else high = middle - 1n;
  }
  return low ** degree === value ? low : undefined;
}

/** The `degree`-th root, if it is rational. */
function rootOf({ numerator, denominator }: Rational, degree: bigint): Rational | undefined {
  const top = integerRoot(numerator, degree);
  const bottom = top === undefined ? undefined : integerRoot(denominator, degree);
  return bottom === undefined ? undefined : rational(top!, bottom);
}

/** The fraction as the nearest floating-point number. */
export function toNumber({ numerator, denominator }: Rational): number {
  const [top, bottom] = [Number(numerator), Number(denominator)];
  if (Number.isFinite(top) && Number.isFinite(bottom)) return top / bottom;
  const shift = BigInt(Math.max(bits(numerator), bits(denominator)) - 900);
  return Number(numerator >> shift) / Number(denominator >> shift);
}
