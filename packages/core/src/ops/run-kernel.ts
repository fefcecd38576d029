import { type CustomKernel, customKernels } from "@cambium/kernels";
import {
  engine,
  getBackend,
  getKernel,
  type NamedAttrMap,
  type NamedTensorMap,
  registerKernel,
  type Tensor,
} from "@tensorflow/tfjs-core";

const prepared = new Set<string>();

/** Registers the composite of each custom kernel that a backend has no native version of. */
function prepareBackend(backendName: string): void {
  for (const { name, composite } of customKernels) {
    if (getKernel(name, backendName) === undefined) {
      registerKernel({
        kernelName: name,
        backendName,
        kernelFunc: ({ inputs, attrs }) => composite(inputs as NamedTensorMap, (attrs ?? {}) as NamedAttrMap),
      });
    }
  }
  prepared.add(backendName);
}

/** Runs a custom kernel on the current backend, natively where it can, as a composite elsewhere. */
export function runCustomKernel<Result extends Tensor | Tensor[]>(
  kernel: CustomKernel,
  inputs: object,
  attributes: object = {},
): Result {
  const backendName = getBackend();
  if (!prepared.has(backendName)) prepareBackend(backendName);
  return engine().runKernel(kernel.name, inputs as NamedTensorMap, attributes as NamedAttrMap) as Result;
}
