/** Kernels that make no values: other shapes of the same data, and complex tensors, which are pairs of real ones. */
import {
  type DataType,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  type TensorInfo,
  util,
} from "@tensorflow/tfjs-core";
import type { OnnxBackend } from "../backend.ts";

/** A kernel on handles. Nothing, when it does not cover the case. */
export type HandleKernel = (
  backend: OnnxBackend,
  inputs: NamedTensorInfoMap,
  attributes: NamedAttrMap,
) => TensorInfo | undefined;

/** A new handle for a part of a complex tensor. */
const part =
  (name: "real" | "imag"): HandleKernel =>
  (backend, { input }) => {
    const { dataId } = backend.partsBehind(input!)[name];
    const value = backend.valueBehind({ dataId, shape: input!.shape, dtype: "float32" });
    return backend.handle(value!, "float32");
  };

export const handleKernels: Readonly<Record<string, HandleKernel>> = {
  Identity: (backend, { x }) => backend.alias(x!, x!.shape),
  Reshape: (backend, { x }, { shape }) => {
    const size = util.sizeFromShape(x!.shape);
    const inferred = util.inferFromImplicitShape(shape as number[], size);
    util.assert(
      util.sizeFromShape(inferred) === size,
      () => `reshape: ${size} elements of [${x!.shape}] do not fill [${inferred}]`,
    );
    return backend.alias(x!, inferred);
  },
  ExpandDims: (backend, { input }, { dim }) => {
    const rank = input!.shape.length;
    const axis = dim as number;
    util.assert(
      axis >= -(rank + 1) && axis <= rank,
      () => `expandDims: axis ${axis} is not in [${-(rank + 1)}, ${rank}]`,
    );
    return backend.alias(input!, input!.shape.toSpliced(axis < 0 ? axis + rank + 1 : axis, 0, 1));
  },
  Cast: (backend, { x }, { dtype }) => ((dtype as DataType) === x!.dtype ? backend.alias(x!, x!.shape) : undefined),
  Complex: (backend, { real, imag }) => {
    const [realPart, imagPart] = [real!, imag!].map((info) =>
      backend.handle(backend.valueBehind(info)!, "float32"),
    ) as [TensorInfo, TensorInfo];
    return backend.complexHandle({ real: realPart, imag: imagPart });
  },
  Real: part("real"),
  Imag: part("imag"),
};
