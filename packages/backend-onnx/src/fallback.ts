/** Kernels without a native version run on tfjs-backend-cpu, on values read back. */
import "@tensorflow/tfjs-backend-cpu";
import {
  type BackendValues,
  type DataType,
  engine,
  getKernel,
  type KernelBackend,
  type KernelFunc,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import type { OnnxBackend } from "./backend.ts";

/** Inputs of a kernel: a record, or for some kernels a list, of tensors and lists of tensors; some may be absent. */
type Inputs = TensorInfo | readonly Inputs[] | { readonly [name: string]: Inputs } | null | undefined;

const isTensor = (inputs: Inputs): inputs is TensorInfo => inputs != null && "dataId" in inputs;

/** The same structure of other tensors. */
function mapTensors(inputs: Inputs, map: (input: TensorInfo) => TensorInfo): Inputs {
  if (inputs === null || inputs === undefined) return inputs;
  if (isTensor(inputs)) return map(inputs);
  if (Array.isArray(inputs)) return inputs.map((item: Inputs) => mapTensors(item, map));
  return Object.fromEntries(Object.entries(inputs).map(([name, item]) => [name, mapTensors(item, map)]));
}

function plainBackend(): KernelBackend {
  const cpu = engine().findBackend("cpu") as KernelBackend & { firstUse?: boolean };
  cpu.firstUse = false; // its advice to install a faster backend does not apply
  return cpu;
}

/** Runs a kernel of tfjs-backend-cpu for the ONNX backend. */
export function runFallback(
  kernelName: string,
  kernel: KernelFunc,
  backend: OnnxBackend,
  inputs: NamedTensorInfoMap,
  attrs: NamedAttrMap | undefined,
): TensorInfo | TensorInfo[] {
  backend.countFallback(kernelName);
  const cpu = plainBackend();
  const borrowed: TensorInfo[] = [];
  const lentArrays = new Set<BackendValues>();

  const write = (values: BackendValues, shape: number[], dtype: DataType): TensorInfo => {
    const there = { dataId: cpu.write(values, shape, dtype), shape, dtype, rank: shape.length }; // some kernels read the rank
    borrowed.push(there);
    lentArrays.add(values);
    return there;
  };
  const onCpu = (name: string, there: NamedTensorInfoMap): TensorInfo =>
    getKernel(name, "cpu").kernelFunc({ inputs: there, attrs: {}, backend: cpu }) as TensorInfo;

  const lend = (input: TensorInfo): TensorInfo => {
    const { shape, dtype } = input;
    if (dtype !== "complex64") return write(backend.readSync(input.dataId), shape, dtype);
    const parts = backend.partsBehind(input);
    const real = write(backend.readSync(parts.real.dataId), shape, "float32");
    const imag = write(backend.readSync(parts.imag.dataId), shape, "float32");
    const there = { ...onCpu("Complex", { real, imag }), rank: shape.length };
    borrowed.push(there);
    return there;
  };
  const takeBack = (output: TensorInfo): TensorInfo => {
    const { shape, dtype } = output;
    if (dtype === "complex64") {
      const [real, imag] = [onCpu("Real", { input: output }), onCpu("Imag", { input: output })].map(takeBack);
      cpu.disposeData(output.dataId);
      return backend.complexHandle({ real: { ...real!, shape }, imag: { ...imag!, shape } });
    }
    const values = cpu.readSync(output.dataId);
    cpu.disposeData(output.dataId);
    // A kernel may return what it was given.
    const own = lentArrays.has(values) ? (values.slice() as BackendValues) : values;
    return { dataId: backend.write(own, shape, dtype), shape, dtype };
  };

  try {
    const there = mapTensors(inputs as Inputs, lend) as NamedTensorInfoMap;
    const made = kernel({ inputs: there, attrs: attrs ?? {}, backend: cpu });
    return Array.isArray(made) ? made.map(takeBack) : takeBack(made);
  } finally {
    for (const { dataId } of borrowed) cpu.disposeData(dataId);
  }
}
