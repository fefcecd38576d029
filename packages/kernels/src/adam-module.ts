/** A step of Adam by WebAssembly's vector instructions: the loop of `plainAdamStep`, four numbers at a time, with equal results. */
import type { AdamArrays, AdamScalars, StepByAdam } from "./adam.ts";
import {
  AGAIN_IF,
  DONE,
  F32,
  get,
  I32,
  I32_ADD,
  I32_LESS_UNSIGNED,
  i32,
  LOOP,
  load,
  loadModule,
  set,
  store,
  tee,
  vector,
} from "./vector-module.ts";

/** Numbers of each array that are worked on at a time: four arrays of them stay in a core's cache. */
const CHUNK = 16_384;
const CHUNK_BYTES = 4 * CHUNK;
const GRADIENT = CHUNK_BYTES;
const FIRST_MOMENT = 2 * CHUNK_BYTES;
const SECOND_MOMENT = 3 * CHUNK_BYTES;

/** Parameters, then variables. */
const END = 0; // bytes to go through, more than 0
const SCALARS = 1; // beta1, beta2, rate, epsilon, decay
const AT = 6; // bytes gone through
const BETA_1 = 7;
const BETA_2 = 8;
const RATE = 9;
const EPSILON = 10;
const DECAY = 11;
const G = 12;
const M = 13;
const V = 14;

const SPLAT = vector(0x13);
const SQRT = vector(0xe3);
const ADD = vector(0xe4);
const SUBTRACT = vector(0xe5);
const MULTIPLY = vector(0xe6);
const DIVIDE = vector(0xe7);

const BODY = [
  ...[BETA_1, BETA_2, RATE, EPSILON, DECAY].flatMap((variable, i) => [...get(SCALARS + i), ...SPLAT, ...set(variable)]),
  ...LOOP,
  ...[...get(AT), ...load(GRADIENT), ...set(G)],
  ...[...get(AT), ...get(AT), ...load(FIRST_MOMENT), ...get(BETA_1), ...MULTIPLY, ...get(G), ...ADD, ...tee(M)],
  ...store(FIRST_MOMENT),
  ...[...get(AT), ...get(AT), ...load(SECOND_MOMENT), ...get(BETA_2), ...MULTIPLY],
  ...[...get(G), ...get(G), ...MULTIPLY, ...ADD, ...tee(V), ...store(SECOND_MOMENT)],
  ...[...get(AT), ...get(AT), ...load(0), ...get(DECAY), ...MULTIPLY],
  ...[...get(M), ...get(RATE), ...MULTIPLY, ...get(V), ...SQRT, ...get(EPSILON), ...ADD, ...DIVIDE],
  ...[...SUBTRACT, ...store(0)],
  ...[...get(AT), ...i32(16), I32_ADD, ...tee(AT), ...get(END), I32_LESS_UNSIGNED, ...AGAIN_IF],
  DONE,
];

/** The vectorised loop, or undefined where this host cannot run it. */
export function loadAdamModule(): StepByAdam | undefined {
  const parameters = [I32, F32, F32, F32, F32, F32];
  const loaded = loadModule(
    { parameters, integers: 1, vectors: 8, body: BODY },
    Math.ceil(Math.ceil(Math.ceil(Math.ceil(4 * CHUNK)))),
  );
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
