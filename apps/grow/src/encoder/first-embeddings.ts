/** Word embeddings to begin with: the teacher's, in as many dimensions as the seedling has. */
import { matMul, mean, mul, reciprocal, sqrt, square, type Tensor, tensor2d, tidy } from "@tensorflow/tfjs-core";
import type { Seedling } from "./objective.ts";
import type { Teacher } from "./teacher.ts";

const NAME = "embeddings.word_embeddings.weight";

/** Rounds of orthogonal iteration: the subspace is a start, not a result. */
const ROUNDS = 12;

function dotOf(a: Float64Array, b: Float64Array): number {
  let dot = 0;
  for (let k = 0; k < a.length; k++) dot += a[k]! * b[k]!;
  return dot;
}

/** Makes columns of length 1 and at right angles to each other, by the modified Gram-Schmidt process. `columns` are rows of memory. */
function orthonormalise(columns: readonly Float64Array[]): void {
  for (const [i, column] of columns.entries()) {
    for (const before of columns.slice(0, i)) {
      const dot = dotOf(column, before);
      for (let k = 0; k < column.length; k++) column[k]! -= dot * before[k]!;
    }
    const length = Math.hypot(...column);
    for (let k = 0; k < column.length; k++) column[k]! /= length;
  }
}

/**
 * A basis of the directions in which rows vary most, `count` vectors of `width`, by orthogonal iteration on the matrix of
 * second moments.
 *
 * @see Golub and Van Loan 2013, Matrix Computations, section 8.2.4.
 */
export function principalDirections(rows: Float32Array, width: number, count: number): readonly Float64Array[] {
  const products = tidy(() => {
    const matrix = tensor2d(rows, [rows.length / width, width]);
    return matMul(matrix, matrix, true).dataSync();
  });
  const moments = Array.from({ length: width }, (_, i) =>
    Float64Array.from(products.subarray(i * width, (i + 1) * width)),
  );
  // Unit vectors of the dimensions with the largest moments.
  const order = [...moments.keys()].sort((a, b) => moments[b]![b]! - moments[a]![a]!);
  let basis = order.slice(0, count).map((at) => new Float64Array(width).fill(1, at, at + 1));
  for (let round = 0; round < ROUNDS; round++) {
    basis = basis.map((vector) => Float64Array.from(moments, (row) => dotOf(row, vector)));
    orthonormalise(basis);
  }
  return basis;
}

/** A seedling whose word embeddings are the teacher's in its principal directions, as large as drawn ones would be. */
export function startFromTeacher(
  { model, parameters }: Seedling,
  { embeddings, width }: Teacher,
  teacherIds: readonly number[],
): Seedling {
  const { hidden_size: own, initializer_range: deviation } = model.config;
  const all = embeddings.dataSync() as Float32Array;
  const taken = new Float32Array(teacherIds.length * width);
  for (const [id, theirs] of teacherIds.entries())
    taken.set(all.subarray(theirs * width, (theirs + 1) * width), id * width);
  const basis = principalDirections(taken, width, Math.min(own, width));
  const table = tidy((): Tensor => {
    const turn = tensor2d(Float32Array.from(basis.flatMap((vector) => [...vector])), [basis.length, width]);
    const turned = matMul(tensor2d(taken, [teacherIds.length, width]), turn, false, true);
    return mul(turned, mul(reciprocal(sqrt(mean(square(turned)))), deviation));
  });
  return { model, parameters: new Map(parameters).set(NAME, table) };
}
