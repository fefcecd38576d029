import Fraction from "fraction.js";
import { seeded } from "../random.ts";
import { refuse } from "../refuse.ts";

/** Rates of exchange, as one moment gave them. */
export interface Rates {
  /** The currency that all others are counted against, a code of ISO 4217. */
  readonly base: string;
  /** Units of each currency for one unit of the base, in decimal digits. */
  readonly rates: Readonly<Record<string, string>>;
  /** The day of the rates, `2026-03-02`. */
  readonly date: string;
}

/**
 * An amount in another currency, exactly.
 *
 * @throws {ToolError} When there is no rate for one of the two.
 */
export function exchange({ base, rates }: Rates, amount: Fraction, from: string, to: string): Fraction {
  const rate = (code: string): Fraction => {
    if (code === base) return new Fraction(1);
    if (!Object.hasOwn(rates, code))
      refuse(`no rate for "${code}"; there are rates for ${[base, ...Object.keys(rates)].join(", ")}`);
    return new Fraction(rates[code]!);
  };
  return amount.div(rate(from)).mul(rate(to));
}

const TYPICAL: Readonly<Record<string, number>> = {
  USD: 1.1,
  GBP: 0.85,
  CHF: 0.95,
  JPY: 160,
  SEK: 11.2,
  PLN: 4.3,
  CAD: 1.5,
  AUD: 1.65,
};

/** Made-up rates against the euro, for a seed. */
export function sampleRates(seed: number, date: string): Rates {
  const random = seeded(seed, "rates");
  const rates = Object.entries(TYPICAL).map(([code, rate]) => [
    code,
    (rate * (0.9 + 0.2 * random.next())).toFixed(rate > 50 ? 2 : 4),
  ]);
  return { base: "EUR", rates: Object.fromEntries(rates), date };
}
