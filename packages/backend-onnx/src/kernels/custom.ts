/** The custom kernels of `@cambium/kernels` on fused operators. Those that are absent here run as composites. */
import {
  type AttentionAttributes,
  type CrossEntropyAttributes,
  type DeriveKeyAttributes,
  deriveKey,
  type GeluAttributes,
  type Key,
  maskValues,
  type NormAttributes,
  type RandomMaskAttributes,
} from "@cambium/kernels";
import { constant, type HostArray, hostValue, sizeOf, uniformValue, type Value } from "../graph.ts";
import { castTo, hostOperation, operation, operations, reduce, reshapeTo } from "../tracer.ts";
import { elementwise } from "./elementwise.ts";
import { product } from "./product.ts";
import type { Input, KernelTable } from "./table.ts";

const add = (a: Value, b: Value): Value => elementwise("Add", [a, b], "float32");
const sub = (a: Value, b: Value): Value => elementwise("Sub", [a, b], "float32");
const mul = (a: Value, b: Value | number): Value =>
  elementwise("Mul", [a, typeof b === "number" ? constant(b) : b], "float32");
const unary = (type: string, x: Value): Value => elementwise(type, [x], "float32");

/** Layer normalisation with its mean and inverse deviation. */
function layerNormalization(x: Value, gain: Value, bias: Value | undefined, epsilon: number): Value[] {
  const statistics = { shape: x.shape.with(-1, 1), type: "float32" as const };
  return operations(
    "LayerNormalization",
    bias === undefined ? [x, gain] : [x, gain, bias],
    [{ shape: x.shape, type: "float32" }, statistics, statistics],
    {
      attributes: { axis: -1, epsilon: { float: epsilon } },
    },
  );
}

/** 1 for rows that count, 0 for ignored ones, `[n]`. */
function countedRows(labels: Value, ignoreIndex: number): Value {
  return castTo(
    unaryNot(operation("Equal", [labels, constant(ignoreIndex, "int32")], labels.shape, "bool")),
    "float32",
  );
}

const unaryNot = (x: Value): Value => operation("Not", [x], x.shape, "bool");

/** Labels as indices `[n, 1]`; ignored rows point at class 0, and are masked by the caller. */
const labelColumn = (labels: Value): Value =>
  reshapeTo(operation("Max", [labels, constant(0, "int32")], labels.shape, "int32"), [sizeOf(labels.shape), 1]);

/** Attention probabilities; the forward and the gradient kernel spell them alike, so that the graph makes them once. */
function attentionPattern(
  { query, key, bias }: Readonly<Record<string, Input>>,
  { scale, hasBias }: AttentionAttributes,
): Value {
  const scores = product(query!.value, key!.value, { transposeB: true, scale });
  const biased = hasBias ? add(scores, bias!.value) : scores;
  return operation("Softmax", [biased], biased.shape, "float32", { attributes: { axis: -1 } });
}

const SQRT_TWO_OVER_PI = Math.sqrt(2 / Math.PI);

export const customKernelTraces: KernelTable = {
  LayerNorm: ({ x, gain, bias }, attributes) =>
    layerNormalization(x!.value, gain!.value, bias!.value, (attributes as unknown as NormAttributes).epsilon)[0],
  LayerNormGrad: ({ dy, x, gain }, attributes) => {
    const one = uniformValue(1, gain!.shape, "float32");
    const [normal, , inverse] = layerNormalization(
      x!.value,
      one,
      undefined,
      (attributes as unknown as NormAttributes).epsilon,
    ) as [Value, Value, Value];
    const scaled = mul(dy!.value, gain!.value);
    const last = [x!.shape.length - 1];
    const along = mul(normal, reduce("ReduceMean", mul(scaled, normal), last, true));
    return mul(sub(sub(scaled, reduce("ReduceMean", scaled, last, true)), along), inverse);
  },
  // ONNX Runtime's name for an RMS norm, in the domain of the standard.
  RmsNorm: ({ x, gain }, attributes) =>
    operation("SimplifiedLayerNormalization", [x!.value, gain!.value], x!.shape, "float32", {
      attributes: { axis: -1, epsilon: { float: (attributes as unknown as NormAttributes).epsilon } },
    }),
  Rotate: ({ x, cosine, sine }) => {
    const [batch, , rows, dHead] = x!.shape as [number, number, number, number];
    // The operator looks angles up by position; here each row has its own.
    const angles = cosine!.shape[0]! * rows;
    const places = BigInt64Array.from({ length: batch * rows }, (_, i) => BigInt(i % angles));
    const table = (value: Value): Value => reshapeTo(value, [angles, dHead / 2]);
    return operation(
      "RotaryEmbedding",
      [x!.value, hostValue(places, [batch, rows], "int64"), table(cosine!.value), table(sine!.value)],
      x!.shape,
      "float32",
      { domain: "com.microsoft" },
    );
  },
  SharedProduct: ({ a, b }, { transposeB }) => product(a!.value, b!.value, { transposeB: transposeB === true }),
  Gelu: ({ x }, attributes) =>
    elementwise("Gelu", [x!.value], "float32", {
      attributes: { approximate: (attributes as unknown as GeluAttributes).approximate },
    }),
  GeluGrad: ({ dy, x }, attributes) => {
    const value = x!.value;
    if ((attributes as unknown as GeluAttributes).approximate === "none") {
      // dy/2 · (1 + erf u + u exp(ln 2/√π − u²)) with u = x/√2
      const u = mul(value, Math.SQRT1_2);
      const bell = unary("Exp", sub(constant(Math.log(2 / Math.sqrt(Math.PI))), mul(u, u)));
      const inner = add(add(mul(u, bell), unary("Erf", u)), constant(1));
      return mul(mul(dy!.value, 0.5), inner);
    }
    const squared = mul(value, value);
    const t = unary("Tanh", mul(mul(value, add(mul(squared, 0.044715), constant(1))), SQRT_TWO_OVER_PI));
    const slope = add(mul(squared, 3 * 0.044715 * SQRT_TWO_OVER_PI), constant(SQRT_TWO_OVER_PI));
    const bend = mul(mul(sub(constant(1), mul(t, t)), value), slope);
    return mul(mul(dy!.value, 0.5), add(add(t, constant(1)), bend));
  },
  FusedAttention: (inputs, attributes) => {
    const settings = attributes as unknown as AttentionAttributes;
    const pattern = attentionPattern(inputs, settings);
    return product(settings.hasMask ? mul(pattern, inputs["mask"]!.value) : pattern, inputs["value"]!.value);
  },
  FusedAttentionGrad: (inputs, attributes) => {
    const settings = attributes as unknown as AttentionAttributes;
    const { dy, query, key, value, mask, output } = inputs;
    const { scale, hasMask } = settings;
    const pattern = attentionPattern(inputs, settings);
    const dValue = product(hasMask ? mul(pattern, mask!.value) : pattern, dy!.value, { transposeA: true });
    const dProduct = product(dy!.value, value!.value, { transposeB: true });
    const dPattern = hasMask ? mul(dProduct, mask!.value) : dProduct;
    const rows = reduce("ReduceSum", mul(dy!.value, output!.value), [3], true);
    const dScores = mul(pattern, sub(dPattern, rows));
    return [
      product(dScores, key!.value, { scale }),
      product(dScores, query!.value, { transposeA: true, scale }),
      dValue,
      dScores,
    ];
  },
  SoftmaxCrossEntropy: ({ logits, labels }, attributes) => {
    const { labelSmoothing, ignoreIndex } = attributes as unknown as CrossEntropyAttributes;
    const [n] = logits!.shape;
    const logProbabilities = operation("LogSoftmax", [logits!.value], logits!.shape, "float32", {
      attributes: { axis: -1 },
    });
    const picked = operation("GatherElements", [logProbabilities, labelColumn(labels!.value)], [n!, 1], "float32", {
      attributes: { axis: 1 },
    });
    const likelihood = reshapeTo(picked, [n!]);
    const smoothed =
      labelSmoothing === 0
        ? likelihood
        : add(
            mul(likelihood, 1 - labelSmoothing),
            mul(reduce("ReduceMean", logProbabilities, [1], false), labelSmoothing),
          );
    return mul(unary("Neg", smoothed), countedRows(labels!.value, ignoreIndex));
  },
  SoftmaxCrossEntropyGrad: ({ dy, logits, labels }, attributes) => {
    const { labelSmoothing, ignoreIndex } = attributes as unknown as CrossEntropyAttributes;
    const [n, classes] = logits!.shape;
    const probabilities = operation("Softmax", [logits!.value], logits!.shape, "float32", { attributes: { axis: -1 } });
    const hard = uniformValue(labelSmoothing - 1, [n!, 1], "float32");
    const shifted = operation(
      "ScatterElements",
      [probabilities, labelColumn(labels!.value), hard],
      [n!, classes!],
      "float32",
      { attributes: { axis: 1, reduction: "add" } },
    );
    const difference = labelSmoothing === 0 ? shifted : sub(shifted, constant(labelSmoothing / classes!));
    return mul(difference, reshapeTo(mul(dy!.value, countedRows(labels!.value, ignoreIndex)), [n!, 1]));
  },
  AdamStep: (inputs) => {
    const value = (name: string): Value => inputs[name]!.value;
    const first = add(mul(value("firstMoment"), value("beta1")), value("gradient"));
    const squared = mul(value("gradient"), value("gradient"));
    const second = add(mul(value("secondMoment"), value("beta2")), squared);
    const root = add(unary("Sqrt", second), value("epsilon"));
    const step = elementwise("Div", [mul(first, value("rate")), root], "float32");
    return [sub(mul(value("parameter"), value("decay")), step), first, second];
  },
  EditWeight: ({ weight, values, index }, { by }) => {
    const shape = by === "scalars" ? [sizeOf(weight!.shape)] : weight!.shape;
    const column = reshapeTo(index!.value, [sizeOf(index!.shape), ...shape.slice(1).map(() => 1)]);
    // Every place of the updates, which no two of them share.
    const places = elementwise("Add", [column, uniformValue(0, values!.shape, "int32")], "int32");
    const added = operation(
      "ScatterElements",
      [reshapeTo(weight!.value, shape), places, values!.value],
      shape,
      "float32",
      { attributes: { axis: 0, reduction: "add" } },
    );
    return reshapeTo(added, weight!.shape);
  },
  RandomMask: ({ key }, attributes) => {
    const { shape, rate } = attributes as unknown as RandomMaskAttributes;
    return hostOperation("RandomMask", [key!.value], { shape, type: "float32" }, `${shape} ${rate}`, ([halves]) =>
      maskValues(toKey(halves!), sizeOf(shape), rate),
    );
  },
  DeriveKey: ({ key }, attributes) => {
    const { path } = attributes as unknown as DeriveKeyAttributes;
    return hostOperation("DeriveKey", [key!.value], { shape: [2], type: "int32" }, JSON.stringify(path), ([halves]) =>
      fromKey(path.reduce(deriveKey, toKey(halves!))),
    );
  },
};

const toKey = (halves: HostArray): Key => [Number(halves[0]) >>> 0, Number(halves[1]) >>> 0];
const fromKey = ([high, low]: Key): Int32Array => Int32Array.of(high | 0, low | 0);
