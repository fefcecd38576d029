import { ConfigError } from "@cambium/base";
import { dispose, getBackend, profile, type TensorContainer } from "@tensorflow/tfjs-core";

/** Products of matrices on tfjs's `cpu` backend, which every other kernel there is made of. */
const PRODUCTS: readonly string[] = ["BatchMatMul", "_FusedMatMul"];

/**
 * Floating-point operations of the products of matrices that a function really runs, by its trace: for any model, any delta, forward or with gradients. Slow: on the `cpu`
 * backend alone, whose kernels show all their products. The scores that attention's gradient computes
 * again to save memory do not count.
 *
 * @param run - What is counted. Its tensors are disposed of.
 * @throws {ConfigError} On another backend.
 * @example
 * const forward = await measureFlops(() => model.forward(batch).logits!);
 */
export async function measureFlops(run: () => TensorContainer): Promise<number> {
  if (getBackend() !== "cpu")
    throw new ConfigError({
      message: `measureFlops: kernels of the backend "${getBackend()}" hide their products; choose useBackend("cpu")`,
    });
  const { kernels, result } = await profile(run);
  dispose(result as TensorContainer);
  const again = kernels
    .filter(({ name }) => name === "FusedAttentionGrad")
    .reduce((total, { inputShapes }) => {
      const [query, key] = inputShapes as [number[], number[]]; // [batch, heads, rows, dHead]
      return total + 2 * query.reduce((a, b) => a * b, 1) * key[2]!;
    }, 0);
  const all = kernels
    .filter(({ name }) => PRODUCTS.includes(name))
    .reduce((total, { inputShapes, outputShapes }) => {
      const [left] = inputShapes as [number[]];
      const out = outputShapes[0] as number[];
      const sizes = left.slice(-2);
      const inner = (sizes[0]! * sizes[1]!) / out.at(-2)!; // whichever way round the first factor lies
      return total + 2 * inner * out.reduce((a, b) => a * b, 1);
    }, 0);
  return all - again;
}
