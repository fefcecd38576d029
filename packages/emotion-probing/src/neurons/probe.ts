/** Linear probes: how well labels can be read from a site, beside labels that mean nothing. */
import { ConfigError, checkOptions } from "@cambium/base";
import type { Random } from "@cambium/core";
import { cholesky, choleskySolve } from "../rdm/cholesky.ts";
import { checkRows, type NeuronSite } from "./condition-activations.ts";
import type { NeuronScores } from "./scores.ts";

/** Settings of `measureProbes`. */
export interface MeasureProbesOptions {
  /** λ of ridge regression, on standardised activations, as a share of the number of examples. @default 0.1 */
  readonly penalty?: number;
  /** Parts of the examples; each is predicted by a probe of the others. @default 5 */
  readonly folds?: number;
  readonly random: Random;
}

/** How well one site tells labels apart. */
export interface SiteProbe {
  readonly path: string;
  /** Share of held-out examples whose label is read right. */
  readonly accuracy: number;
  /** The same with labels that are shuffled: what a probe learns by heart or by frequency. */
  readonly control: number;
  /** `accuracy − control`. */
  readonly selectivity: number;
}

/** Probes of all sites. */
export interface Probes {
  readonly sites: readonly SiteProbe[];
  /** Share of the most frequent label. */
  readonly majority: number;
  /** Of each neuron the sum over labels of its absolute weight, in a probe of all examples. */
  readonly scores: NeuronScores;
}

/**
 * Reads labels from each site by ridge regression, one against the rest, and does the same with shuffled labels. O(min(width, examples)³)
 * a fold.
 *
 * @param activations - By the path of a site, `[examples][width]`.
 * @throws {ConfigError} For options that do not exist or cannot be meant, labels of one class, or an activation that is not finite.
 * @throws {ShapeError} When the numbers differ.
 * @see Hewitt and Liang 2019, Designing and interpreting probes with control tasks, arXiv:1909.03368. Dalvi et al. 2019, What is one
 *      grain of sand in the desert?, arXiv:1812.09355 (neurons by weights).
 */
export function measureProbes(
  sites: readonly NeuronSite[],
  activations: ReadonlyMap<string, readonly Float32Array[]>,
  labels: readonly string[],
  options: MeasureProbesOptions,
): Probes {
  checkOptions("measureProbes", options, ["penalty", "folds", "random"]);
  const { penalty = 0.1, folds = 5, random } = options;
  const classes = [...new Set(labels)];
  if (classes.length < 2 || !(penalty > 0) || !Number.isSafeInteger(folds) || folds < 2 || folds > labels.length) {
    throw new ConfigError({
      message: `measureProbes: labels of two classes, a penalty above 0 and folds from 2 to the number of examples are needed, got ${classes.length} classes, ${penalty} and ${folds}`,
    });
  }
  checkRows("measureProbes", sites, activations, labels.length);
  const order = random.at("folds").permutation(labels.length);
  const foldOf = new Int32Array(labels.length);
  order.forEach((example, i) => {
    foldOf[example] = i % folds;
  });
  const numbers = labels.map((label) => classes.indexOf(label));
  const shuffled = Array.from(random.at("control").permutation(labels.length), (i) => numbers[i]!);
  const values = new Map<string, Float32Array>();
  const probed = sites.map(({ path, width }): SiteProbe => {
    const rows = activations.get(path)!;
    const all = rows.map((_, i) => i);
    let [right, rightControl] = [0, 0];
    for (let fold = 0; fold < folds; fold++) {
      const held = all.filter((i) => foldOf[i] === fold);
      const kept = all.filter((i) => foldOf[i] !== fold);
      const solver = ridge(
        kept.map((i) => rows[i]!),
        penalty,
      );
      const count = (targets: readonly number[]): number => {
        const probe = solver.fit(
          kept.map((i) => targets[i]!),
          classes.length,
        );
        return held.filter((i) => probe.predict(rows[i]!) === targets[i]).length;
      };
      right += count(numbers);
      rightControl += count(shuffled);
    }
    const weights = ridge(rows, penalty).fit(numbers, classes.length).weights;
    values.set(
      path,
      Float32Array.from({ length: width }, (_, unit) => weights.reduce((sum, row) => sum + Math.abs(row[unit]!), 0)),
    );
    const [accuracy, control] = [right / labels.length, rightControl / labels.length];
    return { path, accuracy, control, selectivity: accuracy - control };
  });
  const majority = Math.max(...classes.map((_, c) => numbers.filter((n) => n === c).length)) / labels.length;
  return { sites: probed, majority, scores: { method: "probe weights", sites, values } };
}

/** Ridge regression on standardised rows, solved in whichever space is smaller; the factor serves several targets. */
function ridge(rows: readonly Float32Array[], share: number) {
  const [count, width] = [rows.length, rows[0]!.length];
  const mean = new Float64Array(width);
  const deviation = new Float64Array(width);
  for (const row of rows) for (let u = 0; u < width; u++) mean[u]! += row[u]! / count;
  for (const row of rows) for (let u = 0; u < width; u++) deviation[u]! += (row[u]! - mean[u]!) ** 2 / count;
  for (let u = 0; u < width; u++) deviation[u] = Math.sqrt(deviation[u]!);
  const scale = (row: Float32Array): Float64Array =>
    Float64Array.from(row, (value, u) => (deviation[u]! > 1e-12 ? (value - mean[u]!) / deviation[u]! : 0));
  const x = rows.map(scale);
  const dual = count < width;
  const size = dual ? count : width;
  const matrix = new Float64Array(size * size);
  if (dual) {
    for (let i = 0; i < count; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = 0;
        for (let u = 0; u < width; u++) sum += x[i]![u]! * x[j]![u]!;
        matrix[i * size + j] = matrix[j * size + i] = sum;
      }
    }
  } else {
    for (const row of x)
      for (let u = 0; u < width; u++) for (let v = 0; v <= u; v++) matrix[u * size + v]! += row[u]! * row[v]!;
    for (let u = 0; u < width; u++) for (let v = 0; v < u; v++) matrix[v * size + u] = matrix[u * size + v]!;
  }
  for (let i = 0; i < size; i++) matrix[i * size + i]! += share * count;
  const lower = cholesky(matrix, size, "measureProbes");
  return {
    fit(targets: readonly number[], classes: number) {
      const weights: Float64Array[] = [];
      const starts: number[] = [];
      for (let c = 0; c < classes; c++) {
        const y = targets.map((target) => (target === c ? 1 : 0));
        const middle = y.reduce((sum: number, value) => sum + value, 0) / count;
        const aims = y.map((value) => value - middle);
        const row = new Float64Array(width);
        if (dual) {
          const alpha = choleskySolve(lower, size, aims);
          for (let i = 0; i < count; i++) for (let u = 0; u < width; u++) row[u]! += alpha[i]! * x[i]![u]!;
        } else {
          const products = new Float64Array(width);
          for (let i = 0; i < count; i++) for (let u = 0; u < width; u++) products[u]! += aims[i]! * x[i]![u]!;
          row.set(choleskySolve(lower, size, products));
        }
        weights.push(row);
        starts.push(middle);
      }
      const predict = (row: Float32Array): number => {
        const z = scale(row);
        const scores = weights.map((w, c) => starts[c]! + w.reduce((sum, value, u) => sum + value * z[u]!, 0));
        return scores.indexOf(Math.max(...scores));
      };
      return { weights, predict };
    },
  };
}
