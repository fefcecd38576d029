import { ConfigError } from "@cambium/base";
import type { Random } from "@cambium/core";
import type { Unit } from "@cambium/models";
import { type NeuronSite, unboundPlace } from "../neurons/condition-activations.ts";
import { keyOf, type NeuronScores, unitOf } from "../neurons/scores.ts";

/**
 * What random sets are matched by. `random`: the number of neurons; `layer`: the number in every layer; `layer+activation`: also
 * the quarter of their layer's mean activations. Layers differ in how much any damage hurts, so that an unmatched control makes
 * sets of an early layer look important.
 */
export type ControlKind = "random" | "layer" | "layer+activation";

const QUANTILES = 4;

/** Groups of units of which a control takes as many as the set has. */
function strataOf(
  sites: readonly NeuronSite[],
  kind: ControlKind,
  levels: NeuronScores | undefined,
): readonly Unit[][] {
  const bySite = sites.map((site) => Array.from({ length: site.width }, (_, unit) => unitOf(site, unit)));
  if (kind === "random") return [bySite.flat()];
  if (kind === "layer") return bySite;
  return sites.flatMap((site, i) => {
    const level = levels?.values.get(site.path);
    if (level === undefined) {
      throw new ConfigError({
        message: `drawControls: "layer+activation" needs the mean activations of ${site.path}`,
        path: site.path,
      });
    }
    const strange = level.length === site.width ? unboundPlace(level) : level.length;
    if (strange >= 0) {
      throw new ConfigError({
        message: `drawControls: "layer+activation" needs ${site.width} finite mean activations of ${site.path}, got ${level[strange] ?? "none"} for unit ${strange}`,
        path: site.path,
      });
    }
    const order = [...bySite[i]!].sort((a, b) => level[a.unit]! - level[b.unit]!);
    return Array.from({ length: QUANTILES }, (_, q) =>
      order.slice(Math.floor((q * order.length) / QUANTILES), Math.floor(((q + 1) * order.length) / QUANTILES)),
    );
  });
}

/**
 * Random sets of neurons to compare a set with.
 *
 * @param draws - How many sets.
 * @param levels - Mean activations of the neurons, for `layer+activation`.
 * @returns Sets of as many neurons, which may hold neurons of the set itself: a random set would, too.
 */
export function drawControls(
  sites: readonly NeuronSite[],
  units: readonly Unit[],
  kind: ControlKind,
  draws: number,
  random: Random,
  levels?: NeuronScores,
): readonly (readonly Unit[])[] {
  const strata = strataOf(sites, kind, levels);
  const chosen = new Set(units.map(keyOf));
  const counts = strata.map((stratum) => stratum.filter((unit) => chosen.has(keyOf(unit))).length);
  const found = counts.reduce((sum, count) => sum + count, 0);
  if (found !== units.length) {
    throw new ConfigError({
      message: `drawControls: ${units.length - found} of ${units.length} units are no units of the sites, or come twice`,
    });
  }
  return Array.from({ length: draws }, (_, draw) =>
    strata.flatMap((stratum, s) => {
      const order = random.at(draw).at(s).permutation(stratum.length);
      return Array.from(order.subarray(0, counts[s]!), (place) => stratum[place]!);
    }),
  );
}
