/**
 * Starts of LoRA's matrices that are computed: from a layer's own weight (PiSSA, OLoRA), or so that their product is zero while
 * neither is.
 */
import { ConfigError } from "@cambium/base";
import { type Parameters, type Random, random, type Start } from "@cambium/core";
import { concat, matMul, neg, type Tensor, type Tensor2D, tensor2d, tidy, transpose } from "@tensorflow/tfjs-core";
import { type Columns, svd } from "../svd.ts";
import type { LinearTarget } from "../targets.ts";
import { tidyParameters } from "../trees.ts";
import { readMatrix } from "../weights.ts";

/** Which matrices a LoRA starts with. */
export type LoraInit = "default" | "gaussian" | "orthogonal" | "pissa" | "olora";

/** Whether the product that a LoRA starts with is taken off again, so that the model is the base. */
export function hasResidual(init: LoraInit): boolean {
  return init === "pissa" || init === "olora";
}

/** A `[rank, in]` and B `[out, rank]` on the host, by rank: rows of A, columns of B. */
interface Factors {
  readonly a: Columns;
  readonly b: Columns;
}

type Place = LinearTarget & { readonly rank: number; readonly scale: number };

/** The starts of A and of B, for the inits that are computed. Both tensors must draw from one key. */
export function computedStart(init: "orthogonal" | "pissa" | "olora", place: Place, which: "a" | "b"): Start {
  const { rank, input, output } = place;
  if (init === "orthogonal") {
    if (rank % 2 !== 0)
      throw new ConfigError({ message: `lora: the orthogonal start needs an even rank, got ${rank}`, rank });
    return {
      kind: "weights",
      names: [],
      make: (_, random) => orthogonalFactor(random, rank, which === "a" ? input : output, which),
    };
  }
  if (rank > Math.min(input, output))
    throw new ConfigError({
      message: `lora: init "${init}" needs a rank of at most ${Math.min(input, output)} at ${place.site.path}, got ${rank}`,
      rank,
    });
  return {
    kind: "weights",
    names: [place.weight.name],
    make(weights: Parameters) {
      const { a, b } = factorsOf(init, weights, place);
      return which === "a" ? fromRows(a) : tidy(() => transpose(fromRows(b)));
    },
  };
}

/** A and B of twice the rank, whose product is that of A and B without that at their start. */
export function withoutStart(a: Tensor2D, b: Tensor2D, a0: Tensor2D, b0: Tensor2D): { a: Tensor2D; b: Tensor2D } {
  return tidy(() => ({ a: concat([a, a0], 0), b: concat([b, neg(b0)], 1) }));
}

/** Such A and B of every layer, under the names of A and B, and copies of what else is trained. The caller owns them. */
export function wholeFactors({ parameters, buffers }: { parameters: Parameters; buffers: Parameters }): Parameters {
  return tidyParameters(() => {
    const all = new Map([...parameters].map(([name, value]) => [name, value.clone()]));
    for (const nameA of [...parameters.keys()].filter((name) => name.endsWith(".lora_A.weight"))) {
      const nameB = nameA.replace(/lora_A\.weight$/, "lora_B.weight");
      const of = (tree: Parameters, name: string): Tensor2D => tree.get(name)! as Tensor2D;
      const { a, b } = withoutStart(
        of(parameters, nameA),
        of(parameters, nameB),
        of(buffers, `${nameA}.start`),
        of(buffers, `${nameB}.start`),
      );
      all.set(nameA, a).set(nameB, b);
    }
    return all;
  });
}

/** What was computed of a weight, for the tensors that start as it. */
const known = new WeakMap<Tensor, Map<string, Factors>>();

function factorsOf(init: "pissa" | "olora", weights: Parameters, place: Place): Factors {
  const stored = weights.get(place.weight.name)!;
  const found = known.get(stored) ?? new Map<string, Factors>();
  known.set(stored, found);
  const key = [init, place.rank, place.scale, ...(place.columns ?? [])].join();
  if (!found.has(key)) {
    tidy(() => {
      found.set(key, compute(init, readMatrix(weights, place), place));
    });
  }
  return found.get(key)!;
}

function compute(init: "pissa" | "olora", matrix: Tensor2D, { rank, scale }: Place): Factors {
  if (init === "olora") {
    // Q of the first columns, and R of all: no later columns are needed.
    const q = orthonormal(rowsOf(transpose(matrix) as Tensor2D).slice(0, rank));
    return { a: rowsOf(matMul(fromRows(q), matrix)), b: q };
  }
  const { left, values, right } = leading(matrix, rank);
  const roots = values.map((value) => Math.sqrt(value / scale));
  const scaled = (vectors: Columns): Columns => vectors.map((vector, i) => vector.map((value) => value * roots[i]!));
  return { a: scaled(right), b: scaled(left) };
}

/**
 * The largest singular values of a matrix and their vectors, by a range that is found at random and improved by products with the
 * matrix.
 *
 * @see Halko, Martinsson and Tropp 2011, arXiv:0909.4061, algorithms 4.4 and 5.1, with 8 more columns and 8 rounds.
 */
function leading(matrix: Tensor2D, rank: number): { left: Columns; values: readonly number[]; right: Columns } {
  const [rows, columns] = matrix.shape;
  const width = Math.min(rank + 8, rows, columns);
  let range = orthonormal(rowsOf(matMul(random(0).normal([width, columns]) as Tensor2D, matrix, false, true)));
  for (let round = 0; round < 8; round++) {
    const back = orthonormal(rowsOf(matMul(fromRows(range), matrix)));
    range = orthonormal(rowsOf(matMul(fromRows(back), matrix, false, true)));
  }
  const narrow = rowsOf(matMul(fromRows(range), matrix)); // [width, columns], by rows: the columns of its transpose
  const { left, values, right } = svd(narrow); // narrowᵀ = left · values · rightᵀ
  const mixed = right.slice(0, rank).map((mix) => {
    const vector = new Float64Array(rows);
    for (const [i, base] of range.entries()) for (let row = 0; row < rows; row++) vector[row]! += mix[i]! * base[row]!;
    return vector;
  });
  const missing = rank - Math.min(rank, values.length); // of a weight whose rank is lower
  const none = (size: number): Float64Array[] => Array.from({ length: missing }, () => new Float64Array(size));
  return {
    left: [...mixed, ...none(rows)],
    values: [...values.slice(0, rank), ...Array.from({ length: missing }, () => 0)],
    right: [...left.slice(0, rank), ...none(columns)],
  };
}

/** Gram-Schmidt, twice for each vector. What depends on those before it is zero. */
function orthonormal(vectors: Columns): Columns {
  const done: Float64Array[] = [];
  for (const vector of vectors) {
    const rest = vector.slice();
    const length = norm(rest);
    for (let pass = 0; pass < 2; pass++) {
      for (const unit of done) {
        let product = 0;
        for (let i = 0; i < rest.length; i++) product += unit[i]! * rest[i]!;
        for (let i = 0; i < rest.length; i++) rest[i]! -= product * unit[i]!;
      }
    }
    const left = norm(rest);
    done.push(left > 1e-10 * length ? rest.map((value) => value / left) : new Float64Array(rest.length));
  }
  return done;
}

function norm(vector: Float64Array): number {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return Math.sqrt(sum);
}

/**
 * Half of an orthogonal matrix's rows, mixed at random, for A, and the other half for B: `B A = 0`.
 *
 * @see https://datta0.github.io/posts/rethink-lora-init/, as PEFT has it.
 */
function orthogonalFactor(drawn: Random, rank: number, width: number, which: "a" | "b"): Tensor {
  return tidy(() => {
    const q = orthonormal(rowsOf(drawn.at("orthogonal").normal([rank, rank]) as Tensor2D));
    const half = q.filter((_, row) => row % 2 === (which === "a" ? 0 : 1));
    const mixture = drawn.at(which).normal([width, rank / 2], 0, 0.1) as Tensor2D;
    const mixed = matMul(mixture, fromRows(half)); // [width, rank]
    return which === "a" ? transpose(mixed) : mixed;
  });
}

/** A matrix's rows on the host, where starts are made before anything is recorded. */
function rowsOf(matrix: Tensor2D): Columns {
  const [rows, columns] = matrix.shape;
  const values = matrix.dataSync();
  return Array.from({ length: rows }, (_, row) =>
    Float64Array.from(values.subarray(row * columns, (row + 1) * columns)),
  );
}

function fromRows(rows: Columns): Tensor2D {
  const flat = Float32Array.from(rows.flatMap((row) => [...row]));
  return tensor2d(flat, [rows.length, rows[0]!.length]);
}
