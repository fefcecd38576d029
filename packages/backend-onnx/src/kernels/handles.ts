/**
 * Kernels that work on handles: those that make no values (other shapes of the same data, and complex tensors, which are
 * pairs of real ones), and an optimiser's step, which may use its inputs' memory.
 */
import { type AdamAttributes, type AdamInputs, type AdamResults, stepByAdam } from "@cambium/kernels";
import {
  type DataType,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  type TensorInfo,
  util,
} from "@tensorflow/tfjs-core";
import type { OnnxBackend } from "../backend.ts";
import { hostArrayOf, hostValue } from "../graph.ts";

/** A kernel on handles. Nothing, when it does not cover the case. */
export type HandleKernel = (
  backend: OnnxBackend,
  inputs: NamedTensorInfoMap,
  attributes: NamedAttrMap,
) => TensorInfo | TensorInfo[] | undefined;

/** A new handle for a part of a complex tensor. */
const part =
  (name: "real" | "imag"): HandleKernel =>
  (backend, { input }) => {
    const { dataId } = backend.partsBehind(input!)[name];
    const value = backend.valueBehind({ dataId, shape: input!.shape, dtype: "float32" });
    return backend.handle(value!, "float32");
  };

/**
 * The step on the host, where the gradient is there already and the inputs are not needed any more: one pass over memory,
 * into the memory that was there. A graph makes a dozen passes and hands out copies.
 */
const adamStep: HandleKernel = (backend, inputs, attributes) => {
  if (!(attributes as unknown as AdamAttributes).donate) return undefined;
  const infos = inputs as unknown as AdamInputs<TensorInfo>;
  const array = (name: keyof AdamInputs): Float32Array | undefined =>
    hostArrayOf(backend.valueBehind(infos[name])!) as Float32Array | undefined;
  const gradient = array("gradient");
  if (gradient === undefined) return undefined;
  const read = (name: keyof AdamInputs): Float32Array =>
    array(name) ?? (backend.readSync(infos[name].dataId) as Float32Array);
  const scalar = (name: keyof AdamInputs): number => read(name)[0]!;
  const arrays = {
    parameter: read("parameter"),
    gradient,
    firstMoment: read("firstMoment"),
    secondMoment: read("secondMoment"),
  };
  const target = (name: keyof AdamResults): Float32Array =>
    (backend.consume(infos[name]) as Float32Array | undefined) ?? new Float32Array(gradient.length);
  const into = {
    parameter: target("parameter"),
    firstMoment: target("firstMoment"),
    secondMoment: target("secondMoment"),
  };
  const scalars = {
    beta1: scalar("beta1"),
    beta2: scalar("beta2"),
    rate: scalar("rate"),
    epsilon: scalar("epsilon"),
    decay: scalar("decay"),
  };
  stepByAdam(arrays, scalars, into);
  const { shape } = infos.parameter;
  return [into.parameter, into.firstMoment, into.secondMoment].map((data) =>
    backend.handle(hostValue(data, shape, "float32", { own: true }), "float32"),
  );
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
  AdamStep: adamStep,
  Real: part("real"),
  Imag: part("imag"),
};
