/**
 * Dropout masks by WebAssembly's vector instructions: the loop of `plainMaskValues` on four words, eight values at a time,
 * a third of its time with equal numbers.
 */
import type { Key } from "./bits.ts";
import {
  AGAIN_IF,
  DONE,
  get,
  I32,
  I32_ADD,
  I32_LESS_UNSIGNED,
  i32,
  LOOP,
  loadModule,
  set,
  store,
  tee,
  vector,
} from "./vector-module.ts";

/** Parameters, then variables. */
const END = 0; // bytes to write, more than 0
const FIRST = 1; // first counter: index of the word, plus the key's low half
const HIGH = 2; // the key's high half
const THRESHOLD = 3; // draws below it are dropped
const KEPT = 4; // bits of the float that stands for a kept value
const AT = 5; // bytes written
const COUNTERS = 6;
const X = 7;
const KEPT_4 = 8;
const THRESHOLD_8 = 9;
const HIGH_4 = 10;
const MULTIPLIER_1 = 11;
const MULTIPLIER_2 = 12;
const FOUR = 13;

const lanes = (values: readonly number[]): number[] => vector(0x0c, ...new Uint8Array(Int32Array.from(values).buffer)); // little-endian everywhere that JavaScript runs

const SPLAT_I16X8 = vector(0x10);
const SPLAT_I32X4 = vector(0x11);
const NOT_BELOW_U16X8 = vector(0x36);
const AND = vector(0x4e);
const XOR = vector(0x51);
const WIDEN_LOW_I16X8 = vector(0xa7);
const WIDEN_HIGH_I16X8 = vector(0xa8);
const SHIFT_RIGHT_U32X4 = vector(0xad);
const ADD_I32X4 = vector(0xae);
const MULTIPLY_I32X4 = vector(0xb5);

const xorShifted = (bits: number): number[] => [...tee(X), ...get(X), ...i32(bits), ...SHIFT_RIGHT_U32X4, ...XOR];

/** `mix` of bits.ts. */
const MIX = [
  ...[...xorShifted(16), ...get(MULTIPLIER_1), ...MULTIPLY_I32X4],
  ...[...xorShifted(15), ...get(MULTIPLIER_2), ...MULTIPLY_I32X4],
  ...xorShifted(15),
];

const BODY = [
  ...[...get(KEPT), ...SPLAT_I32X4, ...set(KEPT_4)],
  ...[...get(THRESHOLD), ...SPLAT_I16X8, ...set(THRESHOLD_8)],
  ...[...get(HIGH), ...SPLAT_I32X4, ...set(HIGH_4)],
  ...[...i32(0x21f0aaad), ...SPLAT_I32X4, ...set(MULTIPLIER_1)],
  ...[...i32(0x735a2d97), ...SPLAT_I32X4, ...set(MULTIPLIER_2)],
  ...[...i32(4), ...SPLAT_I32X4, ...set(FOUR)],
  ...[...get(FIRST), ...SPLAT_I32X4, ...lanes([0, 1, 2, 3]), ...ADD_I32X4, ...set(COUNTERS)],
  ...LOOP,
  // Four words, and in place of their eight halves all ones where a value is kept.
  ...[...get(COUNTERS), ...MIX, ...get(HIGH_4), ...XOR, ...MIX, ...get(THRESHOLD_8), ...NOT_BELOW_U16X8, ...set(X)],
  ...[...get(AT), ...get(X), ...WIDEN_LOW_I16X8, ...get(KEPT_4), ...AND, ...store(0)],
  ...[...get(AT), ...get(X), ...WIDEN_HIGH_I16X8, ...get(KEPT_4), ...AND, ...store(16)],
  ...[...get(COUNTERS), ...get(FOUR), ...ADD_I32X4, ...set(COUNTERS)],
  ...[...get(AT), ...i32(32), I32_ADD, ...tee(AT), ...get(END), I32_LESS_UNSIGNED, ...AGAIN_IF],
  DONE,
];

/** Values that are made at a time: they stay in a core's cache. */
const CHUNK = 32_768;

/** Fills an array with a mask: values of which a share of `threshold / 65536` is 0 and the others `kept`. */
export type FillMask = (mask: Float32Array, key: Key, threshold: number, kept: number) => void;

/** The vectorised loop, or undefined where this host cannot run it. */
export function loadMaskModule(): FillMask | undefined {
  const loaded = loadModule({ parameters: [I32, I32, I32, I32, I32], integers: 1, vectors: 8, body: BODY }, CHUNK);
  if (loaded === undefined) return undefined;
  const { memory, run } = loaded;
  const keptBits = new Int32Array(1);
  return (mask, [high, low], threshold, kept) => {
    new Float32Array(keptBits.buffer)[0] = kept;
    for (let from = 0; from < mask.length; from += memory.length) {
      const size = Math.min(memory.length, mask.length - from);
      run(size * 4, (low + from / 2) | 0, high | 0, threshold, keptBits[0]!);
      mask.set(size === memory.length ? memory : memory.subarray(0, size), from);
    }
  };
}
