import { decodeHalf } from "@cambium/core";

let table: Float32Array | undefined;

/** Every half-precision number by its 16 bits, 256 KiB, made on first use: blocks keep their scales as such. */
export function halfTable(): Float32Array {
  table ??= decodeHalf(Uint16Array.from({ length: 65536 }, (_, bits) => bits));
  return table;
}
