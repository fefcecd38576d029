/**
 * Small WebAssembly modules with vector instructions. Their sources are `wat/*.wat`; `scripts/assemble-wat.mjs` turns them into
 * the bytes of `wasm.generated.ts`, a few hundred each, so that nothing has to be loaded.
 */

/**
 * Where the memory begins that a function works on. Large arrays begin at the beginning of a page of 4 KiB: copies between
 * two such places run at a quarter of their speed, for processors take a read for one of what was just written when the
 * low 12 bits of both addresses agree.
 */
const BASE = 2048;

/** A function that works on memory of the module. */
export interface LoadedModule {
  readonly memory: Float32Array;
  run(...parameters: number[]): void;
}

/**
 * The function `run` of a module, and `size` numbers of 32 bits of its memory; undefined where the host has no vector
 * instructions or forbids WebAssembly.
 *
 * @param base64 - The module.
 */
export function loadModule(base64: string, size: number): LoadedModule | undefined {
  try {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const { memory, run } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as {
      readonly memory: WebAssembly.Memory;
      readonly run: LoadedModule["run"];
    };
    return { memory: new Float32Array(memory.buffer, BASE, size), run };
  } catch {
    return undefined;
  }
}
