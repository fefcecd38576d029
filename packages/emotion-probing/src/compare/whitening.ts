/**
 * Products of RDMs under the covariance that their pairs have because they share conditions.
 *
 * With independent noise of equal size in every condition, the covariance of the distances of pairs is V, where
 * `V(p, q) = (c_p · c_q)²` for their contrasts c: 4 for a pair with itself, 1 for pairs that share a condition, 0 for others.
 * V is a matrix of the triangular association scheme, whose three eigenspaces are known: constants (eigenvalue `2n`),
 * sums `a_i + a_j` with `Σ a = 0` (`n`), and the rest (2). So `V⁻¹ x` needs no matrix.
 *
 * Diedrichsen et al. 2021, Comparing representational geometries using whitened unbiased-distance-matrix similarity,
 * doi:10.51628/001c.27664.
 */
import { cholesky, choleskySolve } from "../rdm/cholesky.ts";
import { pairsOf } from "../rdm/rdm.ts";

/** `V⁻¹ x` for all pairs of `count` conditions, at least two. */
export function whiten(x: Float64Array, count: number): Float64Array {
  let total = 0;
  const sums = new Float64Array(count);
  let at = 0;
  for (const [i, j] of pairsOf(count)) {
    sums[i]! += x[at]!;
    sums[j]! += x[at]!;
    total += x[at++]!;
  }
  const mean = total / x.length;
  // Of the part `a_i + a_j`, the sum over the pairs of condition i is (n − 2) a_i.
  const parts = sums.map((sum) => (count > 2 ? (sum - (count - 1) * mean) / (count - 2) : 0));
  const result = new Float64Array(x.length);
  at = 0;
  for (const [i, j] of pairsOf(count)) {
    const second = parts[i]! + parts[j]!;
    result[at] = mean / (2 * count) + second / count + (x[at]! - mean - second) / 2;
    at++;
  }
  return result;
}

/** The same where some pairs are missing: those of `kept`, by their places, remain. O(pairs³). */
export function whitenSome(x: Float64Array, count: number, kept: Uint32Array): (part: Float64Array) => Float64Array {
  if (kept.length === x.length) return (part) => whiten(part, count);
  const pairs = [...pairsOf(count)];
  const size = kept.length;
  const matrix = new Float64Array(size * size);
  for (let a = 0; a < size; a++) {
    for (let b = 0; b < size; b++) {
      const [[i, j], [k, l]] = [pairs[kept[a]!]!, pairs[kept[b]!]!];
      const shared = Number(i === k || i === l) + Number(j === k || j === l);
      matrix[a * size + b] = a === b ? 4 : shared;
    }
  }
  const lower = cholesky(matrix, size, "compareRdms");
  return (part) => choleskySolve(lower, size, part);
}
