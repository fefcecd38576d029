import { ConfigError, ShapeError } from "@cambium/base";
import { type AfterStep, crossEntropyRows, type ForwardOptions, type Objective, type Parameters } from "@cambium/core";
import type { HeadConfig, LanguageOutput, TokenBatch } from "@cambium/models";
import { addN, div, gather, mul, type Scalar, sum, type Tensor1D, tensor1d, tidy } from "@tensorflow/tfjs-core";

/**
 * A weight for each class so that all count alike: `rows / (classes · rows of the class)`, with mean 1 over the rows.
 *
 * @param labels - The classes of the rows to learn from.
 * @throws {ShapeError} When there are none.
 * @see King and Zeng 2001, Logistic Regression in Rare Events Data, Political Analysis 9; the same as scikit-learn's "balanced".
 */
export function classWeights(labels: readonly string[]): ReadonlyMap<string, number> {
  if (labels.length === 0) throw new ShapeError({ message: "classWeights: there are no labels" });
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return new Map([...counts].map(([label, count]) => [label, labels.length / (counts.size * count)]));
}

/** A delta, as far as a loss sees it: at its own point. */
export interface Penalised {
  readonly name: string;
  /** Added to the loss, in nats. */
  penalty?(point: never): Scalar;
}

/** A model with deltas on it, or anything that runs and is trained like one. */
export interface Classifier extends Objective<TokenBatch> {
  readonly head?: HeadConfig | undefined;
  readonly deltas?: readonly Penalised[];
  /** The forward pass, at `options.parameters` where they are given. */
  forward(batch: TokenBatch, options?: ForwardOptions): LanguageOutput;
  /** The same at another point; needed where a delta has a penalty or a state. */
  with?(parameters: Parameters, options?: { readonly state?: Parameters }): Classifier;
}

/**
 * The objective of a classifier in which each row counts by its class: `Σ w · loss / Σ w` over the rows of a batch, and what deltas add
 * to a loss, such as AdaLoRA's penalty.
 *
 * @param tuned - With a head of sequence classification that gives one label.
 * @param weights - A weight above 0 for each class of the head.
 * @throws {ConfigError} When the head is another one, a class has no weight, or there is a penalty or a state, and no `with` that takes
 *   it to another point.
 * @example
 * const objective = weightClasses(tuned, classWeights(rows.map(({ label }) => label)));
 * for await (const event of train(objective, data, options)) console.log(event);
 */
export function weightClasses(tuned: Classifier, weights: ReadonlyMap<string, number>): Objective<TokenBatch> {
  const { head } = tuned;
  if (head?.kind !== "sequence-classification" || head.multiLabel === true) {
    throw new ConfigError({
      message: `weightClasses: expected a head of sequence classification with one label a row, got ${head === undefined ? "none" : `"${head.kind}"`}`,
    });
  }
  const penalised = tuned.deltas?.find(({ penalty }) => penalty !== undefined);
  const moves = penalised !== undefined || (tuned.state !== undefined && tuned.state.size > 0);
  if (moves && tuned.with === undefined) {
    throw new ConfigError({
      message: `weightClasses: ${penalised === undefined ? "a delta has a state" : `delta "${penalised.name}" has a penalty`}, which needs a model with "with", as attach makes it`,
    });
  }
  const values = head.labels.map((label) => {
    const weight = weights.get(label);
    if (weight !== undefined && weight > 0 && Number.isFinite(weight)) return weight;
    throw new ConfigError({ message: `weightClasses: class "${label}" needs a weight above 0, got ${weight}`, label });
  });
  const labelsOf = ({ labels }: TokenBatch): Tensor1D => {
    if (labels !== undefined) return labels as Tensor1D;
    throw new ShapeError({ message: "weightClasses: the batch has no labels; collate rows that have them" });
  };
  return {
    parameters: tuned.parameters,
    ...(tuned.warnings !== undefined && { warnings: tuned.warnings }),
    ...(tuned.state !== undefined && { state: tuned.state }),
    ...(tuned.scalars !== undefined && { scalars: (step: number, total?: number) => tuned.scalars!(step, total) }),
    ...(tuned.afterStep !== undefined && { afterStep: (given: AfterStep) => tuned.afterStep!(given) }),
    loss: (parameters, batch, { random, training, state }) =>
      tidy(() => {
        const labels = labelsOf(batch);
        const at = moves ? tuned.with!(parameters, state && { state }) : tuned;
        const { logits } = at.forward(batch, { parameters, random, training, scoresOnly: true });
        const own = gather(tensor1d(values), labels); // [batch]
        const mean = div(sum(mul(crossEntropyRows(logits!, labels), own)), sum(own)) as Scalar;
        const penalties = at.deltas?.flatMap((delta) => delta.penalty?.(delta as never) ?? []) ?? [];
        return penalties.length === 0 ? mean : (addN([mean, ...penalties]) as Scalar);
      }),
    weight: (batch) => Array.from(labelsOf(batch).dataSync()).reduce((total, label) => total + values[label]!, 0),
    ...(tuned.describe !== undefined && {
      describe: async () => ({ of: (await tuned.describe!()) ?? null, classWeights: values }),
    }),
  };
}
