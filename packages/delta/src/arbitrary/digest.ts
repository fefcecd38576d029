import type { Selection } from "./manifest.ts";

/** 64 bits of all that is chosen, in hexadecimal: two hashes of 32 bits (FNV-1a, Fowler, Noll, Vo). Tells choices apart; keeps no secrets. */
export function digestOf({ picks }: Selection): string {
  let [high, low] = [0x811c9dc5, 0x9747b28c];
  const absorb = (value: number): void => {
    high = Math.imul(high ^ value, 0x01000193);
    low = Math.imul(low ^ value ^ (high >>> 15), 0x5bd1e995);
  };
  for (const { candidate, all, rows, scalars } of picks) {
    for (let i = 0; i < candidate.name.length; i++) absorb(candidate.name.charCodeAt(i));
    for (const size of candidate.shape) absorb(size);
    absorb(all ? -1 : rows.length);
    for (const row of rows) absorb(row);
    absorb(scalars.length);
    for (const place of scalars) absorb(place);
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
