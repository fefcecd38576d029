/** Kernels without a native version run on tfjs-backend-cpu, on values read back. */
import "@tensorflow/tfjs-backend-cpu";
import {
  engine,
  type KernelBackend,
  type KernelFunc,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import type { OnnxBackend } from "./backend.ts";

/** Runs a kernel of tfjs-backend-cpu for the ONNX backend. */
export function runFallback(
  kernelName: string,
  kernel: KernelFunc,
  backend: OnnxBackend,
  inputs: NamedTensorInfoMap,
  attrs: NamedAttrMap | undefined,
): TensorInfo | TensorInfo[] {
  backend.countFallback(kernelName);
  const cpu = engine().findBackend("cpu") as KernelBackend & { firstUse?: boolean };
  cpu.firstUse = false; // its advice to install a faster backend does not apply
  const borrowed: TensorInfo[] = [];
  const there: NamedTensorInfoMap = {};
  for (const [name, input] of Object.entries(inputs)) {
    if (input === undefined || input === null) continue;
    const copy = {
      dataId: cpu.write(backend.readSync(input.dataId), input.shape, input.dtype),
      shape: input.shape,
      dtype: input.dtype,
    };
    borrowed.push(copy);
    there[name] = copy;
  }
  const made = kernel({ inputs: there, attrs: attrs ?? {}, backend: cpu });
  const back = (output: TensorInfo): TensorInfo => {
    const values = cpu.readSync(output.dataId);
    cpu.disposeData(output.dataId);
    return { dataId: backend.write(values, output.shape, output.dtype), shape: output.shape, dtype: output.dtype };
  };
  const results = Array.isArray(made) ? made.map(back) : back(made);
  for (const copy of borrowed) cpu.disposeData(copy.dataId);
  return results;
}
