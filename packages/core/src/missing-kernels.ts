import {
  cast,
  equal,
  getKernel,
  matMul,
  oneHot,
  registerKernel,
  reshape,
  scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
} from "@tensorflow/tfjs-core";

/** `out[s] = Σ x[i] where segmentIds[i] = s`, as a product with one-hot rows. Ids outside 0 … `numSegments` − 1 drop out. */
function segmentSum(x: Tensor, segmentIds: Tensor1D, numSegments: number): Tensor {
  return tidy(() => {
    const rows = reshape(x, [segmentIds.size, -1]) as Tensor2D;
    const hits =
      numSegments === 1 // which tfjs's oneHot refuses
        ? equal(reshape(segmentIds, [-1, 1]), scalar(0, "int32"))
        : oneHot(segmentIds, numSegments);
    const hot = cast(hits, "float32") as Tensor2D;
    return reshape(matMul(hot, rows, true, false), [numSegments, ...x.shape.slice(1)]);
  });
}

/**
 * Registers what a backend lacks of the kernels that training needs. tfjs-backend-wasm has no `UnsortedSegmentSum`, the
 * gradient of `gather`, and so of every embedding.
 */
export function registerMissingKernels(backendName: string): void {
  if (getKernel("UnsortedSegmentSum", backendName) !== undefined) return;
  registerKernel({
    kernelName: "UnsortedSegmentSum",
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const { x, segmentIds } = inputs as { x: Tensor; segmentIds: Tensor1D };
      return segmentSum(x, segmentIds, (attrs as unknown as { numSegments: number }).numSegments);
    },
  });
}
