/**
 * One model at many points: the batches are made once, the forward pass is traced once, and a point is an argument of it. Nothing
 * of the model is copied, and memory holds one point beside it.
 */
import { ConfigError, checkOptions, type JsonObject, ShapeError, StateError } from "@cambium/base";
import { compile, type Objective, type Parameters } from "@cambium/core";
import type { Batches, MiniBatch } from "@cambium/train";
import { dispose, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { alike, type PointLike } from "../points/point.ts";
import { type Measure, usualMeasure } from "./measure.ts";

/** Settings of `createEvaluator`. */
export interface CreateEvaluatorOptions<Batch> {
  /** What is measured of a batch. @default loss and guesses of each row where the head has them, else the loss of each batch */
  readonly measure?: Measure<Batch>;
}

/** What was measured at a point. */
export interface Measurement {
  /** Mean loss over all that counts, in nats. */
  readonly loss: number;
  /** Share of rows that are right, 0 to 1, where `correct` is measured. */
  readonly accuracy?: number;
  /** What each unit counts in the means, `[units]`: rows without a label 0. */
  readonly weights: Float32Array;
  /** Every number that is measured, by name, `[units]`, in the order of the data. */
  readonly values: Readonly<Record<string, Float32Array>>;
}

/** A model and data, ready to be measured at any point. */
export interface Evaluator {
  /** Whether a unit is a row or a batch. */
  readonly unit: "row" | "batch";
  /** Rows of the data. */
  readonly rows: number;
  /**
   * Measures a point, which is not disposed of.
   *
   * @throws {ShapeError} When it has other names or shapes than the objective's parameters; lists all.
   * @throws {StateError} When the loss is not finite, and after `dispose`.
   */
  measure(point: PointLike): Promise<Measurement>;
  /**
   * What the measurements depend on besides the point, as JSON.
   *
   * @throws {ConfigError} When the objective or the measure does not say what it is.
   */
  describe(): Promise<JsonObject>;
  /** Frees the batches. */
  dispose(): void;
}

/**
 * Makes the batches of one epoch and keeps them, so that a model can be measured at point after point on the same data: no dropout,
 * the same order, one graph for each shape of batch.
 *
 * @param objective - A tuned model, or any objective. Its own point is not used.
 * @throws {ConfigError} When there are no rows, or none that counts.
 * @example
 * const evaluator = await createEvaluator(tuned, data);
 * const { loss, accuracy } = await evaluator.measure(path.at(0.5));
 * evaluator.dispose();
 */
export async function createEvaluator<Batch>(
  objective: Objective<Batch>,
  data: Batches<Batch>,
  options: CreateEvaluatorOptions<Batch> = {},
): Promise<Evaluator> {
  checkOptions("createEvaluator", options, ["measure"]);
  return openEvaluator(objective, data, options);
}

/**
 * `createEvaluator`, for functions that have checked their options.
 *
 * @param follows - Whether the rows of a stream are hashed on the way, which `describe` needs.
 */
export async function openEvaluator<Batch>(
  objective: Objective<Batch>,
  data: Batches<Batch>,
  options: CreateEvaluatorOptions<Batch> = {},
  follows = false,
): Promise<Evaluator> {
  const usual = usualMeasure(objective);
  const { measure = usual.measure } = options;
  const batches: MiniBatch<Batch>[] = [];
  const free = (): void => dispose(batches.splice(0).map(({ batch }) => batch) as unknown as Tensor[]);
  try {
    for await (const batch of data.epoch(0, 0, { fingerprints: follows })) batches.push(batch);
    const read = batches.at(-1)?.fingerprint;
    const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
    const weights = batches.map(({ batch, rows: count }) => objective.weight?.(batch) ?? count);
    if (!(weights.reduce((sum, weight) => sum + weight, 0) > 0))
      throw new ConfigError({ message: `createEvaluator: none of the ${rows} rows counts; check the labels` });
    const run = compile((tree: Parameters, batch: Batch) => tidy(() => ({ ...measure(tree, batch) })));
    return {
      unit: options.measure === undefined ? usual.unit : "row",
      rows,
      async measure(point) {
        if (batches.length === 0)
          throw new StateError({ message: "measure: the evaluator was disposed of; create another one" });
        const [, tree] = alike("measure", [objective.parameters, point], 2);
        const values = new Map<string, number[]>();
        const counts: number[] = [];
        for (const [i, { batch }] of batches.entries()) {
          const measured = run(tree!, batch);
          try {
            counts.push(...(await collect(measured, weights[i]!, values)));
          } finally {
            dispose(measured as Record<string, Tensor>);
          }
        }
        return summarise(values, counts);
      },
      async describe() {
        const describeMeasure = options.measure === undefined ? () => "usual" : options.measure.describe;
        if (objective.describe === undefined || describeMeasure === undefined) {
          const what = objective.describe === undefined ? "the objective" : "the measure";
          throw new ConfigError({ message: `results: to keep results, ${what} must say what it is by describe()` });
        }
        return {
          objective: await objective.describe(),
          data: await data.describe(),
          ...(read !== undefined && { rows: read }),
          measure: describeMeasure(),
        };
      },
      dispose: free,
    };
  } catch (error) {
    free();
    throw error;
  }
}

/** Appends a batch's numbers; returns what each of its units counts. */
async function collect(
  measured: Readonly<Record<string, Tensor>>,
  weight: number,
  values: Map<string, number[]>,
): Promise<number[]> {
  const { loss, counts } = measured;
  if (loss === undefined) throw new ConfigError({ message: 'measure: what is measured must have a "loss"' });
  for (const [name, tensor] of Object.entries(measured)) {
    if (tensor.size !== loss.size)
      throw new ShapeError({
        message: `measure: "${name}" has ${tensor.size} numbers and "loss" ${loss.size}; each unit needs one`,
      });
    if (name === "counts") continue;
    const list = values.get(name) ?? [];
    values.set(name, list);
    for (const value of await tensor.data()) list.push(value);
  }
  const shares = counts === undefined ? new Array<number>(loss.size).fill(1) : Array.from(await counts.data());
  const total = shares.reduce((sum, share) => sum + share, 0);
  return shares.map((share) => (share === 0 ? 0 : (weight * share) / total));
}

function summarise(values: ReadonlyMap<string, readonly number[]>, counts: readonly number[]): Measurement {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const meanOf = (list: readonly number[]): number =>
    list.reduce((sum, value, i) => sum + value * counts[i]!, 0) / total;
  const loss = meanOf(values.get("loss")!);
  if (!Number.isFinite(loss)) {
    throw new StateError({ message: `measure: the loss at this point is ${loss}; is the point finite?`, loss });
  }
  const correct = values.get("correct");
  return {
    loss,
    ...(correct !== undefined && { accuracy: meanOf(correct) }),
    weights: Float32Array.from(counts),
    values: Object.fromEntries([...values].map(([name, list]) => [name, Float32Array.from(list)])),
  };
}
