import { ConfigError } from "@cambium/base";
import type { Objective } from "@cambium/core";
import type { MiniBatch } from "./data/batches.ts";

/**
 * How many items the loss of a batch is a mean over: its rows, unless the objective says otherwise.
 *
 * @param caller - Function to name in the message.
 * @throws {ConfigError} When the objective gives no number of at least 0.
 */
export function weightOf<Batch>(
  caller: string,
  objective: Objective<Batch>,
  { batch, rows }: MiniBatch<Batch>,
): number {
  const weight = objective.weight === undefined ? rows : objective.weight(batch);
  if (weight >= 0 && weight < Number.POSITIVE_INFINITY) return weight;
  throw new ConfigError({
    message: `${caller}: objective.weight must return a number of at least 0, got ${weight}; count the rows, tokens or spans of the batch`,
    weight,
  });
}
