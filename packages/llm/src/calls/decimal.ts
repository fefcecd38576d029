/** A decimal number, exactly: `digits / 10 ** scale`. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

/** The number that was written: 0.1 is a tenth, not the nearest binary fraction. Finite, not negative. */
export function toDecimal(value: number): Decimal {
  const [mantissa = "", exponent = "0"] = String(value).split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const scale = fraction.length - Number(exponent);
  const digits = BigInt(whole + fraction);
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

/** The sum of products of a decimal and a count, times `10 ** power`, rounded down to an integer. */
export function sumOfProducts(terms: readonly (readonly [Decimal, number])[], power: number): bigint {
  const scale = Math.max(0, ...terms.map(([decimal]) => decimal.scale));
  const sum = terms.reduce(
    (total, [{ digits, scale: own }, count]) => total + digits * 10n ** BigInt(scale - own) * BigInt(count),
    0n,
  );
  const shift = power - scale;
  return shift >= 0 ? sum * 10n ** BigInt(shift) : sum / 10n ** BigInt(-shift);
}
