/** What happens to pooled vectors, ready to run. */
import { ConfigError } from "@cambium/base";
import { dispose, slice, type Tensor, type Tensor2D } from "@tensorflow/tfjs-core";
import { applyDense, type LoadedDense, loadDense } from "./dense.ts";
import type { VectorStep } from "./modules.ts";
import { unitRows } from "./pooling.ts";

/** Steps with their weights. */
export interface Steps {
  /** Of vectors `[n, width]`. */
  apply(vectors: Tensor2D): Tensor2D;
  /** Disposes of the weights. */
  dispose(): void;
}

/** Without normalising at the end. */
export function withoutNormalising(steps: readonly VectorStep[]): readonly VectorStep[] {
  return steps.at(-1)?.kind === "normalise" ? withoutNormalising(steps.slice(0, -1)) : steps;
}

function checkedDense(caller: string, dense: LoadedDense, vectors: Tensor2D): Tensor2D {
  const [, width] = vectors.shape;
  if (dense.input === width) return applyDense(dense, vectors) as Tensor2D;
  throw new ConfigError({
    message: `${caller}: the Dense module in ${dense.folder} reads vectors of ${dense.input} numbers, and pooling gives ${width}; leave pooling out`,
    width,
  });
}

/**
 * Steps with the weights of those that have some.
 *
 * @param files - Those of the folder, by name.
 * @throws {FormatError} When weights are absent or of other shapes.
 */
export async function loadSteps(
  caller: string,
  steps: readonly VectorStep[],
  files: ReadonlyMap<string, Uint8Array>,
): Promise<Steps> {
  const tensors: Tensor[] = [];
  const run: ((vectors: Tensor2D) => Tensor2D)[] = [];
  try {
    for (const step of steps) {
      if (step.kind === "normalise") run.push(unitRows);
      else {
        const dense = await loadDense(caller, step, files);
        tensors.push(dense.weight, ...(dense.biases === undefined ? [] : [dense.biases]));
        run.push((vectors) => checkedDense(caller, dense, vectors));
      }
    }
  } catch (error) {
    dispose(tensors);
    throw error;
  }
  return {
    apply: (vectors) => run.reduce((value, step) => step(value), vectors),
    dispose: () => dispose(tensors),
  };
}

/**
 * The first numbers of each vector.
 *
 * @throws {ConfigError} When there are fewer.
 */
export function firstDimensions(caller: string, vectors: Tensor2D, dimensions: number | undefined): Tensor2D {
  const [, width] = vectors.shape;
  if (dimensions === undefined || dimensions === width) return vectors;
  if (dimensions < width) return slice(vectors, [0, 0], [-1, dimensions]);
  throw new ConfigError({
    message: `${caller}: dimensions must be at most ${width}, which the vectors have, got ${dimensions}`,
    dimensions,
  });
}
