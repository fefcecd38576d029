import { ConfigError } from "@cambium/base";

/**
 * How p values of many tests are adjusted. `bh` and `by` control the rate of false discoveries (`by` under any dependence),
 * `holm` and `bonferroni` the chance of any false rejection. `naive` is `p · tests / rank` without the running minimum, as
 * some published analyses have it: not monotone, for replication only.
 */
export type Adjustment = "bh" | "by" | "holm" | "bonferroni" | "naive";

/**
 * Adjusted p values: those at most α are the rejections at level α.
 *
 * Equal p values get equal ones. Where a `naive` value is the last of equal p values, it counts the largest rank of them.
 *
 * @param p - Between 0 and 1; NaN, a test that does not exist, stays NaN and is not counted.
 * @param tests - How many tests there were, where `p` holds some of them only. @default as many as p
 * @throws {ConfigError} For an unknown adjustment, a p value out of range or too few tests.
 * @see Benjamini and Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x; Benjamini and Yekutieli 2001,
 *      doi:10.1214/aos/1013699998; Holm 1979, A simple sequentially rejective multiple test procedure.
 * @example
 * adjustP([0.001, 0.008, 0.039, 0.041], "bh"); // [0.004, 0.016, 0.041, 0.041]
 */
export function adjustP(p: ArrayLike<number>, adjustment: Adjustment = "bh", tests?: number): Float64Array {
  const order = sortedPlaces(p);
  const count = tests ?? order.length;
  if (!Number.isInteger(count) || count < order.length) {
    throw new ConfigError({
      message: `adjustP: tests must be an integer from ${order.length}, got ${count}`,
      tests: count,
    });
  }
  const adjusted = new Float64Array(p.length).fill(Number.NaN);
  const set = (rank: number, value: number): void => {
    adjusted[order[rank]!] = Math.min(1, value);
  };
  switch (adjustment) {
    case "bonferroni":
      for (let i = 0; i < order.length; i++) set(i, p[order[i]!]! * count);
      return adjusted;
    case "holm": {
      let most = 0;
      for (let i = 0; i < order.length; i++) {
        most = Math.max(most, p[order[i]!]! * (count - i));
        set(i, most);
      }
      return adjusted;
    }
    case "naive":
      for (let i = order.length - 1, rank = order.length; i >= 0; i--) {
        if (i < order.length - 1 && p[order[i]!] !== p[order[i + 1]!]) rank = i + 1;
        set(i, (p[order[i]!]! * count) / rank);
      }
      return adjusted;
    case "bh":
    case "by": {
      let factor = 1;
      if (adjustment === "by") for (let i = 2; i <= count; i++) factor += 1 / i;
      let least = Number.POSITIVE_INFINITY;
      for (let i = order.length - 1; i >= 0; i--) {
        least = Math.min(least, (factor * p[order[i]!]! * count) / (i + 1));
        set(i, least);
      }
      return adjusted;
    }
    default:
      throw new ConfigError({
        message: `adjustP: there is no adjustment "${adjustment}"; choose one of bh, by, holm, bonferroni, naive`,
        adjustment,
      });
  }
}

function sortedPlaces(p: ArrayLike<number>): Uint32Array {
  const places: number[] = [];
  for (let i = 0; i < p.length; i++) {
    if (Number.isNaN(p[i])) continue;
    if (!(p[i]! >= 0 && p[i]! <= 1)) {
      throw new ConfigError({ message: `adjustP: p value ${i} must lie between 0 and 1, got ${p[i]}`, index: i });
    }
    places.push(i);
  }
  return Uint32Array.from(places).sort((a, b) => p[a]! - p[b]!);
}
