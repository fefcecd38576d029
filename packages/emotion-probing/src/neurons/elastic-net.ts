/** Neurons ranked by a classifier that keeps few of them: all sites at once, so that neurons compete. */
import { ConfigError, checkOptions } from "@cambium/base";
import { checkRows, type NeuronSite } from "./condition-activations.ts";
import type { NeuronScores } from "./scores.ts";

/** Settings of `rankByElasticNet`. */
export interface RankByElasticNetOptions {
  /** λ₁ on the sum of absolute weights: the greater, the fewer neurons are kept. @default 0.01 */
  readonly lasso?: number;
  /** λ₂ on half of the sum of squares: neurons that say the same share their weight. @default 0.01 */
  readonly ridge?: number;
  /** Steps at most. @default 1000 */
  readonly steps?: number;
  /** It has converged when no weight changes by more in a step. @default 1e-5 */
  readonly tolerance?: number;
}

/** A fitted classifier, neuron by neuron. */
export interface ElasticNet {
  /** Of each neuron the sum over classes of its absolute weight, of standardised activations; 0 for those that are not kept. */
  readonly scores: NeuronScores;
  /** Neurons with a weight. */
  readonly kept: number;
  /** Share of the examples whose label it gives: of those that it was fitted on. */
  readonly accuracy: number;
  /** Mean cross-entropy in nats, with both penalties. */
  readonly objective: number;
  /** Whether it converged within its steps. */
  readonly isConverged: boolean;
}

/**
 * Multinomial logistic regression with an elastic net on all neurons' standardised activations, `mean cross-entropy + λ₁ Σ|w| + λ₂/2 Σw²`, intercepts free, by
 * accelerated proximal gradient steps. O(steps · examples · neurons · classes).
 *
 * Judge what is chosen on other examples.
 *
 * @param activations - By the path of a site, `[examples][width]`, as `collectActivations` gives them.
 * @param labels - One for each example, of two or more classes.
 * @throws {ConfigError} For options that do not exist or cannot be meant, and labels of one class or an activation that is not finite. @throws {ShapeError} When the numbers differ.
 * @see Dalvi et al. 2019, What is one grain of sand in the desert?, arXiv:1812.09355, §3; Beck and Teboulle 2009, A fast iterative shrinkage-thresholding algorithm,
 *      doi:10.1137/080716542.
 */
export function rankByElasticNet(
  sites: readonly NeuronSite[],
  activations: ReadonlyMap<string, readonly Float32Array[]>,
  labels: readonly string[],
  options: RankByElasticNetOptions = {},
): ElasticNet {
  checkOptions("rankByElasticNet", options, ["lasso", "ridge", "steps", "tolerance"]);
  const { lasso = 0.01, ridge = 0.01, steps = 1000, tolerance = 1e-5 } = options;
  const classes = [...new Set(labels)];
  const isNumber = (value: number): boolean => value >= 0 && Number.isFinite(value);
  if (
    classes.length < 2 ||
    !isNumber(lasso) ||
    !isNumber(ridge) ||
    !(tolerance > 0) ||
    !Number.isSafeInteger(steps) ||
    steps < 1
  )
    throw new ConfigError({
      message: `rankByElasticNet: labels of two classes, lasso and ridge from 0, steps from 1 and a tolerance above 0 are needed, got ${classes.length} classes, ${lasso}, ${ridge}, ${steps} and ${tolerance}`,
    });
  checkRows("rankByElasticNet", sites, activations, labels.length);
  const x = standardisedRows(sites, activations, labels.length);
  const truth = Int32Array.from(labels, (label) => classes.indexOf(label));
  const fitted = fit(x, truth, classes.length, { lasso, ridge, steps, tolerance });
  const width = x[0]!.length;
  const totals = Float32Array.from({ length: width }, (_, unit) =>
    fitted.weights.reduce((sum, row) => sum + Math.abs(row[unit]!), 0),
  );
  const values = new Map<string, Float32Array>();
  let at = 0;
  for (const site of sites) {
    values.set(site.path, totals.slice(at, at + site.width));
    at += site.width;
  }
  const { accuracy, objective, isConverged } = fitted;
  return {
    scores: { method: "elastic net", sites, values },
    kept: totals.filter((value) => value > 0).length,
    accuracy,
    objective,
    isConverged,
  };
}

/** Activations of all sites side by side, `[examples][neurons]`, each neuron with mean 0 and deviation 1; 0 where it does not vary. */
function standardisedRows(
  sites: readonly NeuronSite[],
  activations: ReadonlyMap<string, readonly Float32Array[]>,
  count: number,
): readonly Float64Array[] {
  const width = sites.reduce((sum, site) => sum + site.width, 0);
  const rows = Array.from({ length: count }, () => new Float64Array(width));
  let at = 0;
  for (const site of sites) {
    const own = activations.get(site.path)!;
    for (let unit = 0; unit < site.width; unit++) {
      const mean = own.reduce((sum, row) => sum + row[unit]!, 0) / count;
      const deviation = Math.sqrt(own.reduce((sum, row) => sum + (row[unit]! - mean) ** 2, 0) / count);
      if (!(deviation > 1e-12)) continue;
      for (let i = 0; i < count; i++) rows[i]![at + unit] = (own[i]![unit]! - mean) / deviation;
    }
    at += site.width;
  }
  return rows;
}

interface Fit {
  readonly weights: readonly Float64Array[];
  readonly accuracy: number;
  readonly objective: number;
  readonly isConverged: boolean;
}

function fit(
  x: readonly Float64Array[],
  truth: Int32Array,
  classes: number,
  { lasso, ridge, steps, tolerance }: Required<RankByElasticNetOptions>,
): Fit {
  const [count, width] = [x.length, x[0]!.length];
  // Of the gradient's change: half of the greatest eigenvalue of XᵀX/n, intercepts among the columns, and the ridge.
  const step = 1 / (0.5 * greatestEigenvalue(x) + ridge);
  const zeros = (): Float64Array[] => Array.from({ length: classes }, () => new Float64Array(width));
  let [weights, ahead] = [zeros(), zeros()];
  let [starts, startsAhead] = [new Float64Array(classes), new Float64Array(classes)];
  let momentum = 1;
  let isConverged = false;
  for (let i = 0; i < steps && !isConverged; i++) {
    const { errors } = predict(x, truth, ahead, startsAhead);
    const next = momentumAfter(momentum);
    const push = (momentum - 1) / next;
    let change = 0;
    const [fresh, freshAhead] = [zeros(), zeros()];
    const [freshStarts, freshStartsAhead] = [new Float64Array(classes), new Float64Array(classes)];
    for (let c = 0; c < classes; c++) {
      const gradient = new Float64Array(width);
      let intercept = 0;
      for (let row = 0; row < count; row++) {
        const error = errors[row * classes + c]! / count;
        intercept += error;
        const values = x[row]!;
        for (let unit = 0; unit < width; unit++) gradient[unit]! += error * values[unit]!;
      }
      for (let unit = 0; unit < width; unit++) {
        const from = ahead[c]![unit]!;
        const value = shrink(from - step * (gradient[unit]! + ridge * from), step * lasso);
        const difference = value - weights[c]![unit]!;
        change = Math.max(change, Math.abs(difference));
        fresh[c]![unit] = value;
        freshAhead[c]![unit] = value + push * difference;
      }
      const value = startsAhead[c]! - step * intercept;
      change = Math.max(change, Math.abs(value - starts[c]!));
      freshStarts[c] = value;
      freshStartsAhead[c] = value + push * (value - starts[c]!);
    }
    [weights, ahead, starts, startsAhead, momentum] = [fresh, freshAhead, freshStarts, freshStartsAhead, next];
    isConverged = change < tolerance;
  }
  const { loss, right } = predict(x, truth, weights, starts);
  const penalty = weights.reduce(
    (sum, row) => sum + row.reduce((total, w) => total + lasso * Math.abs(w) + (ridge / 2) * w * w, 0),
    0,
  );
  return { weights, accuracy: right / count, objective: loss / count + penalty, isConverged };
}

const momentumAfter = (momentum: number): number => (1 + Math.sqrt(1 + 4 * momentum * momentum)) / 2;

/** Towards 0 by so much, and no further. */
const shrink = (value: number, by: number): number => Math.sign(value) * Math.max(0, Math.abs(value) - by);

/** Probabilities less the truth, `[examples · classes]`, the sum of the losses, and how many are right. */
function predict(
  x: readonly Float64Array[],
  truth: Int32Array,
  weights: readonly Float64Array[],
  starts: Float64Array,
): { readonly errors: Float64Array; readonly loss: number; readonly right: number } {
  const classes = weights.length;
  const errors = new Float64Array(x.length * classes);
  let [loss, right] = [0, 0];
  x.forEach((row, i) => {
    const logits = weights.map((w, c) => {
      let sum = starts[c]!;
      for (let unit = 0; unit < w.length; unit++) if (w[unit] !== 0) sum += w[unit]! * row[unit]!;
      return sum;
    });
    const most = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - most));
    const total = powers.reduce((sum, power) => sum + power, 0);
    powers.forEach((power, c) => {
      errors[i * classes + c] = power / total - Number(truth[i] === c);
    });
    loss += Math.log(total) + most - logits[truth[i]!]!;
    right += Number(logits.indexOf(most) === truth[i]);
  });
  return { errors, loss, right };
}

/** Of `XᵀX / n` with a column of ones, by power iteration; a little more than it, so that steps stay safe. */
function greatestEigenvalue(x: readonly Float64Array[]): number {
  const [count, width] = [x.length, x[0]!.length];
  let vector = Float64Array.from({ length: width + 1 }, (_, i) => 1 + ((i * 7919) % 13) / 13);
  let value = 0;
  for (let i = 0; i < 50; i++) {
    const length = Math.sqrt(vector.reduce((sum, each) => sum + each * each, 0));
    vector = vector.map((each) => each / length);
    const next = new Float64Array(width + 1);
    for (const row of x) {
      let sum = vector[width]!;
      for (let unit = 0; unit < width; unit++) sum += row[unit]! * vector[unit]!;
      for (let unit = 0; unit < width; unit++) next[unit]! += (sum * row[unit]!) / count;
      next[width]! += sum / count;
    }
    value = next.reduce((sum, each, j) => sum + each * vector[j]!, 0);
    vector = next;
  }
  return 1.05 * Math.max(value, 1);
}
