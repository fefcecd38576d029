/** Ways to drop entries of a task vector. Arrays are changed in place. */
import type { Random } from "@cambium/core";

/** How the size of what stays is brought back: `"l1"` to the earlier sum of magnitudes, `"l2"` to the earlier length. */
export type Rescale = "none" | "l1" | "l2" | "expected";

/** Magnitudes of floats as integers of the same order. */
function magnitudes(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length).map((bits) => bits & 0x7fffffff);
}

/** The magnitude with `rank` larger ones (from 0), by counting high halves and then low ones. `O(size)`. */
function selectMagnitude(keys: Uint32Array, rank: number): number {
  let prefix = 0;
  let rest = rank;
  for (const shift of [16, 0]) {
    const counts = new Uint32Array(65_536);
    for (const key of keys) if (shift === 16 || key >>> 16 === prefix) counts[(key >>> shift) & 0xffff]! += 1;
    let bucket = 65_535;
    while (rest >= counts[bucket]!) rest -= counts[bucket--]!;
    prefix = shift === 16 ? bucket : ((prefix << 16) | bucket) >>> 0;
  }
  return prefix;
}

/**
 * Keeps the entries whose place by falling magnitude is from `skip` to before `skip + count`. Of equal ones the first come first.
 * `O(size)`.
 */
export function keepRanks(values: Float32Array, skip: number, count: number): void {
  const size = values.length;
  if (skip <= 0 && count >= size) return;
  if (count <= 0) {
    values.fill(0);
    return;
  }
  const keys = magnitudes(values);
  const high = skip > 0 ? selectMagnitude(keys, skip - 1) : undefined; // the last one that is too large
  const low = skip + count < size ? selectMagnitude(keys, skip + count - 1) : 0; // the last one that stays
  const countOf = (test: (key: number) => boolean): number => {
    let found = 0;
    for (const key of keys) if (test(key)) found += 1;
    return found;
  };
  let dropped = high === undefined ? 0 : skip - countOf((key) => key > high); // so many equal to `high` are too large
  const above = countOf((key) => key > low);
  let kept = skip + count - above; // so many equal to `low` stay, those that are too large among them
  for (let i = 0; i < size; i++) {
    const key = keys[i]!;
    const isTooLarge = high !== undefined && (key > high || (key === high && dropped-- > 0));
    const isTooSmall = key < low || (key === low && kept-- <= 0);
    if (isTooLarge || isTooSmall) values[i] = 0;
  }
}

/** Keeps each entry with a probability of `density`. */
export function keepAtRandom(values: Float32Array, density: number, random: Random): void {
  for (const [i, u] of random.uniforms(values.length).entries()) if (u >= density) values[i] = 0;
}

/**
 * Keeps each entry with a probability that rises with its magnitude's rank within its row, from `density − epsilon` to
 * `density + epsilon`.
 *
 * @param width - Of a row.
 */
export function keepByRank(
  values: Float32Array,
  width: number,
  density: number,
  epsilon: number,
  random: Random,
): void {
  const draws = random.uniforms(values.length);
  for (let from = 0; from < values.length; from += width) {
    const row = values.subarray(from, from + width);
    const keys = magnitudes(row);
    const order = Uint32Array.from(row, (_, i) => i).sort((a, b) => keys[a]! - keys[b]! || a - b);
    for (const [rank, i] of order.entries()) {
      const share = width > 1 ? rank / (width - 1) : 0.5;
      if (draws[from + i]! >= density - epsilon + 2 * epsilon * share) row[i] = 0;
    }
  }
}

/** Size of an array, by the measure of a rescaling. */
function sizeOf(values: Float32Array, rescale: "l1" | "l2"): number {
  let sum = 0;
  for (const value of values) sum += rescale === "l1" ? Math.abs(value) : value * value;
  return rescale === "l1" ? sum : Math.sqrt(sum);
}

/** Drops entries, and brings their size back. */
export function thenRescale(values: Float32Array, rescale: Rescale, density: number, drop: () => void): void {
  if (rescale === "none" || rescale === "expected") {
    drop();
    if (rescale === "expected") for (let i = 0; i < values.length; i++) values[i]! /= density;
    return;
  }
  const before = sizeOf(values, rescale);
  drop();
  const after = sizeOf(values, rescale);
  if (before < 1e-7 || after < 1e-7) return;
  for (let i = 0; i < values.length; i++) values[i]! *= before / after;
}
