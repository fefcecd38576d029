import { ShapeError } from "@cambium/base";
import { symmetricEigen } from "./eigen.ts";

/** Points turned onto others, and how far they are off. */
export interface Aligned {
  /** `[points][dimensions]`, around the mean of the target. */
  readonly points: readonly Float64Array[];
  /** What is left of the target's spread: `Σ ‖aligned − target‖² / Σ ‖target − mean‖²`, 0 to 1. */
  readonly disparity: number;
}

/**
 * Moves, turns, mirrors and scales points so that they lie as near as possible to others: two maps made comparable.
 *
 * @param points - `[points][dimensions]`. @param target - Of the same shape.
 * @throws {ShapeError} When the shapes differ.
 * @see Schönemann and Carroll 1970, Fitting one matrix to another under choice of a central dilation and a rigid motion,
 *      doi:10.1007/BF02291266.
 */
export function alignPoints(points: readonly ArrayLike<number>[], target: readonly ArrayLike<number>[]): Aligned {
  const [count, width] = [points.length, points[0]?.length ?? 0];
  if (count < 2 || width === 0 || target.length !== count || [...points, ...target].some((p) => p.length !== width)) {
    throw new ShapeError({
      message: `alignPoints: two maps of the same points are needed, got ${count} by ${width} and ${target.length} by ${target[0]?.length ?? 0}`,
    });
  }
  const [a, b] = [centre(points), centre(target)];
  // aᵀ b = U S Vᵀ; the best turn is U Vᵀ, by the eigenvectors of (aᵀ b)ᵀ (aᵀ b) = V S² Vᵀ.
  const cross = Array.from({ length: width }, (_, i) =>
    Array.from({ length: width }, (_, j) => sum(count, (n) => a.rows[n]![i]! * b.rows[n]![j]!)),
  );
  const square = cross.map((_, i) => cross.map((_, j) => sum(width, (k) => cross[k]![i]! * cross[k]![j]!)));
  const { values, vectors } = symmetricEigen(square);
  const singular = values.map((value) => Math.sqrt(Math.max(0, value)));
  const left = leftVectors(cross, singular, vectors);
  const turn = cross.map((_, i) => cross.map((_, j) => sum(width, (k) => left[k]![i]! * vectors[k]![j]!)));
  const spread = (rows: readonly Float64Array[]): number =>
    rows.reduce((s, row) => s + row.reduce((t, v) => t + v * v, 0), 0);
  const [ofA, ofB] = [spread(a.rows), spread(b.rows)];
  const trace = singular.reduce((total, value) => total + value, 0);
  const scale = ofA === 0 ? 0 : trace / ofA;
  return {
    points: a.rows.map((row) =>
      Float64Array.from({ length: width }, (_, j) => b.mean[j]! + scale * sum(width, (i) => row[i]! * turn[i]![j]!)),
    ),
    disparity: ofA === 0 || ofB === 0 ? Number.NaN : Math.max(0, 1 - trace ** 2 / (ofA * ofB)),
  };
}

function sum(count: number, term: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
}

function centre(points: readonly ArrayLike<number>[]): {
  readonly rows: readonly Float64Array[];
  readonly mean: Float64Array;
} {
  const width = points[0]!.length;
  const mean = Float64Array.from(
    { length: width },
    (_, j) => sum(points.length, (i) => points[i]![j]!) / points.length,
  );
  return { rows: points.map((point) => Float64Array.from({ length: width }, (_, j) => point[j]! - mean[j]!)), mean };
}

/** `U` of the cross product; axes without any spread get whatever unit vectors are left. */
function leftVectors(
  cross: readonly (readonly number[])[],
  singular: Float64Array,
  right: readonly Float64Array[],
): Float64Array[] {
  const width = cross.length;
  const left: Float64Array[] = [];
  for (let k = 0; k < width; k++) {
    const isKnown = singular[k]! > 1e-10 * singular[0]!;
    const candidates = isKnown
      ? [
          Float64Array.from(
            { length: width },
            (_, i) => sum(width, (j) => cross[i]![j]! * right[k]![j]!) / singular[k]!,
          ),
        ]
      : Array.from({ length: width }, (_, i) => Float64Array.from({ length: width }, (_, j) => (i === j ? 1 : 0)));
    for (const candidate of candidates) {
      for (const other of left) {
        const part = sum(width, (i) => candidate[i]! * other[i]!);
        for (let i = 0; i < width; i++) candidate[i]! -= part * other[i]!;
      }
      const length = Math.sqrt(sum(width, (i) => candidate[i]! ** 2));
      if (length < 1e-3) continue;
      left.push(candidate.map((value) => value / length));
      break;
    }
  }
  return left;
}
