/** Centred kernel alignment of hidden states: how alike two models represent the same input, whatever the rotation. */
import { ConfigError, checkOptions, ShapeError } from "@cambium/base";
import { compile, type Role } from "@cambium/core";
import { capture, lastRow, meanRow, type TokenBatch } from "@cambium/models";
import type { Batches } from "@cambium/train";
import {
  add,
  dispose,
  matMul,
  mean,
  mul,
  reshape,
  slice,
  square,
  stack,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  tensor1d,
  tidy,
} from "@tensorflow/tfjs-core";
import type { StateRow } from "../distillation/states.ts";
import type { Watched } from "./attention-similarity.ts";

/**
 * Linear CKA of two sets of features of the same rows, `‖Yᵀ X‖² / (‖Xᵀ X‖ ‖Yᵀ Y‖)` (Frobenius) of centred columns, 0 to 1. 1 for rotated
 * and scaled copies. NaN where features do not vary.
 * Biased upwards where rows are few next to columns; see `debiasedCka`.
 *
 * @param x - `[rows, features]`.
 * @param y - `[rows, features]`, of any number of features.
 * @throws {ShapeError} When the rows differ in number.
 * @see Kornblith et al. 2019, Similarity of Neural Network Representations Revisited, arXiv:1905.00414, section 3.
 */
export async function linearCka(x: Tensor2D, y: Tensor2D): Promise<number> {
  checkRows(x, y);
  const terms = tidy(() => {
    const [a, b] = [sub(x, mean(x, 0)), sub(y, mean(y, 0))] as [Tensor2D, Tensor2D];
    const norm = (p: Tensor2D, q: Tensor2D): Tensor => sum(square(matMul(p, q, true, false)));
    return stack([norm(b, a), norm(a, a), norm(b, b)]);
  });
  const [xy, xx, yy] = (await terms.data()) as unknown as [number, number, number];
  terms.dispose();
  return xy / Math.sqrt(xx * yy);
}

/**
 * The same by unbiased estimates of HSIC, which few rows do not raise; it may be slightly below 0.
 *
 * @param x - `[rows, features]`, at least 4 rows.
 * @throws {ShapeError} When the rows differ in number, or are fewer than 4.
 * @see Song et al. 2012, Feature Selection via Dependence Maximization, equation 5; Nguyen et al. 2021, arXiv:2010.15327, equation 3.
 */
export async function debiasedCka(x: Tensor2D, y: Tensor2D): Promise<number> {
  checkRows(x, y);
  if (x.shape[0] < 4) throw new ShapeError({ message: `debiasedCka: at least 4 rows are needed, got ${x.shape[0]}` });
  const terms = tidy(() => stack([unbiasedHsic(x, y), unbiasedHsic(x, x), unbiasedHsic(y, y)]));
  const [xy, xx, yy] = (await terms.data()) as unknown as [number, number, number];
  terms.dispose();
  return xy / Math.sqrt(xx * yy);
}

function checkRows(x: Tensor2D, y: Tensor2D): void {
  if (x.rank === 2 && y.rank === 2 && x.shape[0] === y.shape[0]) return;
  throw new ShapeError({ message: `cka: features of the same rows are needed, got [${x.shape}] and [${y.shape}]` });
}

/** Unbiased HSIC of linear kernels, a scalar, of at least 4 rows. */
function unbiasedHsic(x: Tensor2D, y: Tensor2D): Tensor {
  const n = x.shape[0];
  const kernel = (features: Tensor2D): Tensor2D => {
    const centred = sub(features, mean(features, 0)) as Tensor2D; // changes nothing but rounding
    const own = Float32Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 0 : 1));
    return mul(matMul(centred, centred, false, true), reshape(tensor1d(own), [n, n])) as Tensor2D;
  };
  const [k, l] = [kernel(x), kernel(y)];
  const [rowsK, rowsL] = [sum(k, 1), sum(l, 1)];
  const trace = sum(mul(k, l));
  const product = mul(sum(rowsK), sum(rowsL));
  const crossed = sum(mul(rowsK, rowsL));
  const whole = sub(add(trace, mul(product, 1 / ((n - 1) * (n - 2)))), mul(crossed, 2 / (n - 2)));
  return mul(whole, 1 / (n * (n - 3)));
}

/** Settings of `cka`. */
export interface CkaOptions {
  /** Whose outputs are compared. @default "block" */
  readonly role?: Role;
  /** The row of each sequence that stands for it. @default "mean" */
  readonly row?: StateRow;
  /**
   * `"debiased"`: unbiased HSIC of each batch, means of which are taken over batches before they are divided (batches of 4 rows at least);
   * `"biased"`: of all rows at once, by sums that stream. @default "debiased"
   */
  readonly estimate?: "debiased" | "biased";
}

/** Alignment of the layers of two models. */
export interface Cka {
  /** Names of the first model's sites, then of the second's. */
  readonly sites: readonly [readonly string[], readonly string[]];
  /** By site of the first and of the second model. */
  readonly matrix: readonly (readonly number[])[];
  /** Rows that were compared. */
  readonly rows: number;
}

/**
 * CKA of every pair of layers of two models on the same input.
 *
 * @param data - Batches for both. Batches of fewer than 4 rows are left out of the debiased estimate.
 * @throws {ConfigError} For roles that a model does not have, options that there are not, and too few rows.
 */
export async function cka(a: Watched, b: Watched, data: Batches<TokenBatch>, options: CkaOptions = {}): Promise<Cka> {
  checkOptions("cka", options, ["role", "row", "estimate"]);
  const { role = "block", row = "mean", estimate = "debiased" } = options;
  if (!["first", "last", "mean"].includes(row))
    throw new ConfigError({ message: `cka: row must be "first", "last" or "mean", got ${JSON.stringify(row)}` });
  if (estimate !== "debiased" && estimate !== "biased")
    throw new ConfigError({ message: `cka: estimate must be "debiased" or "biased", got ${JSON.stringify(estimate)}` });
  const features = compile((batch: TokenBatch) => tidy(() => featuresOf([a, b], batch, role, row)));
  const sums = new Map<string, Float64Array>();
  const found: { sites?: readonly [readonly string[], readonly string[]] } = {};
  let rows = 0;
  for await (const { batch } of data.epoch(0)) {
    const count = batch.ids.shape[0];
    let states: Record<string, Tensor> = {};
    try {
      if (estimate === "debiased" && count < 4) continue;
      states = features(batch);
      const names = (side: number): string[] =>
        Object.keys(states).flatMap((name) => (name.startsWith(`${side} `) ? [name.slice(2)] : []));
      found.sites ??= [names(0), names(1)];
      const terms = tidy(() => termsOf(states as Record<string, Tensor2D>, found.sites!, estimate));
      try {
        for (const [name, tensor] of Object.entries(terms)) addTo(sums, name, await tensor.data());
      } finally {
        dispose(terms);
      }
      rows += count;
    } finally {
      dispose([batch, states] as unknown as Tensor[]);
    }
  }
  if (rows < 4)
    throw new ConfigError({
      message: `cka: too few rows${estimate === "debiased" ? ", or batches of fewer than 4" : ""}: ${rows} were compared`,
    });
  const sites = found.sites!;
  const of = (left: string, right: string): number =>
    estimate === "debiased" ? sums.get(`${left} ${right}`)![0]! : squaredNorm(sums, left, right, rows);
  const matrix = sites[0].map((left) =>
    sites[1].map((right) => {
      const [x, y] = [`0 ${left}`, `1 ${right}`];
      return of(x, y) / Math.sqrt(of(x, x) * of(y, y));
    }),
  );
  return { sites, matrix, rows };
}

function addTo(sums: Map<string, Float64Array>, name: string, values: ArrayLike<number>): void {
  const own = sums.get(name) ?? new Float64Array(values.length);
  sums.set(name, own);
  for (let i = 0; i < values.length; i++) own[i]! += values[i]!;
}

function featuresOf(models: readonly Watched[], batch: TokenBatch, role: Role, row: StateRow): Record<string, Tensor> {
  const { labels: _, ...input } = batch;
  return Object.fromEntries(
    models.flatMap((model, side) => {
      const { output, captured } = capture(model, batch.targetIds === undefined && "labels" in batch ? batch : input, [
        role,
      ]);
      return [...captured].map(([path, hidden]): [string, Tensor] => [
        `${side} ${path}`,
        stateOf(hidden as Tensor3D, output, row),
      ]);
    }),
  );
}

function stateOf(
  hidden: Tensor3D,
  { mask, extra }: { readonly mask: Tensor2D; readonly extra: number },
  row: StateRow,
): Tensor {
  if (hidden.rank !== 3 || mask.shape[1] !== hidden.shape[1])
    throw new ShapeError({
      message: `cka: states of every row are needed, got [${hidden.shape}] for ${mask.shape[1]} rows`,
    });
  if (row === "last") return lastRow({ hidden, mask });
  if (row === "mean") return meanRow({ hidden, mask, extra });
  const [batch, , dModel] = hidden.shape;
  return reshape(slice(hidden, [0, extra, 0], [batch, 1, dModel]), [batch, dModel]);
}

/** What is summed over batches, for each pair of sites. */
function termsOf(
  states: Readonly<Record<string, Tensor2D>>,
  sites: Cka["sites"],
  estimate: "debiased" | "biased",
): Record<string, Tensor> {
  const left = sites[0].map((name) => `0 ${name}`);
  const right = sites[1].map((name) => `1 ${name}`);
  const pairs = [
    ...left.flatMap((x) => right.map((y) => [x, y] as const)),
    ...[...left, ...right].map((x) => [x, x] as const),
  ];
  if (estimate === "debiased")
    return Object.fromEntries(pairs.map(([x, y]) => [`${x} ${y}`, reshape(unbiasedHsic(states[x]!, states[y]!), [1])]));
  return Object.fromEntries([
    ...[...left, ...right].map((x) => [x, sum(states[x]!, 0)] as const),
    ...pairs.map(([x, y]) => [`${x} ${y}`, matMul(states[x]!, states[y]!, true, false)] as const),
  ]);
}

/** `‖Xᵀ Y‖²` of centred columns, from sums over rows. */
function squaredNorm(sums: ReadonlyMap<string, Float64Array>, x: string, y: string, rows: number): number {
  const [products, left, right] = [sums.get(`${x} ${y}`)!, sums.get(x)!, sums.get(y)!];
  let total = 0;
  for (let i = 0; i < left.length; i++)
    for (let j = 0; j < right.length; j++)
      total += (products[i * right.length + j]! - (left[i]! * right[j]!) / rows) ** 2;
  return total;
}
