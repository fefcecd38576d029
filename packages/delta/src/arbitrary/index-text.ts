/** Ascending integers as text: gaps between them as bytes of seven bits, the lowest first, in base 64. */
import { FormatError } from "@cambium/base";

/** About four thirds of a byte for every seven bits of a gap. */
export function writeIndices(indices: Int32Array): string {
  const bytes: number[] = [];
  const pieces: string[] = [];
  const flush = (): void => {
    pieces.push(btoa(String.fromCharCode(...bytes.splice(0))));
  };
  let before = -1;
  for (const index of indices) {
    let gap = index - before - 1;
    before = index;
    for (; gap >= 128; gap = Math.floor(gap / 128)) bytes.push(128 + (gap % 128));
    bytes.push(gap);
    if (bytes.length % 3 === 0 && bytes.length >= 6000) flush(); // whole groups, so that pieces join to one text
  }
  flush();
  return pieces.join("");
}

/**
 * The integers that `writeIndices` wrote.
 *
 * @param limit - All must be smaller.
 * @throws {FormatError} For text of another form.
 */
export function readIndices(text: string, limit: number, what: string): Int32Array {
  const fail = (problem: string): FormatError => new FormatError({ message: `${what}: its indices ${problem}` });
  let bytes: string;
  try {
    bytes = atob(text);
  } catch (cause) {
    throw new FormatError({ message: `${what}: its indices are no base 64`, cause });
  }
  const indices = new Int32Array(bytes.length);
  let [size, before, gap, weight] = [0, -1, 0, 1];
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes.charCodeAt(i);
    gap += weight * (byte % 128);
    weight *= 128;
    if (byte >= 128) continue;
    before += gap + 1;
    if (before >= limit) throw fail(`reach ${before}, and there are ${limit} places`);
    indices[size++] = before;
    [gap, weight] = [0, 1];
  }
  if (weight !== 1) throw fail("end within a number");
  return indices.slice(0, size);
}
