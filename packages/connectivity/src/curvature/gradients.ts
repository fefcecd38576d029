/** Gradients of the mean loss over fixed batches, at any point, by one graph. */
import { ConfigError, StateError } from "@cambium/base";
import { compile, flattenParameters, type Objective, type Parameters, random, valueAndGradients } from "@cambium/core";
import type { Batches, MiniBatch } from "@cambium/train";
import { concat, dispose, reshape, type Tensor, type Tensor1D, tidy } from "@tensorflow/tfjs-core";

/** A loss with its gradient. */
export interface LossGradient {
  /** Mean over the data, in nats. */
  readonly loss: number;
  /** `[params]`, tensors in the objective's order. */
  readonly gradient: Float64Array;
}

/** Gradients at point after point, on the same data. */
export interface Differentiator {
  /** The gradient at a point, which is not disposed of. */
  at(point: Parameters): Promise<LossGradient>;
  dispose(): void;
}

/**
 * Makes the batches of one epoch and keeps them.
 *
 * @throws {ConfigError} When no row counts.
 */
export async function createDifferentiator<Batch>(
  caller: string,
  objective: Objective<Batch>,
  data: Batches<Batch>,
): Promise<Differentiator> {
  const batches: MiniBatch<Batch>[] = [];
  const free = (): void => dispose(batches.splice(0).map(({ batch }) => batch) as unknown as Tensor[]);
  try {
    for await (const batch of data.epoch(0)) batches.push(batch);
    const weights = batches.map(({ batch, rows }) => objective.weight?.(batch) ?? rows);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (!(total > 0)) throw new ConfigError({ message: `${caller}: none of the rows counts; check the labels` });
    const context = { random: random(0), training: false, ...(objective.state && { state: objective.state }) };
    // The loss stands in front of the gradient, so that one read fetches both.
    const run = compile(
      (point: Parameters, batch: Batch): Tensor =>
        tidy(() => {
          const { value, gradients } = valueAndGradients((at) => objective.loss(at, batch, context), point);
          return concat([reshape(value, [1]), flattenParameters(gradients)] as Tensor1D[]);
        }),
    );
    return {
      async at(point) {
        let sum: Float64Array | undefined;
        for (const [i, { batch }] of batches.entries()) {
          if (weights[i] === 0) continue;
          const joined = run(point, batch);
          const values = await joined.data();
          joined.dispose();
          sum ??= new Float64Array(values.length);
          for (let k = 0; k < values.length; k++) sum[k]! += (values[k]! * weights[i]!) / total;
        }
        const loss = sum![0]!;
        if (!Number.isFinite(loss) || !sum!.every(Number.isFinite))
          throw new StateError({ message: `${caller}: the loss or its gradient is not finite (loss ${loss})`, loss });
        return { loss, gradient: sum!.subarray(1) };
      },
      dispose: free,
    };
  } catch (error) {
    free();
    throw error;
  }
}
