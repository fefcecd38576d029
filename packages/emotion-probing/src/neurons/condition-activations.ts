import { ConfigError, checkOptions, ShapeError } from "@cambium/base";
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

/** Settings of `averageConditions`. */
export interface AverageConditionsOptions {
  /** Names of the conditions in their order. @default the different labels as they come */
  readonly conditions?: readonly string[];
  /** Disjoint parts of each condition's examples, taken in turn, which are the repeats. @default 1 */
  readonly folds?: number;
  /** The repeat of each example, from 0, in place of folds: its template, its seed. */
  readonly repeats?: readonly number[];
}

/**
 * Means of labelled examples' activations over each condition and repeat.
 *
 * @param rows - By the path of a site, `[examples][width]`, as `collectActivations` and `openActivations` give them.
 * @param labels - The condition of each example.
 * @throws {ConfigError} For options that do not exist or cannot be meant, a label that is no condition, or a condition without an
 *   example in some repeat. @throws {ShapeError} When the numbers of examples differ.
 */
export function averageConditions(
  sites: readonly NeuronSite[],
  rows: ReadonlyMap<string, readonly Float32Array[]>,
  labels: readonly string[],
  options: AverageConditionsOptions = {},
): ConditionActivations {
  checkOptions("averageConditions", options, ["conditions", "folds", "repeats"]);
  const { conditions = [...new Set(labels)], folds = 1, repeats } = options;
  if (!Number.isSafeInteger(folds) || folds < 1 || (repeats !== undefined && options.folds !== undefined)) {
    throw new ConfigError({
      message: `averageConditions: folds must be an integer from 1, and not beside repeats, got ${folds}`,
    });
  }
  const strange = repeats?.findIndex((repeat) => !Number.isSafeInteger(repeat) || repeat < 0) ?? -1;
  if (strange >= 0) {
    throw new ConfigError({
      message: `averageConditions: repeats must be whole numbers from 0, got ${repeats![strange]} for example ${strange}`,
      index: strange,
    });
  }
  if (repeats !== undefined && repeats.length !== labels.length) {
    throw new ShapeError({
      message: `averageConditions: ${labels.length} examples need as many repeats, got ${repeats.length}`,
    });
  }
  const seen = conditions.map(() => 0);
  const places = labels.map((label, i) => {
    const condition = conditions.indexOf(label);
    if (condition < 0) {
      throw new ConfigError({
        message: `averageConditions: example ${i} is of "${label}", which is no condition`,
        index: i,
      });
    }
    return { condition, repeat: repeats?.[i] ?? seen[condition]!++ % folds };
  });
  const count = repeats === undefined ? folds : places.reduce((most, { repeat }) => Math.max(most, repeat), 0) + 1;
  const examples = Array.from({ length: count }, () => conditions.map(() => 0));
  for (const { condition, repeat } of places) examples[repeat]![condition]!++;
  examples.forEach((row, repeat) => {
    const missing = row.indexOf(0);
    if (missing < 0) return;
    throw new ConfigError({
      message: `averageConditions: "${conditions[missing]}" has no example in repeat ${repeat}; every condition needs one in each`,
      condition: conditions[missing],
    });
  });
  const values = new Map(
    sites.map(({ path, width }) => {
      const own = rows.get(path);
      if (own?.length !== labels.length) {
        throw new ShapeError({
          message: `averageConditions: activations of ${path} must be of ${labels.length} examples, got ${own?.length ?? "none"}`,
          path,
        });
      }
      const means = examples.map((row) => row.map(() => new Float32Array(width)));
      places.forEach(({ condition, repeat }, i) => {
        const [mean, row, total] = [means[repeat]![condition]!, own[i]!, examples[repeat]![condition]!];
        for (let unit = 0; unit < width; unit++) mean[unit]! += row[unit]! / total;
      });
      return [path, means];
    }),
  );
  return { conditions, sites, values };
}

/** The place of the first value that is no finite number, −1 where there is none. */
export const unboundPlace = (values: Float32Array): number => values.findIndex((value) => !Number.isFinite(value));

function checkFinite(caller: string, path: string, row: Float32Array, whose: string): void {
  const unit = unboundPlace(row);
  if (unit < 0) return;
  throw new ConfigError({ message: `${caller}: unit ${unit} of ${path} is ${row[unit]} ${whose}`, path, unit });
}

/** Throws unless there is a row of finite numbers for each example at each site, `[examples][width]`. */
export function checkRows(
  caller: string,
  sites: readonly NeuronSite[],
  rows: ReadonlyMap<string, readonly Float32Array[]>,
  examples: number,
): void {
  for (const { path, width } of sites) {
    const own = rows.get(path);
    if (own?.length !== examples || own.some((row) => row.length !== width)) {
      throw new ShapeError({ message: `${caller}: activations of ${path} must be [${examples}][${width}]`, path });
    }
    own.forEach((row, i) => {
      checkFinite(caller, path, row, `in example ${i}`);
    });
  }
}

/** Throws unless the values have the shape that they must have, and are finite. Returns the number of repeats. */
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
    if (!fits) {
      throw new ShapeError({
        message: `${caller}: activations of ${path} must be [${repeats}][${conditions.length}][${width}]`,
        path,
      });
    }
    for (const rows of found)
      rows.forEach((row, c) => {
        checkFinite(caller, path, row, `for "${conditions[c]}"`);
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
