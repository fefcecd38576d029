/** Gradients of element-wise kernels against central differences of their definitions. */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { test } from "vitest";
import {
  binary,
  compareAll,
  compareGradients,
  type Differentiable,
  positive,
  smooth,
  unary,
} from "./differences.fixture.ts";
import { onOnnx } from "./on-onnx.fixture.ts";
import { at, broadcastable, build, floats, holds, type Plain, plains, shapes } from "./plain.fixture.ts";

onOnnx();

type T = tf.Tensor;

/** The error function by its series, for small arguments. */
function erf(x: number): number {
  let [sum, term] = [x, x];
  for (let n = 1; n < 40; n++) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

test("arithmetic sums its gradients over what was broadcast", () => {
  const cases = {
    add: binary(tf.add, (a, b) => a + b),
    sub: binary(tf.sub, (a, b) => a - b),
    mul: binary(tf.mul, (a, b) => a * b),
    div: binary(tf.div, (a, b) => a / b),
    atan2: binary(tf.atan2, Math.atan2),
  };
  const pairs = broadcastable({ empty: false }).chain(([a, b]) =>
    fc.tuple(plains(a, "float32", smooth), plains(b, "float32", positive)),
  );
  holds(pairs, (pair) => compareAll(cases, pair), 15);
});

test("functions of one tensor", () => {
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  const cases = {
    abs: unary(tf.abs, Math.abs),
    neg: unary(tf.neg, (x) => -x),
    exp: unary(tf.exp, Math.exp),
    expm1: unary(tf.expm1, Math.expm1),
    square: unary(tf.square, (x) => x * x),
    reciprocal: unary(tf.reciprocal, (x) => 1 / x),
    tanh: unary(tf.tanh, Math.tanh),
    sigmoid: unary(tf.sigmoid, sigmoid),
    softplus: unary(tf.softplus, (x) => Math.log1p(Math.exp(x))),
    logSigmoid: unary(tf.logSigmoid, (x) => -Math.log1p(Math.exp(-x))),
    sin: unary(tf.sin, Math.sin),
    cos: unary(tf.cos, Math.cos),
    relu: unary(tf.relu, (x) => Math.max(x, 0)),
    relu6: unary(tf.relu6, (x) => Math.min(Math.max(x, 0), 6)),
    leakyRelu: unary(
      (x) => tf.leakyRelu(x, 0.3),
      (x) => (x < 0 ? 0.3 * x : x),
    ),
    elu: unary(tf.elu, (x) => (x < 0 ? Math.expm1(x) : x)),
    selu: unary(tf.selu, (x) => 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * Math.expm1(x) : x)),
    step: unary(tf.step, (x) => Number(x > 0)),
    sign: unary(tf.sign, Math.sign),
    atan: unary(tf.atan, Math.atan),
    asinh: unary(tf.asinh, Math.asinh),
    sinh: unary(tf.sinh, Math.sinh),
    cosh: unary(tf.cosh, Math.cosh),
    clipByValue: unary(
      (x) => tf.clipByValue(x, -0.1, 0.1),
      (x) => Math.min(Math.max(x, -0.1), 0.1),
    ),
  };
  holds(
    shapes().chain((shape) => plains(shape, "float32", smooth)),
    (x) => compareAll(cases, [x]),
    8,
  );
  const ofPositive = {
    log: unary(tf.log, Math.log),
    log1p: unary(tf.log1p, Math.log1p),
    sqrt: unary(tf.sqrt, Math.sqrt),
    rsqrt: unary(tf.rsqrt, (x) => 1 / Math.sqrt(x)),
    pow: unary(
      (x) => tf.pow(x, 2.5),
      (x) => x ** 2.5,
    ),
  };
  holds(
    shapes().chain((shape) => plains(shape, "float32", positive)),
    (x) => compareAll(ofPositive, [x]),
    8,
  );
});

test("functions with poles and kinks elsewhere", () => {
  const inside = floats({ low: -0.9, high: 0.9, odd: false });
  const small = shapes({ maxRank: 3 });
  holds(
    small.chain((shape) => plains(shape, "float32", inside)),
    (x) =>
      compareAll(
        {
          asin: unary(tf.asin, Math.asin),
          acos: unary(tf.acos, Math.acos),
          atanh: unary(tf.atanh, Math.atanh),
          tan: unary(tf.tan, Math.tan),
          erf: unary(tf.erf, erf),
        },
        [x],
      ),
    8,
  );
  holds(
    small.chain((shape) => plains(shape, "float32", floats({ low: 1.1, high: 3, odd: false }))),
    (x) => compareAll({ acosh: unary(tf.acosh, Math.acosh) }, [x]),
    8,
  );
  // Steps between integers: no slope.
  holds(
    small.chain((shape) => plains(shape, "float32", floats({ low: 0.1, high: 0.4, odd: false }))),
    (x) =>
      compareAll(
        { floor: unary(tf.floor, Math.floor), ceil: unary(tf.ceil, Math.ceil), round: unary(tf.round, Math.round) },
        [x],
      ),
    4,
  );
});

test("the larger and the smaller of two, remainders and powers, for either side", () => {
  const cases = {
    pow: binary(tf.pow, Math.pow),
  };
  // tfjs-core does not sum these gradients over what was broadcast.
  const ofEqualShapes = {
    maximum: binary(tf.maximum, Math.max),
    minimum: binary(tf.minimum, Math.min),
    squaredDifference: binary(tf.squaredDifference, (a, b) => (a - b) ** 2),
  };
  // Far enough apart that no step exchanges the two.
  const low = floats({ low: 0.3, high: 0.9, odd: false });
  const high = floats({ low: 1.1, high: 2, odd: false });
  const either = fc.oneof(low, high);
  const apart = fc
    .array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 })
    .chain((shape) => fc.tuple(plains(shape, "float32", either), plains(shape.slice(1), "float32", either)))
    .filter(([a, b]) => a.data.every((x, i) => Math.abs(x - b.data[i % b.data.length]!) > 1e-3));
  holds(apart, (pair) => compareAll(cases, pair), 15);
  const [below, above] = [plains([2, 3], "float32", low), plains([2, 3], "float32", high)];
  holds(fc.oneof(fc.tuple(below, above), fc.tuple(above, below)), (pair) => compareAll(ofEqualShapes, pair), 4);
  // tfjs's remainder has the divisor's sign; both are positive here, and the quotient stays between 1 and 2.
  const quotients = fc.tuple(
    plains([2, 3], "float32", floats({ low: 1.1, high: 1.4, odd: false })),
    plains([3], "float32", floats({ low: 0.8, high: 1, odd: false })),
  );
  holds(quotients, (pair) => compareAll({ mod: binary(tf.mod, (a, b) => a % b) }, pair), 5);
});

test("slopes of negative elements, for the elements and for the slopes", () => {
  const prelu = binary(tf.prelu as (x: T, alpha: T) => T, (x, alpha) => (x < 0 ? alpha * x : x));
  const pairs = fc.tuple(plains([2, 3, 4], "float32", smooth), plains([3, 4], "float32", positive));
  holds(pairs, (pair) => compareGradients("prelu", prelu, pair), 5);
});

test("sums of many tensors", () => {
  const three = fc.array(plains([2, 3], "float32", smooth), { minLength: 3, maxLength: 3 });
  const addN: Differentiable = {
    run: ((...given: T[]) => tf.addN(given)) as Differentiable["run"],
    define: ((...given: Plain[]) =>
      build([2, 3], "float32", (index) => given.reduce((sum, x) => sum + at(x, index), 0))) as Differentiable["define"],
  };
  holds(three, (given) => compareGradients("addN", addN, given), 3);
});
