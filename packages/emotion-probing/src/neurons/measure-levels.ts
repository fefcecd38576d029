import { ConfigError, checkOptions } from "@cambium/base";
import { checkRows, type NeuronSite } from "./condition-activations.ts";
import type { NeuronScores } from "./scores.ts";

/** Settings of `measureLevels`. */
export interface MeasureLevelsOptions {
  /** `mean` and `median`: of each neuron; `layer-median`: one number for all neurons of a site, the median of all their values. @default "mean" */
  readonly statistic?: "mean" | "median" | "layer-median";
}

/**
 * Where neurons rest: their usual values over examples, for the modes `mean` and the control `layer+activation` of `runAblation`, as a
 * baseline of attribution or of skill.
 *
 * @param rows - By the path of a site, `[examples][width]`, as `collectActivations` gives them: of examples that are not those of the task.
 * @throws {ConfigError} For options that do not exist or cannot be meant, no example, or an activation that is not finite.
 * @throws {ShapeError} When the numbers of examples differ.
 * @example
 * const levels = measureLevels(findSites(model, "ff.act"), await collectActivations(model, tokenizer, texts, { at: "mean" }));
 */
export function measureLevels(
  sites: readonly NeuronSite[],
  rows: ReadonlyMap<string, readonly Float32Array[]>,
  options: MeasureLevelsOptions = {},
): NeuronScores {
  checkOptions("measureLevels", options, ["statistic"]);
  const { statistic = "mean" } = options;
  const examples = rows.get(sites[0]?.path ?? "")?.length ?? 0;
  const problem = !["mean", "median", "layer-median"].includes(statistic)
    ? `statistic must be "mean", "median" or "layer-median", got "${statistic}"`
    : examples === 0
      ? "activations of at least one site and example are needed"
      : undefined;
  if (problem !== undefined) throw new ConfigError({ message: `measureLevels: ${problem}` });
  checkRows("measureLevels", sites, rows, examples);
  const levelsOf = ({ path, width }: NeuronSite): Float32Array => {
    const own = rows.get(path)!;
    if (statistic === "layer-median")
      return new Float32Array(width).fill(median(Float64Array.from(own.flatMap((row) => [...row]))));
    return Float32Array.from({ length: width }, (_, unit) => {
      const column = Float64Array.from(own, (row) => row[unit]!);
      return statistic === "median" ? median(column) : column.reduce((sum, value) => sum + value, 0) / examples;
    });
  };
  return { method: statistic, sites, values: new Map(sites.map((site) => [site.path, levelsOf(site)])) };
}

/** Of an even number of values the mean of the two in the middle. Sorts them. */
function median(values: Float64Array): number {
  values.sort();
  const middle = values.length / 2;
  return (values[Math.ceil(middle) - 1]! + values[Math.floor(middle)]!) / 2;
}
