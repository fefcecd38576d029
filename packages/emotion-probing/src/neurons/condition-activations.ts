import { ConfigError, ShapeError } from "@cambium/base";
import type { Site } from "@cambium/core";
import { meanRdm } from "../rdm/change-rdm.ts";
import { type Metric, measureRdm } from "../rdm/measure-rdm.ts";
import type { Rdm } from "../rdm/rdm.ts";

/** A site whose units are neurons. */
export type NeuronSite = Pick<Site, "path" | "layer" | "stack" | "width">;

/** What neurons do at each condition (an emotion, any concept), measured once or several times (seeds, templates, halves). */
export interface ConditionActivations {
  readonly conditions: readonly string[];
  readonly sites: readonly NeuronSite[];
  /** By the path of a site, `[repeats][conditions][width]`. */
  readonly values: ReadonlyMap<string, readonly (readonly Float32Array[])[]>;
}

/** Throws unless the values have the shape that they must have. Returns the number of repeats. */
export function checkActivations(caller: string, { conditions, sites, values }: ConditionActivations): number {
  const repeats = values.get(sites[0]?.path ?? "")?.length ?? 0;
  if (sites.length === 0 || repeats === 0) {
    throw new ConfigError({
      message: `${caller}: activations of at least one site, measured at least once, are needed`,
    });
  }
  for (const { path, width } of sites) {
    const found = values.get(path);
    const fits =
      found?.length === repeats &&
      found.every((rows) => rows.length === conditions.length && rows.every((row) => row.length === width));
    if (fits) continue;
    throw new ShapeError({
      message: `${caller}: activations of ${path} must be [${repeats}][${conditions.length}][${width}]`,
      path,
    });
  }
  return repeats;
}

/**
 * The RDM of the conditions at one site, or over all sites' units side by side: the mean over the repeats.
 *
 * @param path - Of a site. @default all
 */
export function similarityOf(activations: ConditionActivations, metric: Metric = "correlation", path?: string): Rdm {
  return meanRdm(repeatRdms(activations, metric, path));
}

/** One RDM for each repeat. */
export function repeatRdms(
  activations: ConditionActivations,
  metric: Metric = "correlation",
  path?: string,
): readonly Rdm[] {
  const repeats = checkActivations("similarityOf", activations);
  const { conditions, sites, values } = activations;
  const chosen = path === undefined ? sites : sites.filter((site) => site.path === path);
  if (chosen.length === 0)
    throw new ConfigError({ message: `similarityOf: there are no activations of "${path}"`, path });
  return Array.from({ length: repeats }, (_, r) =>
    measureRdm(
      conditions.map((_, c) => concatRows(chosen.map((site) => values.get(site.path)![r]![c]!))),
      { metric, conditions },
    ),
  );
}

function concatRows(rows: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(rows.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}
