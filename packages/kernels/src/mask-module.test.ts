import { describe, expect, test } from "vitest";
import type { Key } from "./bits.ts";
import { loadMaskModule } from "./mask-module.ts";
import { plainMaskValues } from "./random-mask.ts";

const keys: readonly Key[] = [
  [0, 0],
  [0x12345678, 0x9abcdef0],
  [0xffffffff, 0xfffffffe], // counters that pass 2^32
];

describe("vectorised dropout masks", () => {
  // 32,768 values fill the module's memory once.
  test.each([0, 1, 2, 7, 8, 9, 1000, 32_768, 32_769, 100_003])("of %i values equal the plain ones", (count) => {
    const fill = loadMaskModule()!;
    for (const key of keys)
      for (const threshold of [0, 1, 6554, 32_768, 65_535]) {
        const [vectorised, plain] = [new Float32Array(count), new Float32Array(count)];
        fill(vectorised, key, threshold, 1.25);
        plainMaskValues(plain, key, threshold, 1.25);
        // As bytes: a comparison of long arrays element by element takes seconds.
        expect(Buffer.from(vectorised.buffer).equals(Buffer.from(plain.buffer))).toBe(true);
      }
  });

  test("fall back on the plain loop where a host has no WebAssembly", () => {
    const { Module } = WebAssembly;
    try {
      WebAssembly.Module = class {
        constructor() {
          throw new WebAssembly.CompileError("Wasm code generation disallowed by embedder");
        }
      } as unknown as typeof Module;
      expect(loadMaskModule()).toBeUndefined();
    } finally {
      WebAssembly.Module = Module;
    }
  });
});
