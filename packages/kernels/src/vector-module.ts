/**
 * WebAssembly modules of one function with vector instructions, assembled here: a few hundred bytes, so that nothing has to
 * be loaded. A body is one instruction a piece, in the order in which a stack machine runs them.
 */

/** Numbers as WebAssembly writes them: seven bits a byte, the last without the high bit. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}
function signed(value: number): number[] {
  return value >= -64 && value < 64 ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)];
}

const list = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()];
const section = (id: number, content: readonly number[]): number[] => [id, ...unsigned(content.length), ...content];
const text = (letters: string): number[] => list([...letters].map((letter) => [letter.charCodeAt(0)]));

/** Types of parameters and variables. */
export const I32 = 0x7f;
export const F32 = 0x7d;
const V128 = 0x7b;

export const get = (variable: number): number[] => [0x20, variable];
export const set = (variable: number): number[] => [0x21, variable];
export const tee = (variable: number): number[] => [0x22, variable];
export const i32 = (value: number): number[] => [0x41, ...signed(value)];
export const vector = (operation: number, ...immediates: readonly number[]): number[] => [
  0xfd,
  ...unsigned(operation),
  ...immediates,
];

/**
 * Where the memory begins that a function works on. Large arrays begin at the beginning of a page of 4 KiB: copies between
 * two such places run at a quarter of their speed, for processors take a read for one of what was just written when the
 * low 12 bits of both addresses agree.
 */
const BASE = 2048;

/** Four floats or integers from and to the address on the stack, so many bytes behind it. */
export const load = (offset: number): number[] => vector(0x00, 4, ...unsigned(BASE + offset));
export const store = (offset: number): number[] => vector(0x0b, 4, ...unsigned(BASE + offset));

export const I32_ADD = 0x6a;
export const I32_LESS_UNSIGNED = 0x49;
export const LOOP: readonly number[] = [0x03, 0x40];
export const AGAIN_IF: readonly number[] = [0x0d, 0];
/** The end of a loop. */
export const DONE = 0x0b;

/** A function: its parameters come first among the variables, then integers, then vectors. */
export interface VectorFunction {
  /** Types. */
  readonly parameters: readonly number[];
  /** Numbers of further variables. */
  readonly integers: number;
  readonly vectors: number;
  readonly body: readonly number[];
}

/** A function that works on a memory of its own. */
export interface LoadedModule {
  readonly memory: Float32Array;
  run(...parameters: number[]): void;
}

const PAGE_BYTES = 65_536;

/**
 * The function, with memory for `size` numbers of 32 bits to work on; undefined where the host has no vector instructions or forbids
 * WebAssembly.
 */
export function loadModule(
  { parameters, integers, vectors, body }: VectorFunction,
  size: number,
): LoadedModule | undefined {
  const variables = list([
    [integers, I32],
    [vectors, V128],
  ]);
  const code = [...variables, ...body, DONE];
  const exported = list([
    [...text("memory"), 2, 0],
    [...text("run"), 0, 0],
  ]);
  const module = Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    ...section(1, list([[0x60, ...list(parameters.map((type) => [type])), 0]])),
    ...section(3, list([[0]])),
    ...section(5, list([[0, ...unsigned(Math.ceil((BASE + 4 * size) / PAGE_BYTES))]])),
    ...section(7, exported),
    ...section(10, list([[...unsigned(code.length), ...code]])),
  ]);
  try {
    const { memory, run } = new WebAssembly.Instance(new WebAssembly.Module(module)).exports as unknown as {
      readonly memory: WebAssembly.Memory;
      readonly run: LoadedModule["run"];
    };
    return { memory: new Float32Array(memory.buffer, BASE, size), run };
  } catch {
    return undefined;
  }
}
