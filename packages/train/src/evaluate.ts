import { ConfigError } from "@cambium/base";
import { type Objective, type Parameters, random } from "@cambium/core";
import { type Tensor, tidy } from "@tensorflow/tfjs-core";
import type { Batches } from "./data/batches.ts";
import { disposeTrees, tidyTrees } from "./tensors.ts";
import { weightOf } from "./weight.ts";

/** What `evaluate` measured. */
export interface Evaluation {
  /** Mean over all that the objective counts, in nats for cross-entropy. */
  readonly loss: number;
  readonly rows: number;
  /** What the loss is a mean over: rows, or what the objective's `weight` counts. */
  readonly weight: number;
}

/**
 * Mean loss over one epoch, without dropout, a batch at a time. Each batch's loss counts by the objective's `weight`, its
 * rows by default, so the size of the batches makes no difference.
 *
 * @param objective - Whose loss.
 * @param data - Its tensors are disposed of.
 * @param parameters - The point. Not disposed. @default the objective's own
 * @param state - The objective's state there. Not disposed. @default the objective's own
 * @throws {ConfigError} When there are no rows, or the weight of all of them is 0.
 * @example
 * const { loss } = await evaluate(tuned, validation);
 */
export async function evaluate<Batch>(
  objective: Objective<Batch>,
  data: Batches<Batch>,
  parameters: Parameters = objective.parameters,
  state: Parameters | undefined = objective.state,
): Promise<Evaluation> {
  const context = { random: random(0), training: false, ...(state && { state }) };
  let sum = 0;
  let rows = 0;
  let weight = 0;
  for await (const item of data.epoch(0)) {
    try {
      const share = weightOf("evaluate", objective, item);
      rows += item.rows;
      if (share === 0) continue;
      const loss = tidy(() => objective.loss(parameters, item.batch, context));
      const [value] = await loss.data();
      loss.dispose();
      sum += value! * share;
      weight += share;
    } finally {
      disposeTrees(item.batch);
    }
  }
  if (weight === 0) {
    throw new ConfigError({
      message: `evaluate: objective.weight is 0 for all ${rows} rows, so there is nothing to take the mean of; check the labels`,
      rows,
    });
  }
  return { loss: sum / weight, rows, weight };
}

/**
 * Values of every batch of one epoch, joined: what the metrics take.
 *
 * @param run - Tensors by name from a batch, each with a value (or several) per row. May return tensors of the batch.
 * @param data - Its tensors are disposed of.
 * @returns Each name's values in the order of the data, tensors of higher rank row by row.
 * @throws {ConfigError} When there are no rows.
 * @example
 * const { guess, label } = await predict((batch) => ({ guess: argMax(tuned.forward(batch).logits!, -1), label: batch.labels! }), data);
 * console.log(accuracy(guess, label), f1(guess, label));
 */
export async function predict<Batch, Name extends string>(
  run: (batch: Batch) => Readonly<Record<Name, Tensor>>,
  data: Batches<Batch>,
): Promise<Record<Name, number[]>> {
  const columns = new Map<string, number[]>();
  for await (const { batch } of data.epoch(0)) {
    let results: Readonly<Record<string, Tensor>> = {};
    try {
      results = tidyTrees(() => ({ ...run(batch) }));
      for (const [name, tensor] of Object.entries(results)) {
        const column = columns.get(name) ?? [];
        columns.set(name, column);
        for (const value of await tensor.data()) column.push(value);
      }
    } finally {
      disposeTrees(batch, results);
    }
  }
  return Object.fromEntries(columns) as Record<Name, number[]>;
}
