/**
 * Logistic regression with an L2 penalty, to convergence: Newton's method, whose linear systems conjugate gradients
 * solve without ever forming the Hessian. The problem is strictly convex in the weights, so there is one answer.
 */
import { multiply, multiplyTransposed, type SparseRows } from "./sparse.ts";

/** A fitted classifier: `P(1 | x) = sigmoid(w·x + b)`. */
export interface LogisticModel {
  readonly weights: Float64Array;
  readonly bias: number;
}

/** A point in the space of weights and bias. */
interface Point {
  readonly w: Float64Array;
  readonly b: number;
}

const sigmoid = (z: number): number => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)));
/** `log(1 + e^z)` without overflow. */
const softplus = (z: number): number => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));

function dot(p: Point, q: Point): number {
  let sum = p.b * q.b;
  for (let i = 0; i < p.w.length; i++) sum += p.w[i]! * q.w[i]!;
  return sum;
}

/** `p + factor · q`. */
const axpy = (factor: number, q: Point, p: Point): Point => ({
  w: p.w.map((value, i) => value + factor * q.w[i]!),
  b: p.b + factor * q.b,
});

/** Mean loss in nats a row, plus `penalty / 2 · |w|²`. */
function objective(rows: SparseRows, targets: Float64Array, penalty: number, { w, b }: Point): number {
  const scores = multiply(rows, w, b);
  let loss = 0;
  for (let i = 0; i < scores.length; i++) loss += softplus(scores[i]!) - targets[i]! * scores[i]!;
  let square = 0;
  for (const weight of w) square += weight * weight;
  return loss / rows.rowCount + (penalty / 2) * square;
}

/** The gradient, and the curvature of each row's loss. */
function derivatives(
  rows: SparseRows,
  targets: Float64Array,
  penalty: number,
  { w, b }: Point,
): { gradient: Point; curvature: Float64Array } {
  const scores = multiply(rows, w, b);
  const errors = new Float64Array(scores.length);
  const curvature = new Float64Array(scores.length);
  let errorSum = 0;
  for (let i = 0; i < scores.length; i++) {
    const p = sigmoid(scores[i]!);
    errors[i] = (p - targets[i]!) / rows.rowCount;
    curvature[i] = Math.max(p * (1 - p), 1e-12) / rows.rowCount;
    errorSum += errors[i]!;
  }
  const gradient = multiplyTransposed(rows, errors).map((value, i) => value + penalty * w[i]!);
  return { gradient: { w: gradient, b: errorSum }, curvature };
}

/** Solves `H s = −gradient` with `H = Xᵀ diag(curvature) X + penalty` by conjugate gradients, `O(entries)` an iteration. */
function newtonStep(rows: SparseRows, penalty: number, gradient: Point, curvature: Float64Array): Point {
  const multiplyHessian = ({ w, b }: Point): Point => {
    const weighted = multiply(rows, w, b).map((value, i) => value * curvature[i]!);
    return {
      w: multiplyTransposed(rows, weighted).map((value, i) => value + penalty * w[i]!),
      b: weighted.reduce((sum, value) => sum + value, 0),
    };
  };
  let step: Point = { w: new Float64Array(gradient.w.length), b: 0 };
  let residual: Point = { w: gradient.w.map((value) => -value), b: -gradient.b };
  let direction = residual;
  let square = dot(residual, residual);
  const enough = square * 1e-6;
  for (let i = 0; i < 200 && square > enough; i++) {
    const image = multiplyHessian(direction);
    const length = square / dot(direction, image);
    step = axpy(length, direction, step);
    residual = axpy(-length, image, residual);
    const next = dot(residual, residual);
    direction = axpy(next / square, direction, residual);
    square = next;
  }
  return step;
}

/**
 * Minimises the mean logistic loss plus `penalty / 2 · |w|²`; the bias is free.
 *
 * @param rows - Features, one example a row.
 * @param targets - 0 or 1, one a row.
 * @param penalty - Above 0.
 */
export function fitLogisticRegression(rows: SparseRows, targets: Float64Array, penalty: number): LogisticModel {
  let point: Point = { w: new Float64Array(rows.columnCount), b: 0 };
  let value = objective(rows, targets, penalty, point);
  for (let iteration = 0; iteration < 100; iteration++) {
    const { gradient, curvature } = derivatives(rows, targets, penalty, point);
    if (Math.sqrt(dot(gradient, gradient)) < 1e-8) break;
    const step = newtonStep(rows, penalty, gradient, curvature);
    const slope = dot(gradient, step);
    let length = 1;
    let next = axpy(length, step, point);
    let nextValue = objective(rows, targets, penalty, next);
    while (nextValue > value + 1e-4 * length * slope && length > 1e-10) {
      length /= 2;
      next = axpy(length, step, point);
      nextValue = objective(rows, targets, penalty, next);
    }
    if (nextValue >= value) break; // no further down in double precision
    point = next;
    value = nextValue;
  }
  return { weights: point.w, bias: point.b };
}

/** Scores `w·x + b`, in nats of log-odds; above 0 means class 1. */
export const scoreRows = (model: LogisticModel, rows: SparseRows): Float64Array =>
  multiply(rows, model.weights, model.bias);
