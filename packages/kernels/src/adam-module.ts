/** A step of Adam by WebAssembly's vector instructions: the loop of `plainAdamStep`, four numbers at a time, with equal results. */
import type { AdamArrays, AdamScalars, StepByAdam } from "./adam.ts";
import { loadModule } from "./vector-module.ts";
import { adam } from "./wasm.generated.ts";

/** Numbers of each array that are worked on at a time, as in `adam.wat`: four arrays of them stay in a core's cache. */
const CHUNK = 16_384;

/** The vectorised loop, or undefined where this host cannot run it. */
export function loadAdamModule(): StepByAdam | undefined {
  const loaded = loadModule(adam, 4 * CHUNK);
  if (loaded === undefined) return undefined;
  const { memory, run } = loaded;
  const chunks: AdamArrays = {
    parameter: memory.subarray(0, CHUNK),
    gradient: memory.subarray(CHUNK, 2 * CHUNK),
    firstMoment: memory.subarray(2 * CHUNK, 3 * CHUNK),
    secondMoment: memory.subarray(3 * CHUNK),
  };
  const part = (array: Float32Array, from: number, to: number): Float32Array =>
    to - from === array.length ? array : array.subarray(from, to);
  return (arrays, { beta1, beta2, rate, epsilon, decay }: AdamScalars, into) => {
    const { length } = arrays.parameter;
    for (let from = 0; from < length; from += CHUNK) {
      const to = Math.min(from + CHUNK, length);
      for (const name of ["parameter", "gradient", "firstMoment", "secondMoment"] as const)
        chunks[name].set(part(arrays[name], from, to));
      run(4 * (to - from), beta1, beta2, rate, epsilon, decay);
      for (const name of ["parameter", "firstMoment", "secondMoment"] as const)
        into[name].set(part(chunks[name], 0, to - from), from);
    }
  };
}
