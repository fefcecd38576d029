/**
 * Every function of one tensor and its gradient, over the whole range of float32, against the same in float64. The bounds
 * stand in the package's README, too.
 */
import * as tf from "@tensorflow/tfjs-core";
// @ts-expect-error A deep import without types: tfjs-core registers no gradients by itself, and vite resolves it.
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { afterAll, beforeAll, expect, test } from "vitest";
import "../index.ts";
import { hostValue } from "../graph.ts";
import { nativeKernels } from "../kernels/index.ts";
import { floats } from "./floats.fixture.ts";

beforeAll(async () => {
  await tf.setBackend("onnx");
});
afterAll(async () => {
  await tf.setBackend("cpu");
});

const { PI, SQRT1_2, abs, cosh, cos, exp, expm1, hypot, log1p, sign, sin, sqrt, tan, tanh } = Math;

const logistic = (x: number): number => (x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)));
const softplus = (x: number): number => Math.max(x, 0) + log1p(exp(-abs(x)));
/** The error function: its power series below 3, its continued fraction beyond. */
function erf(x: number): number {
  const a = abs(x);
  if (a < 3) {
    let [sum, term] = [0, a];
    for (let n = 0; n < 120; n++) {
      sum += term / (2 * n + 1);
      term *= (-a * a) / (n + 1);
    }
    return (sign(x) * 2 * sum) / sqrt(PI);
  }
  return sign(x) * (1 - complement(a));
}
/** 1 − erf for numbers from 3 on. */
function complement(a: number): number {
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction);
  return exp(-a * a) / sqrt(PI) / (a + fraction);
}
const normal = (x: number): number => (x < -3 * Math.SQRT2 ? complement(-x * SQRT1_2) / 2 : (1 + erf(x * SQRT1_2)) / 2);
const density = (x: number): number => exp((-x * x) / 2) / sqrt(2 * PI);
const gelu = (x: number): number => x * normal(x);
const [CUBIC, SCALE] = [0.044715, sqrt(2 / PI)];
const bend = (x: number): number => SCALE * (x + CUBIC * x ** 3);
const roundToEven = (x: number): number => (abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));
const [SELU, SELU_ALPHA] = [1.0507009873554805, 1.6732632423543772];

type Apply = (x: tf.Tensor) => tf.Tensor;
const custom =
  (kernel: string, attributes: object): Apply =>
  (x) =>
    tf.engine().runKernel(kernel, { x }, attributes as never);
const geluWith = (approximate: "none" | "tanh"): [Apply, Apply] => [
  custom("Gelu", { approximate }),
  (x) => tf.engine().runKernel("GeluGrad", { dy: tf.onesLike(x), x }, { approximate } as never),
];
const [exactGelu, exactGeluSlope] = geluWith("none");
const [tanhGelu, tanhGeluSlope] = geluWith("tanh");

interface Curve {
  readonly apply: Apply;
  readonly value: (x: number) => number;
  /** Relative error of values at most. */
  readonly error: number;
  /** The derivative; absent where it is 0 or the sign. */
  readonly slope?: (x: number) => number;
  /** Relative error of gradients at most … */
  readonly slopeError?: number;
  /** … and what is added to that where tfjs-core's formula cancels. */
  readonly slopeOff?: number;
  /** Values are off by that besides. */
  readonly off?: number;
  /** The gradient as a kernel, where tfjs-core has none. */
  readonly gradient?: Apply;
  /** Where the function is defined, and its gradient's formula holds. */
  readonly domain?: (x: number) => boolean;
}

/** Half a unit in the last place of float32: results of one correctly rounded operation. */
const ROUNDED = 6e-8;
/** A few of them: polynomials of the runtime, and short formulas. */
const CLOSE = 5e-7;

const curves: Readonly<Record<string, Curve>> = {
  Abs: { apply: tf.abs, value: abs, error: 0 },
  Acos: {
    apply: tf.acos,
    value: Math.acos,
    error: CLOSE,
    slope: (x) => -1 / sqrt((1 - x) * (1 + x)),
    slopeError: 1e-4,
    domain: (x) => abs(x) < 1 - 1e-4,
  },
  Acosh: {
    apply: tf.acosh,
    value: Math.acosh,
    error: CLOSE,
    slope: (x) => 1 / sqrt((x - 1) * (x + 1)),
    slopeError: 1e-4,
    domain: (x) => x > 1 + 1e-4 && x < 1e19,
  },
  Asin: {
    apply: tf.asin,
    value: Math.asin,
    error: CLOSE,
    slope: (x) => 1 / sqrt((1 - x) * (1 + x)),
    slopeError: 1e-4,
    domain: (x) => abs(x) < 1 - 1e-4,
  },
  Asinh: {
    apply: tf.asinh,
    value: Math.asinh,
    error: CLOSE,
    slope: (x) => 1 / hypot(1, x),
    slopeError: CLOSE,
    domain: (x) => abs(x) < 1e19,
  },
  Atan: { apply: tf.atan, value: Math.atan, error: CLOSE, slope: (x) => 1 / (1 + x * x), slopeError: CLOSE },
  Atanh: {
    apply: tf.atanh,
    value: Math.atanh,
    error: CLOSE,
    slope: (x) => 1 / ((1 - x) * (1 + x)),
    slopeError: 2e-4,
    domain: (x) => abs(x) < 1 - 1e-4,
  },
  Ceil: { apply: tf.ceil, value: Math.ceil, error: 0 },
  ClipByValue: { apply: (x) => tf.clipByValue(x, -2, 3), value: (x) => Math.min(Math.max(x, -2), 3), error: 0 },
  Cos: { apply: tf.cos, value: cos, error: CLOSE, slope: (x) => -sin(x), slopeError: CLOSE },
  Cosh: { apply: tf.cosh, value: cosh, error: CLOSE, slope: Math.sinh, slopeError: CLOSE },
  Elu: {
    apply: tf.elu,
    value: (x) => (x >= 0 ? x : expm1(x)),
    error: CLOSE,
    slope: (x) => (x >= 0 ? 1 : exp(x)),
    slopeError: CLOSE,
    slopeOff: 2e-7,
  },
  Erf: { apply: tf.erf, value: erf, error: CLOSE, slope: (x) => (2 / sqrt(PI)) * exp(-x * x), slopeError: 5e-6 },
  Exp: { apply: tf.exp, value: exp, error: CLOSE, slope: exp, slopeError: CLOSE },
  Expm1: { apply: tf.expm1, value: expm1, error: CLOSE, slope: exp, slopeError: CLOSE },
  Floor: { apply: tf.floor, value: Math.floor, error: 0 },
  Gelu: {
    apply: exactGelu,
    value: gelu,
    error: CLOSE,
    off: 3e-7,
    slope: (x) => normal(x) + x * density(x),
    slopeError: CLOSE,
    slopeOff: 5e-7,
    gradient: exactGeluSlope,
    domain: (x) => abs(x) < 1e18,
  },
  "Gelu by tanh": {
    apply: tanhGelu,
    value: (x) => x * logistic(2 * bend(x)),
    error: CLOSE,
    off: 1e-6,
    slope: (x) => {
      const p = logistic(2 * bend(x));
      return p + 2 * x * p * logistic(-2 * bend(x)) * SCALE * (1 + 3 * CUBIC * x * x);
    },
    slopeError: CLOSE,
    slopeOff: 5e-6,
    gradient: tanhGeluSlope,
    domain: (x) => abs(x) < 1e6,
  },
  LeakyRelu: {
    apply: (x) => tf.leakyRelu(x, 0.3),
    value: (x) => (x >= 0 ? x : Math.fround(0.3) * x),
    error: ROUNDED,
    slope: (x) => (x > 0 ? 1 : Math.fround(0.3)),
    slopeError: 0,
  },
  Log: { apply: tf.log, value: Math.log, error: CLOSE, slope: (x) => 1 / x, slopeError: ROUNDED, domain: (x) => x > 0 },
  Log1p: {
    apply: tf.log1p,
    value: log1p,
    error: CLOSE,
    slope: (x) => 1 / (1 + x),
    slopeError: CLOSE,
    domain: (x) => x > -1,
  },
  LogSigmoid: {
    apply: tf.logSigmoid,
    value: (x) => -softplus(-x),
    error: CLOSE,
    slope: (x) => logistic(-x),
    slopeError: CLOSE,
  },
  Neg: { apply: tf.neg, value: (x) => -x, error: 0, slope: () => -1, slopeError: 0 },
  Prelu: {
    apply: (x) => tf.prelu(x, tf.scalar(0.3)),
    value: (x) => (x >= 0 ? x : Math.fround(0.3) * x),
    error: ROUNDED,
  },
  Reciprocal: {
    apply: tf.reciprocal,
    value: (x) => 1 / x,
    error: ROUNDED,
    slope: (x) => -1 / (x * x),
    slopeError: CLOSE,
  },
  Relu: { apply: tf.relu, value: (x) => Math.max(x, 0), error: 0, slope: (x) => (x > 0 ? 1 : 0), slopeError: 0 },
  Relu6: {
    apply: tf.relu6,
    value: (x) => Math.min(Math.max(x, 0), 6),
    error: 0,
    slope: (x) => (x > 0 && x <= 6 ? 1 : 0),
    slopeError: 0,
  },
  Round: { apply: tf.round, value: roundToEven, error: 0 },
  Rsqrt: {
    apply: tf.rsqrt,
    value: (x) => 1 / sqrt(x),
    error: CLOSE,
    slope: (x) => -0.5 / (x * sqrt(x)),
    slopeError: CLOSE,
    domain: (x) => x > 0,
  },
  Selu: {
    apply: tf.selu,
    value: (x) => SELU * (x >= 0 ? x : SELU_ALPHA * expm1(x)),
    error: CLOSE,
    slope: (x) => SELU * (x > 0 ? 1 : SELU_ALPHA * exp(x)),
    slopeError: CLOSE,
  },
  Sigmoid: {
    apply: tf.sigmoid,
    value: logistic,
    error: CLOSE,
    slope: (x) => logistic(x) * logistic(-x),
    slopeError: CLOSE,
    slopeOff: 1e-7,
  },
  Sign: { apply: tf.sign, value: sign, error: 0 },
  Sin: { apply: tf.sin, value: sin, error: CLOSE, slope: cos, slopeError: CLOSE },
  Sinh: { apply: tf.sinh, value: Math.sinh, error: CLOSE, slope: cosh, slopeError: CLOSE },
  Softplus: { apply: tf.softplus, value: softplus, error: CLOSE, slope: logistic, slopeError: CLOSE },
  Sqrt: {
    apply: tf.sqrt,
    value: sqrt,
    error: ROUNDED,
    slope: (x) => 0.5 / sqrt(x),
    slopeError: CLOSE,
    domain: (x) => x > 0,
  },
  Square: { apply: tf.square, value: (x) => x * x, error: ROUNDED, slope: (x) => 2 * x, slopeError: 0 },
  Step: { apply: (x) => tf.step(x, 0.5), value: (x) => (x > 0 ? 1 : 0.5), error: 0 },
  Tan: { apply: tf.tan, value: tan, error: ROUNDED, slope: (x) => 1 / cos(x) ** 2, slopeError: CLOSE },
  Tanh: {
    apply: tf.tanh,
    value: tanh,
    error: CLOSE,
    slope: (x) => 1 / cosh(x) ** 2,
    slopeError: CLOSE,
    slopeOff: 6e-7,
  },
};

/** Results below this are compared with it: within 2^26 of the least normal number, formulas lose digits. */
const TINY = 2 ** -100;

/** The worst of some results, and where: its error over what is allowed, at most 1. */
function worstOf(
  got: ArrayLike<number>,
  inputs: readonly number[],
  want: (x: number) => number,
  relative: number,
  absolute: number,
): { excess: number; at: string } {
  let [excess, at] = [0, ""];
  inputs.forEach((x, i) => {
    const [made, expected] = [got[i]!, want(x)];
    const rounded = Math.fround(expected);
    const isExact = Object.is(made, rounded) || made === rounded;
    // On the edge of overflow either side is right.
    const isEdge = abs(abs(expected) - 3.4028235e38) < 1e-5 * 3.4028235e38;
    const allowed = relative * Math.max(abs(expected), TINY) + absolute;
    const error = isExact || (isEdge && abs(made) > 3.4e38) ? 0 : abs(made - expected) / allowed;
    if (error <= excess) return; // not a number counts as the worst
    [excess, at] = [Number.isNaN(error) ? Number.POSITIVE_INFINITY : error, `f(${x}) = ${made}, not ${expected}`];
  });
  return { excess, at };
}

const points = floats();

const inputsOf = ({ domain }: Curve): number[] => (domain === undefined ? points : points.filter(domain));

test.each(Object.entries(curves))("%s is within its bound of float64 over the whole range", (_, curve) => {
  const inputs = inputsOf(curve);
  tf.tidy(() => {
    const made = curve.apply(tf.tensor1d(inputs)).dataSync();
    const { excess, at } = worstOf(made, inputs, curve.value, curve.error, curve.off ?? 0);
    expect(excess, at).toBeLessThanOrEqual(1);
  });
});

const withSlopes = Object.entries(curves).filter(([, { slope }]) => slope !== undefined);

test.each(withSlopes)("%s has a gradient within its bound over the whole range", (_, curve) => {
  const { apply, gradient, slope, slopeError = 0, slopeOff = 0 } = curve;
  const inputs = inputsOf(curve);
  tf.tidy(() => {
    const x = tf.tensor1d(inputs);
    const slopes = gradient === undefined ? tf.grad((y: tf.Tensor) => apply(y))(x) : gradient(x);
    const { excess, at } = worstOf(slopes.dataSync(), inputs, slope!, slopeError, slopeOff);
    expect(excess, at).toBeLessThanOrEqual(1);
  });
});

test("no native function of one tensor is left out", () => {
  /** Tested elsewhere: they move elements, reduce or compare, or make integers of floats. */
  const others =
    /^(AddN|Concat|Range|LinSpace|Fill|Cast|Identity|Reshape|ExpandDims|Transpose|Reverse|Tile|Slice|StridedSlice|Pack|Unpack|SplitV|PadV2|MirrorPad|SpaceToBatchND|BatchToSpaceND|DepthToSpace|Sum|Mean|Max|Min|Prod|All|Any|ArgMax|ArgMin|Cumsum|IsNan|IsInf|IsFinite|LogicalNot|ZerosLike|OnesLike|TopK|MaxPool|AvgPool|Softmax|LogSoftmax)$/;
  const swept = new Set(Object.keys(curves));
  const x = { shape: [1], dtype: "float32" as const, value: hostValue(Float32Array.of(0.5), [1], "float32") };
  const alone = Object.entries(nativeKernels).flatMap(([name, trace]) => {
    try {
      trace({ x }, {});
      return [name];
    } catch {
      return []; // it reads another input
    }
  });
  expect(alone.filter((name) => !swept.has(name) && !others.test(name))).toEqual([]);
});

test("a logistic regression written out trains where its model is sure", () => {
  tf.tidy(() => {
    const x = tf.tensor1d([-40, -20, -2, 2]);
    const loss = (w: tf.Tensor): tf.Scalar => tf.neg(tf.mean(tf.log(tf.sigmoid(tf.mul(w, x)))));
    const { value, grad } = tf.valueAndGrad(loss)(tf.scalar(1));
    const expected = [40, 20].reduce((sum, z) => sum + z, softplus(2) + softplus(-2)) / 4;
    expect(value.dataSync()[0]! / expected).toBeCloseTo(1, 6);
    const slope = [-40, -20, -2, 2].reduce((sum, z) => sum - z * logistic(-z), 0) / 4;
    expect(grad.dataSync()[0]! / slope).toBeCloseTo(1, 6);
  });
});
