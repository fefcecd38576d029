/** Element-wise kernels against their definitions in float64: broadcasting, ranks 0 to 6, empty tensors, NaN, infinities. */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { backendReport } from "../register.ts";
import { onOnnx } from "./on-onnx.fixture.ts";
import {
  at,
  broadcast,
  broadcastable,
  build,
  type Case,
  type Cases,
  compare,
  elements,
  floats,
  holds,
  type Plain,
  plains,
  shapes,
  type Tolerance,
} from "./plain.fixture.ts";

onOnnx();

type T = tf.Tensor;

const binary = (run: (a: T, b: T) => T, element: (a: number, b: number) => number, dtype?: Plain["dtype"]): Case => ({
  run: run as Case["run"],
  define: ((a: Plain, b: Plain) =>
    build(broadcast(a.shape, b.shape), dtype ?? a.dtype, (index) =>
      element(at(a, index), at(b, index)),
    )) as Case["define"],
});
const unary = (
  run: (x: T) => T,
  element: (x: number) => number,
  { dtype, ...tolerance }: Tolerance & { dtype?: Plain["dtype"] } = {},
): Case => ({
  run: run as Case["run"],
  define: ((x: Plain) => build(x.shape, dtype ?? x.dtype, (index) => element(at(x, index)))) as Case["define"],
  tolerance,
});

/** tfjs's remainder has the sign of the divisor. */
const modulo = (a: number, b: number): number => ((a >= 0 && b >= 0) || (a < 0 && b < 0) ? a % b : ((a % b) + b) % b);

const comparisons: Cases = {
  equal: binary(tf.equal, (a, b) => Number(a === b), "bool"),
  notEqual: binary(tf.notEqual, (a, b) => Number(a !== b), "bool"),
  greater: binary(tf.greater, (a, b) => Number(a > b), "bool"),
  greaterEqual: binary(tf.greaterEqual, (a, b) => Number(a >= b), "bool"),
  less: binary(tf.less, (a, b) => Number(a < b), "bool"),
  lessEqual: binary(tf.lessEqual, (a, b) => Number(a <= b), "bool"),
};

const arithmetic: Cases = {
  add: binary(tf.add, (a, b) => a + b),
  sub: binary(tf.sub, (a, b) => a - b),
  mul: binary(tf.mul, (a, b) => a * b),
  maximum: binary(tf.maximum, Math.max),
  minimum: binary(tf.minimum, Math.min),
  squaredDifference: binary(tf.squaredDifference, (a, b) => (a - b) ** 2),
  floorDiv: binary(tf.floorDiv, (a, b) => Math.floor(a / b), "int32"),
  mod: binary(tf.mod, modulo),
};

const pairsOf = (dtype: Plain["dtype"]): fc.Arbitrary<[Plain, Plain]> =>
  broadcastable().chain(([a, b]) => fc.tuple(plains(a, dtype), plains(b, dtype)));

test("arithmetic and comparisons of float32 broadcast, and keep NaN and infinities", () => {
  const cases = { ...arithmetic, ...comparisons, div: binary(tf.div, (a, b) => a / b) };
  holds(pairsOf("float32"), (pair) => compare(cases, pair), 100);
});

test("arithmetic and comparisons of int32 are exact, division by zero included", () => {
  holds(
    pairsOf("int32"),
    (pair) => compare({ ...arithmetic, ...comparisons, div: arithmetic["floorDiv"]! }, pair),
    100,
  );
});

test("the smallest integer over minus one does not stop the process", () => {
  const [lowest, minusOne] = [-(2 ** 31), -1].map(
    (element): Plain => ({ shape: [1], dtype: "int32", data: [element] }),
  );
  compare({ floorDiv: arithmetic["floorDiv"]!, mod: arithmetic["mod"]! }, [lowest!, minusOne!]);
});

test("logic and comparisons of booleans", () => {
  const logic = {
    ...comparisons,
    logicalAnd: binary(tf.logicalAnd, (a, b) => a & b, "bool"),
    logicalOr: binary(tf.logicalOr, (a, b) => a | b, "bool"),
    logicalXor: binary(tf.logicalXor, (a, b) => a ^ b, "bool"),
  };
  holds(pairsOf("bool"), (pair) => compare(logic, pair));
});

test("powers of positive numbers", () => {
  const pairs = broadcastable().chain(([a, b]) =>
    fc.tuple(plains(a, "float32", floats({ low: 0.01, odd: false })), plains(b, "float32", floats({ odd: false }))),
  );
  holds(pairs, (pair) => compare({ pow: { ...binary(tf.pow, Math.pow), tolerance: { relative: 1e-5 } } }, pair));
});

/** Rounds halves to even. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The error function by its series, and its complement's continued fraction far out. */
function erf(x: number): number {
  if (!Number.isFinite(x)) return Math.sign(x);
  if (Math.abs(x) > 6) return Math.sign(x);
  let [sum, term] = [x, x];
  for (let n = 1; n < 200; n++) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
  }
  return Math.abs(x) > 4 ? Math.sign(x) : (2 / Math.sqrt(Math.PI)) * sum;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const elu = (x: number): number => (x >= 0 || Number.isNaN(x) ? x : Math.expm1(x));
const [SELU_ALPHA, SELU_SCALE] = [1.6732632423543772, 1.0507009873554805];

const everywhere: Cases = {
  abs: unary(tf.abs, Math.abs),
  neg: unary(tf.neg, (x) => -x),
  sign: unary(tf.sign, (x) => Math.sign(x) || 0),
  floor: unary(tf.floor, Math.floor),
  ceil: unary(tf.ceil, Math.ceil),
  round: unary(tf.round, roundHalfEven),
  square: unary(tf.square, (x) => x * x),
  reciprocal: unary(tf.reciprocal, (x) => 1 / x),
  exp: unary(tf.exp, Math.exp),
  expm1: unary(tf.expm1, Math.expm1),
  log: unary(tf.log, Math.log),
  log1p: unary(tf.log1p, Math.log1p),
  sqrt: unary(tf.sqrt, Math.sqrt),
  rsqrt: unary(tf.rsqrt, (x) => 1 / Math.sqrt(x)),
  tanh: unary(tf.tanh, Math.tanh),
  sigmoid: unary(tf.sigmoid, sigmoid),
  logSigmoid: unary(tf.logSigmoid, (x) => (x < -700 ? x : -Math.log1p(Math.exp(-x)))),
  softplus: unary(tf.softplus, (x) => (x > 700 ? x : Math.log1p(Math.exp(x)))),
  erf: unary(tf.erf, erf),
  asin: unary(tf.asin, Math.asin),
  acos: unary(tf.acos, Math.acos),
  atan: unary(tf.atan, Math.atan),
  asinh: unary(tf.asinh, Math.asinh),
  acosh: unary(tf.acosh, Math.acosh),
  atanh: unary(tf.atanh, Math.atanh),
  sinh: unary(tf.sinh, Math.sinh),
  cosh: unary(tf.cosh, Math.cosh),
  relu: unary(tf.relu, (x) => Math.max(0, x)),
  relu6: unary(tf.relu6, (x) => Math.min(Math.max(0, x), 6)),
  elu: unary(tf.elu, elu),
  selu: unary(tf.selu, (x) => (x >= 0 || Number.isNaN(x) ? SELU_SCALE * x : SELU_SCALE * SELU_ALPHA * Math.expm1(x))),
  leakyRelu: unary(
    (x) => tf.leakyRelu(x, 0.3),
    (x) => (x < 0 ? 0.3 * x : x),
  ),
  step: unary(tf.step, (x) => (Number.isNaN(x) ? x : Number(x > 0))),
  "step with a slope": unary(
    (x) => tf.step(x, -1.5),
    (x) => (Number.isNaN(x) ? x : x > 0 ? 1 : -1.5),
  ),
  clipByValue: unary(
    (x) => tf.clipByValue(x, -0.5, 1),
    (x) => Math.min(Math.max(x, -0.5), 1),
  ),
  isNaN: unary(tf.isNaN, (x) => Number(Number.isNaN(x)), { dtype: "bool" }),
  isInf: unary(tf.isInf, (x) => Number(Math.abs(x) === Infinity), { dtype: "bool" }),
  isFinite: unary(tf.isFinite, (x) => Number(Number.isFinite(x)), { dtype: "bool" }),
  "cast to int32": unary(
    (x) => tf.cast(x, "int32"),
    (x) => x | 0,
    { dtype: "int32" },
  ),
  "cast to bool": unary(
    (x) => tf.cast(x, "bool"),
    (x) => Number(x !== 0),
    { dtype: "bool" },
  ),
};

test("functions of float32 agree with their definitions, at NaN, infinities and extremes too", () => {
  holds(
    shapes().chain((shape) => plains(shape)),
    (x) => compare(everywhere, [x]),
    100,
  );
});

test("small arguments keep their digits", () => {
  const tiny = shapes().chain((shape) => plains(shape, "float32", floats({ low: -1e-4, high: 1e-4, odd: false })));
  const cases = Object.fromEntries(
    ["expm1", "log1p", "tanh", "asinh", "atanh", "sinh", "erf"].map((name) => [
      name,
      { ...everywhere[name]!, tolerance: { absolute: 1e-12, relative: 1e-6 } },
    ]),
  );
  holds(tiny, (x) => compare(cases, [x]));
});

test("circular functions agree with their definitions far from zero", () => {
  const angles = shapes().chain((shape) => plains(shape, "float32", floats({ low: -1e4, high: 1e4, odd: false })));
  const cases = {
    sin: unary(tf.sin, Math.sin),
    cos: unary(tf.cos, Math.cos),
    tan: unary(tf.tan, Math.tan),
  };
  holds(angles, (x) => compare(cases, [x]));
});

test("functions of int32 keep what tfjs keeps", () => {
  const cases = {
    abs: everywhere["abs"]!,
    neg: everywhere["neg"]!,
    sign: everywhere["sign"]!,
    square: everywhere["square"]!,
    relu: everywhere["relu"]!,
    relu6: everywhere["relu6"]!,
    step: everywhere["step"]!,
    round: everywhere["round"]!,
    "clip to fractions": unary(
      (x) => tf.clipByValue(x, -1.5, 2.5),
      (x) => Math.min(Math.max(x, -1.5), 2.5),
    ),
    "clip to nothing": unary(
      (x) => tf.clipByValue(x, -Infinity, Infinity),
      (x) => x,
    ),
    exp: unary(tf.exp, Math.exp, { dtype: "float32" }),
    "cast to float32": unary(
      (x) => tf.cast(x, "float32"),
      (x) => x,
      { dtype: "float32" },
    ),
    "cast to bool": unary(
      (x) => tf.cast(x, "bool"),
      (x) => Number(x !== 0),
      { dtype: "bool" },
    ),
  };
  holds(
    shapes().chain((shape) => plains(shape, "int32")),
    (x) => compare(cases, [x]),
  );
});

test("booleans are cast, negated and added as tfjs does it", () => {
  const cases = {
    logicalNot: unary(tf.logicalNot, (x) => 1 - x),
    "cast to float32": unary(
      (x) => tf.cast(x, "float32"),
      (x) => x,
      { dtype: "float32" },
    ),
    "cast to int32": unary(
      (x) => tf.cast(x, "int32"),
      (x) => x,
      { dtype: "int32" },
    ),
  };
  holds(
    shapes().chain((shape) => plains(shape, "bool")),
    (x) => compare(cases, [x]),
  );
});

test("floats out of range become integers as JavaScript converts them", () => {
  const data = [
    3e9,
    -3e9,
    2 ** 31,
    -(2 ** 31),
    2 ** 32 + 512,
    2 ** 62,
    2 ** 63,
    2 ** 64,
    1e20,
    -1e38,
    NaN,
    Infinity,
    -Infinity,
  ];
  compare({ cast: everywhere["cast to int32"]! }, [
    { shape: [data.length], dtype: "float32", data: data.map(Math.fround) },
  ]);
});

test("a choice takes each element from one side, for every type and by rows", () => {
  const dtypes = fc.constantFrom<Plain["dtype"]>("float32", "int32", "bool");
  const choices = fc
    .tuple(shapes(), dtypes)
    .chain(([shape, dtype]) =>
      fc.tuple(plains(shape, "bool"), plains(shape, dtype, elements(dtype)), plains(shape, dtype, elements(dtype))),
    );
  const where: Case = {
    run: ((c: T, a: T, b: T) => tf.where(c, a, b)) as Case["run"],
    define: ((c: Plain, a: Plain, b: Plain) =>
      build(a.shape, a.dtype, (index) => (at(c, index) === 1 ? at(a, index) : at(b, index)))) as Case["define"],
  };
  holds(choices, (inputs) => compare({ where }, inputs));
});

test("slopes of negative elements are broadcast", () => {
  const prelu = binary(tf.prelu as (x: T, alpha: T) => T, (x, alpha) => (x < 0 ? alpha * x : x));
  const pairs = shapes({ minRank: 1 }).chain((shape) =>
    fc.tuple(
      plains(shape),
      plains(
        shape.slice(1).map((dimension, axis) => (axis === 0 ? 1 : dimension)),
        "float32",
        floats({ odd: false }),
      ),
    ),
  );
  holds(pairs, (pair) => compare({ prelu }, pair));
});

test("none of these runs on the plain backend, but booleans' arithmetic", () => {
  const before = { ...backendReport().fallback };
  tf.tidy(() => {
    const x = tf.tensor1d([1, -2, 3]);
    for (const { run } of Object.values(everywhere)) (run as (x: T) => T)(x);
    for (const { run } of Object.values({ ...arithmetic, ...comparisons })) (run as (a: T, b: T) => T)(x, x);
  });
  expect(backendReport().fallback).toEqual(before);
});
