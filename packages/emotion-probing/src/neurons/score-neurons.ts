/** Ways to rank neurons by how they tell labelled examples apart, with one interface. */
import { ConfigError, checkOptions } from "@cambium/base";
import { checkRows, type NeuronSite, unboundPlace } from "./condition-activations.ts";
import type { NeuronScores } from "./scores.ts";

/**
 * `difference`: d' of one class against the rest, `(mean − mean of the rest) / pooled deviation`, and the greatest number of 32 bits
 * where both are constant and differ; `probeless`: the sum over pairs of classes of `|difference of means|`; `skill`: how often the
 * neuron alone tells the class, by whether it is above its mean or a baseline, whichever way is better, where a neuron that is always off does well on
 * a rare class; `balanced-skill`: the same as the mean of the shares of the class and of the rest that are told right, where it has
 * 0.5; `average-precision`: of ranking examples by the neuron; `mutual-information`: in nats, of the
 * label and the neuron's value in ten equally frequent bins.
 */
export type NeuronMeasure =
  | "difference"
  | "probeless"
  | "skill"
  | "balanced-skill"
  | "average-precision"
  | "mutual-information";

/** Settings of `scoreNeurons`. */
export interface ScoreNeuronsOptions {
  readonly method: NeuronMeasure;
  /** The class of interest, for `difference`, `skill`, `balanced-skill` and `average-precision`. */
  readonly target?: string;
  /**
   * What a neuron is above or not, for `skill` and `balanced-skill`: by the path of a site, `[width]`, such as the means of other examples that
   * `measureLevels` gives. The study of skill neurons takes the means of training and judges on other examples. @default the means of these
   */
  readonly baseline?: ReadonlyMap<string, Float32Array>;
}

type Column = Float64Array;
interface Labelled {
  readonly labels: readonly string[];
  readonly classes: readonly string[];
  readonly isTarget: readonly boolean[];
}

/** The greatest number of 32 bits. */
const MOST = 3.4028234663852886e38;

const mean = (values: Iterable<number>): number => {
  let [sum, count] = [0, 0];
  for (const value of values) {
    sum += value;
    count++;
  }
  return sum / count;
};

const measures: Readonly<Record<NeuronMeasure, (column: Column, labelled: Labelled, baseline?: number) => number>> = {
  difference(column, { isTarget }) {
    const [inside, outside] = [column.filter((_, i) => isTarget[i]), column.filter((_, i) => !isTarget[i])];
    const [a, b] = [mean(inside), mean(outside)];
    const spread = (values: Column, middle: number): number => mean(values.map((value) => (value - middle) ** 2));
    const pooled = Math.sqrt((spread(inside, a) + spread(outside, b)) / 2);
    return pooled === 0 ? Math.sign(a - b) * MOST : Math.max(-MOST, Math.min(MOST, (a - b) / pooled));
  },
  probeless(column, { labels, classes }) {
    const means = classes.map((name) => mean(column.filter((_, i) => labels[i] === name)));
    let total = 0;
    for (let i = 0; i < means.length; i++) for (let j = 0; j < i; j++) total += Math.abs(means[i]! - means[j]!);
    return total;
  },
  skill(column, { isTarget }, baseline = mean(column)) {
    const right = mean(Array.from(column, (value, i) => Number(value > baseline === isTarget[i])));
    return Math.max(right, 1 - right);
  },
  "balanced-skill"(column, { isTarget }, baseline = mean(column)) {
    if (column.every((value) => value === column[0])) return 0.5; // whose mean may differ from it by rounding
    const isAbove = (inside: boolean): number =>
      mean(
        Array.from(
          column.filter((_, i) => isTarget[i] === inside),
          (value) => Number(value > baseline),
        ),
      );
    const right = (isAbove(true) + 1 - isAbove(false)) / 2;
    return Math.max(right, 1 - right);
  },
  "average-precision"(column, { isTarget }) {
    const order = Array.from(column.keys()).sort((a, b) => column[b]! - column[a]!);
    const positives = isTarget.filter(Boolean).length;
    let [found, seen, total] = [0, 0, 0];
    // Examples of one value come together: their order means nothing.
    for (let from = 0; from < order.length; ) {
      let to = from;
      let more = 0;
      while (to < order.length && column[order[to]!] === column[order[from]!]) more += Number(isTarget[order[to++]!]);
      found += more;
      seen = to;
      total += (more / positives) * (found / seen);
      from = to;
    }
    return total;
  },
  "mutual-information"(column, { labels, classes }) {
    const order = Array.from(column.keys()).sort((a, b) => column[a]! - column[b]!);
    const bins = Math.min(10, Math.max(2, Math.floor(Math.sqrt(column.length))));
    const counts = Array.from({ length: bins }, () => classes.map(() => 0));
    let bin = 0;
    order.forEach((place, rank) => {
      const isTie = rank > 0 && column[place] === column[order[rank - 1]!];
      if (!isTie) bin = Math.floor((rank * bins) / column.length);
      counts[bin]![classes.indexOf(labels[place]!)]!++;
    });
    const total = column.length;
    const perClass = classes.map((_, c) => counts.reduce((sum, row) => sum + row[c]!, 0));
    return counts.reduce((sum, row) => {
      const inBin = row.reduce((a, b) => a + b, 0);
      return (
        sum +
        row.reduce((s, n, c) => (n === 0 ? s : s + (n / total) * Math.log((n * total) / (inBin * perClass[c]!))), 0)
      );
    }, 0);
  },
};

const binary: ReadonlySet<NeuronMeasure> = new Set(["difference", "skill", "balanced-skill", "average-precision"]);

/**
 * A score for every neuron by labelled examples.
 *
 * Choose and judge on different examples: the best of many neurons looks good by chance.
 *
 * @param activations - By the path of a site, `[examples][width]`, as `collectActivations` gives them.
 * @param labels - One for each example, of two or more classes.
 * @throws {ConfigError} For options that do not exist or cannot be meant, or an activation that is not finite.
 * @throws {ShapeError} When the numbers differ.
 * @see Antverg and Belinkov 2022, On the pitfalls of analyzing individual neurons, arXiv:2110.07483 (probeless). Wang et al.
 *      2022, Finding skill neurons in pre-trained transformers, arXiv:2211.07349 (skill).
 */
export function scoreNeurons(
  sites: readonly NeuronSite[],
  activations: ReadonlyMap<string, readonly Float32Array[]>,
  labels: readonly string[],
  options: ScoreNeuronsOptions,
): NeuronScores {
  checkOptions("scoreNeurons", options, ["method", "target", "baseline"]);
  const { method, target, baseline } = options;
  const measure = Object.hasOwn(measures, method) ? measures[method] : undefined;
  const classes = [...new Set(labels)];
  const problem =
    measure === undefined
      ? `there is no method "${method}"; choose one of ${Object.keys(measures).join(", ")}`
      : classes.length < 2
        ? "labels must be of two or more classes"
        : binary.has(method) !== (target !== undefined)
          ? `target is for, and needed by, ${[...binary].join(", ")}`
          : target !== undefined && !classes.includes(target)
            ? `no example has the label "${target}"; there are ${classes.join(", ")}`
            : baseline !== undefined && method !== "skill" && method !== "balanced-skill"
              ? "baseline is for skill and balanced-skill"
              : undefined;
  if (problem !== undefined || measure === undefined) throw new ConfigError({ message: `scoreNeurons: ${problem}` });
  checkRows("scoreNeurons", sites, activations, labels.length);
  const labelled = { labels, classes, isTarget: labels.map((label) => label === target) };
  const values = new Map<string, Float32Array>();
  for (const { path, width } of sites) {
    const rows = activations.get(path)!;
    const levels = baseline?.get(path);
    if (baseline !== undefined && (levels?.length !== width || unboundPlace(levels) >= 0)) {
      throw new ConfigError({
        message: `scoreNeurons: the baseline needs ${width} finite values of ${path}, got ${levels?.length ?? "none"}`,
        path,
      });
    }
    values.set(
      path,
      Float32Array.from({ length: width }, (_, unit) =>
        measure(
          Float64Array.from(rows, (row) => row[unit]!),
          labelled,
          levels?.[unit],
        ),
      ),
    );
  }
  return { method: target === undefined ? method : `${method} ${target}`, sites, values };
}
