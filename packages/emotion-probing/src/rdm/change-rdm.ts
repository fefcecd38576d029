import { ConfigError } from "@cambium/base";
import { ranksOf } from "./ranks.ts";
import { checkSameConditions, meanRdmValues, type Rdm } from "./rdm.ts";

/** The RDM with ranks from 1 in place of distances; equal ones share the mean of theirs. */
export function rankRdm(rdm: Rdm): Rdm {
  return { ...rdm, metric: `ranks of ${rdm.metric}`, values: ranksOf(rdm.values) };
}

/** The RDM with percentiles in place of distances, above 0 to 100: what a heat map with equally frequent colours shows. */
export function percentileRdm(rdm: Rdm): Rdm {
  const known = rdm.values.filter((value) => !Number.isNaN(value)).length;
  const values = ranksOf(rdm.values).map((rank) => (100 * rank) / known);
  return { ...rdm, metric: `percentile of ${rdm.metric}`, values };
}

/**
 * The mean of several RDMs, pair by pair; unknown distances (NaN) are left out, and a pair that no RDM knows stays unknown.
 *
 * @param rdms - Of the same conditions in the same order, at least one.
 * @param weights - One for each RDM, from 0. @default equal ones
 * @throws {ConfigError} When weights do not fit. @throws {ShapeError} When the conditions differ.
 */
export function meanRdm(rdms: readonly Rdm[], weights: readonly number[] = rdms.map(() => 1)): Rdm {
  checkSameConditions("meanRdm", rdms);
  if (weights.length !== rdms.length || weights.some((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY))) {
    throw new ConfigError({
      message: `meanRdm: ${rdms.length} RDMs need as many weights from 0, got [${weights.join(", ")}]`,
    });
  }
  const [first] = rdms as readonly [Rdm];
  return { conditions: first.conditions, metric: first.metric, values: meanRdmValues(rdms, weights) };
}
