/** Products with two thin matrices, other ones for each row of a batch. */
import { ConfigError, ShapeError } from "@cambium/base";
import { around, dropout as drop, type Hook, hostValues } from "@cambium/core";
import {
  add,
  concat,
  gather,
  less,
  matMul,
  mul,
  pad,
  reshape,
  scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tensor3d,
  where,
  zeros,
} from "@tensorflow/tfjs-core";

/** `s · B A` */
export interface LowRank {
  /** `[rank, in]` */
  readonly a: Tensor2D;
  /** `[out, rank]` */
  readonly b: Tensor2D;
  readonly scale: number;
}

/**
 * The one dropout of several such deltas: the rows of a batch are dropped together.
 *
 * @throws {ConfigError} When they have several.
 */
export function commonDropout(
  members: readonly ({ readonly config: { readonly dropout: number } } | undefined)[],
): number {
  const rates = new Set(members.flatMap((at) => (at === undefined ? [] : [at.config.dropout])));
  if (rates.size === 1) return [...rates][0]!;
  throw new ConfigError({
    message: `perRow: deltas of one method that act together need one dropout, got ${[...rates].join(", ")}`,
    rates: [...rates],
  });
}

/**
 * A hook that adds to each row of a batch the product that the row names. The matrices are padded to one rank and stacked, so
 * that there are two products for a layer, however many there are to choose from.
 *
 * @param factors - By the number that rows have for them: the matrices at a layer, where there are any.
 * @param dropout - Fraction of the input that is dropped while training.
 */
export function lowRankPerRow(factors: readonly ((path: string) => LowRank | undefined)[], dropout: number): Hook {
  return around(
    "linear",
    ({ path }) => factors.some((at) => at(path) !== undefined),
    ({ site, input, next, context }) => {
      const given = next(input);
      const { rows } = context;
      if (rows === undefined) return given;
      checkRows(site.path, input, rows, factors.length);
      const { a, b } = stackAll(factors.map((at) => at(site.path)));
      const index = indexOf(rows, factors.length);
      const x = context.training ? drop(input, dropout, context.random) : input;
      const flat = reshape(x, [rows.size, -1, x.shape.at(-1)!]) as Tensor3D;
      const narrow = matMul(flat, gather(a, index), false, true); // [batch, n, rank]
      const wide = matMul(narrow, gather(b, index), false, true); // [batch, n, out]
      return add(given, reshape(wide, given.shape));
    },
  );
}

/** 0 for rows that name none. A number below that would count from the end: it becomes one that no backend finds. */
function indexOf(rows: Tensor1D, count: number): Tensor1D {
  const index = add(rows, scalar(1, "int32"));
  return where(less(index, scalar(0, "int32")), scalar(count + 1, "int32"), index) as Tensor1D;
}

function checkRows(path: string, input: Tensor, rows: Tensor, count: number): void {
  const unknown = hostValues(rows)?.find((row) => row < -1 || row >= count);
  if (unknown !== undefined) {
    throw new ShapeError({
      message: `perRow: a row names delta ${unknown}; there are the numbers 0 to ${count - 1}, and -1 for none`,
      row: unknown,
    });
  }
  if (input.shape[0] === rows.size) return;
  throw new ShapeError({
    message: `perRow: ${path} gets [${input.shape}], and the batch names a delta for ${rows.size} rows`,
    path,
  });
}

/**
 * `[1 + names, rank, in]` and `[1 + names, out, rank]`, the first of each zero, the scales within the second. Put one below the other
 * and multiplied at once: for sixteen deltas that is a tenth of the operations of stacking and scaling each.
 */
function stackAll(factors: readonly (LowRank | undefined)[]): { readonly a: Tensor3D; readonly b: Tensor3D } {
  const some = factors.find((each) => each !== undefined)!;
  const [wide, tall] = [some.a.shape[1], some.b.shape[0]];
  const rank = Math.max(...factors.map((each) => each?.a.shape[0] ?? 0));
  const none = { a: zeros([rank, wide]) as Tensor2D, b: zeros([tall, rank]) as Tensor2D };
  const all = [none, ...factors.map((each) => (each === undefined ? none : padTo(rank, each)))];
  const scales = tensor3d([0, ...factors.map((each) => each?.scale ?? 0)], [all.length, 1, 1]);
  return {
    a: reshape(
      concat(
        all.map(({ a }) => a),
        0,
      ),
      [all.length, rank, wide],
    ),
    b: mul(
      reshape(
        concat(
          all.map(({ b }) => b),
          0,
        ),
        [all.length, tall, rank],
      ),
      scales,
    ),
  };
}

/** Zeros up to a rank. */
function padTo(rank: number, { a, b }: LowRank): Pick<LowRank, "a" | "b"> {
  const missing = rank - a.shape[0];
  if (missing === 0) return { a, b };
  return {
    a: pad(a, [
      [0, missing],
      [0, 0],
    ]),
    b: pad(b, [
      [0, 0],
      [0, missing],
    ]),
  };
}
