/** How far logits are from others, and log-probabilities of what was written. */

/** Logits of several texts: for each a row for each of its ids. */
export interface Logits {
  readonly values: Float32Array;
  readonly vocabulary: number;
}

/** How far some logits are from others. */
export interface Distance {
  /** Norm of the difference over the norm of the other, of all positions. */
  readonly error: number;
  /** The same of the position where it is largest. */
  readonly worst: number;
  /** Share of positions with the same likeliest id. */
  readonly sameBest: number;
}

const rowsOf = ({ values, vocabulary }: Logits): Float32Array[] =>
  Array.from({ length: values.length / vocabulary }, (_, i) => values.subarray(i * vocabulary, (i + 1) * vocabulary));

const bestOf = (row: Float32Array): number => row.reduce((best, value, id) => (value > row[best]! ? id : best), 0);

/** How far `got` is from `expected`. */
export function distance(got: Logits, expected: Logits): Distance {
  if (got.values.length !== expected.values.length || got.vocabulary !== expected.vocabulary)
    throw new Error(`${got.values.length} logits beside ${expected.values.length}`);
  const others = rowsOf(expected);
  const squares = rowsOf(got).map((row, i): readonly [off: number, all: number, isSame: boolean] => {
    const other = others[i]!;
    let [off, all] = [0, 0];
    for (let id = 0; id < row.length; id++) {
      off += (row[id]! - other[id]!) ** 2;
      all += other[id]! ** 2;
    }
    return [off, all, bestOf(row) === bestOf(other)];
  });
  const sum = (at: 0 | 1): number => squares.reduce((total, each) => total + each[at], 0);
  return {
    error: Math.sqrt(sum(0) / sum(1)),
    worst: Math.max(...squares.map(([off, all]) => Math.sqrt(off / all))),
    sameBest: squares.filter(([, , isSame]) => isSame).length / squares.length,
  };
}

/** Log-probabilities of the ids behind `from[i]` others in each text, in nats. */
export function logProbabilities(
  logits: Logits,
  texts: readonly (readonly number[])[],
  from: readonly number[],
): number[] {
  const rows = rowsOf(logits);
  const found: number[] = [];
  let start = 0;
  for (const [i, ids] of texts.entries()) {
    for (let at = from[i]!; at < ids.length; at++) {
      const row = rows[start + at - 1]!;
      const most = row[bestOf(row)]!;
      const total = row.reduce((sum, value) => sum + Math.exp(value - most), 0);
      found.push(row[ids[at]!]! - most - Math.log(total));
    }
    start += ids.length;
  }
  return found;
}
