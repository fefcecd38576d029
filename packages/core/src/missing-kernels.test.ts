import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import {
  copyRegisteredKernels,
  engine,
  registerBackend,
  setBackend,
  tensor1d,
  tensor2d,
  tidy,
  unregisterKernel,
  unsortedSegmentSum,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { registerMissingKernels } from "./missing-kernels.ts";

test.each([
  ["one row", [0, 0, 1], 1, [3, 5]],
  ["two rows", [0, 1, 1], 2, [1, 2, 7, 9]],
])("a backend that cannot sum by segments sums into a table of %s", async (_, ids, count, sums) => {
  const name = `lacking-${count}`;
  copyRegisteredKernels("cpu", name);
  unregisterKernel("UnsortedSegmentSum", name);
  registerBackend(name, () => Object.assign(new MathBackendCPU(), { firstUse: false })); // without its banner
  try {
    await setBackend(name);
    registerMissingKernels(name);
    tidy(() => {
      const x = tensor2d([1, 2, 2, 3, 5, 6], [3, 2]);
      expect([...unsortedSegmentSum(x, tensor1d(ids, "int32"), count).dataSync()]).toEqual(sums);
    });
  } finally {
    await setBackend("cpu");
    engine().removeBackend(name);
  }
});
