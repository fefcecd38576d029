/** What a searchlight looks at: single neurons, whole layers, or random groups of neurons of a layer. */
import { ConfigError, checkOptions } from "@cambium/base";
import { type Random, random as seeded } from "@cambium/core";
import { pairCount, pairsOf } from "../rdm/rdm.ts";
import type { ConditionActivations, NeuronSite } from "./condition-activations.ts";

/** Neurons, layers, heads (equal parts of a site), or random groups drawn in each layer. */
export type LightKind =
  | "neuron"
  | "layer"
  | { readonly parts: number }
  | { readonly size: number; readonly count: number };

/** Groups of units of one site. */
export function lightsOf(site: NeuronSite, kind: LightKind, random: Random = seeded(0)): readonly Uint32Array[] {
  const all = Uint32Array.from({ length: site.width }, (_, unit) => unit);
  if (kind === "neuron") return Array.from(all, (unit) => Uint32Array.of(unit));
  if (kind === "layer") return [all];
  if (typeof kind !== "object" || kind === null)
    throw new ConfigError({
      message: `runSearchlight: lights must be "neuron", "layer", { parts } or { size, count }, got ${JSON.stringify(kind)}`,
    });
  if ("parts" in kind) {
    checkOptions("runSearchlight: lights", kind, ["parts"]);
    const size = site.width / kind.parts;
    if (!Number.isInteger(size) || size < 1) {
      throw new ConfigError({
        message: `runSearchlight: ${site.path} has ${site.width} units, which ${kind.parts} parts do not divide`,
      });
    }
    return Array.from({ length: kind.parts }, (_, part) => all.slice(part * size, (part + 1) * size));
  }
  checkOptions("runSearchlight: lights", kind, ["size", "count"]);
  const { size, count } = kind;
  if (!Number.isInteger(size) || size < 1 || size > site.width || !Number.isInteger(count) || count < 1) {
    throw new ConfigError({
      message: `runSearchlight: groups of ${size} of ${site.width} units, ${count} of them, cannot be drawn`,
    });
  }
  return Array.from({ length: count }, (_, i) =>
    random.at(site.path).at(i).permutation(site.width).slice(0, size).sort(),
  );
}

/**
 * Distances of the conditions at some lights, `[lights][pairs]`: the Euclidean distance over a light's units (`|a − b|` of a
 * single neuron), the mean over the repeats of distances, not the distance of means.
 */
export function lightDistances(
  { conditions, values }: ConditionActivations,
  site: NeuronSite,
  lights: readonly Uint32Array[],
): Float32Array {
  const repeats = values.get(site.path)!;
  const pairs = pairCount(conditions.length);
  const distances = new Float32Array(lights.length * pairs);
  for (const rows of repeats) {
    let pair = 0;
    for (const [i, j] of pairsOf(conditions.length)) {
      const [a, b] = [rows[i]!, rows[j]!];
      for (let l = 0; l < lights.length; l++) {
        const units = lights[l]!;
        let sum = 0;
        for (let u = 0; u < units.length; u++) sum += (a[units[u]!]! - b[units[u]!]!) ** 2;
        distances[l * pairs + pair]! += Math.sqrt(sum) / repeats.length;
      }
      pair++;
    }
  }
  return distances;
}
