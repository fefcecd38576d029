/** Activations of neural networks, alone and behind a product or a convolution. */
import { backend_util, type NamedAttrMap } from "@tensorflow/tfjs-core";
import { constant, sameShape, type Value } from "../graph.ts";
import { operation } from "../tracer.ts";
import { broadcast, elementwise } from "./elementwise.ts";
import type { Input, KernelTable, Trace } from "./table.ts";
import { clip, lowExpm1, sigmoid } from "./unary.ts";

const isFloat = (x: Input): boolean => x.value.type === "float32";
const relu = (x: Value): Value => elementwise("Relu", [x], x.type);
/** `x` where it is not negative, `scale` (eˣ − 1) elsewhere. */
function elu(x: Value, scale = 1): Value {
  const below = scale === 1 ? lowExpm1(x) : elementwise("Mul", [lowExpm1(x), constant(scale)], "float32");
  return operation("Where", [elementwise("Less", [x, constant(0)], "bool"), below, x], x.shape, "float32");
}
const leakyRelu = (x: Value, alpha: number): Value => elementwise("PRelu", [x, constant(alpha)], "float32");

/** A separate slope for each negative element, where the slopes fit the elements' shape. */
function prelu(x: Value, alpha: Value): Value | undefined {
  return sameShape(broadcast(x.shape, alpha.shape), x.shape)
    ? operation("PRelu", [x, alpha], x.shape, "float32")
    : undefined;
}

const onFloat =
  (trace: (x: Value, attributes: NamedAttrMap) => Value): Trace =>
  ({ x }, attributes) =>
    isFloat(x!) ? trace(x!.value, attributes) : undefined;

/** The activation that a fused kernel applies to its result; nothing when it is not covered. */
export function activate(
  x: Value,
  { activation, leakyreluAlpha }: NamedAttrMap,
  slopes: Value | undefined,
): Value | undefined {
  switch (activation ?? "linear") {
    case "linear":
      return x;
    case "relu":
      return relu(x);
    case "relu6":
      return clip(x, 0, 6);
    case "elu":
      return elu(x);
    case "leakyrelu":
      return leakyRelu(x, leakyreluAlpha as number);
    case "sigmoid":
      return sigmoid(x);
    case "prelu":
      return prelu(x, slopes!);
    default:
      return undefined;
  }
}

export const activationKernels: KernelTable = {
  Relu: ({ x }) => (x!.value.type === "bool" ? undefined : relu(x!.value)),
  Relu6: ({ x }) => (x!.value.type === "bool" ? undefined : clip(x!.value, 0, 6)),
  Elu: onFloat((x) => elu(x)),
  EluGrad: ({ dy, y }) => {
    const isPositive = operation("GreaterOrEqual", [y!.value, constant(0)], y!.shape, "bool");
    const bent = elementwise("Add", [y!.value, constant(1)], "float32");
    const slope = operation("Where", [isPositive, constant(1), bent], y!.shape, "float32");
    return elementwise("Mul", [dy!.value, slope], "float32");
  },
  Selu: onFloat((x) => {
    const gamma = backend_util.SELU_SCALE;
    return elementwise("Mul", [elu(x, backend_util.SELU_SCALEALPHA / gamma), constant(gamma)], "float32");
  }),
  LeakyRelu: onFloat((x, { alpha }) => leakyRelu(x, alpha as number)),
  Prelu: ({ x, alpha }) => (isFloat(x!) && isFloat(alpha!) ? prelu(x!.value, alpha!.value) : undefined),
};
