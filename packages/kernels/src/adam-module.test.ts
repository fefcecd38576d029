import { expect, test } from "vitest";
import { type AdamArrays, plainAdamStep } from "./adam.ts";
import { loadAdamModule } from "./adam-module.ts";

const scalars = { beta1: 0.9, beta2: 0.999, rate: 0.0123, epsilon: 1e-7, decay: 0.99 };

/** Numbers of many sizes; second moments are not negative. */
function arraysOf(length: number): AdamArrays {
  const numbers = (seed: number): Float32Array =>
    Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * seed) * 10 ** (((i * 7) % 13) - 6));
  return {
    parameter: numbers(1.1),
    gradient: numbers(2.3),
    firstMoment: numbers(3.7),
    secondMoment: numbers(4.9).map(Math.abs),
  };
}

const bytes = (array: Float32Array): Buffer => Buffer.from(array.buffer);

// 16,384 numbers fill the module's memory once.
test.each([0, 1, 3, 4, 5, 1000, 16_384, 16_385, 50_001])(
  "a vectorised step of %i numbers is the plain one",
  (length) => {
    const step = loadAdamModule()!;
    const results = [step, plainAdamStep].map((run) => {
      const arrays = arraysOf(length);
      run(arrays, scalars, arrays); // in place
      run(arrays, scalars, arrays);
      return arrays;
    });
    for (const name of ["parameter", "gradient", "firstMoment", "secondMoment"] as const)
      expect(bytes(results[0]![name]).equals(bytes(results[1]![name]))).toBe(true);
    if (length > 0) expect(bytes(results[0]!.parameter).equals(bytes(arraysOf(length).parameter))).toBe(false);
  },
);
