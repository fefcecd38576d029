/**
 * Products in 8 bits on `MatMulIntegerToFloat`: unsigned codes of rows times signed codes of weights.
 *
 * The operator knows one scale and one zero for all rows, so it is given neither: rows are scaled after it, and what a row's
 * own zero adds, the zero times a column's sum of codes, goes in with the bias as a product of inner length two.
 */
import {
  dequantiseMatrix,
  LEAST_STEP,
  type QuantisedLinearAttributes,
  type QuantisedMatrix,
  type QuantisedWeightAttributes,
  ROW_STEPS,
  SIDE_STEPS,
  storedShape,
  transposeCodes,
} from "@cambium/kernels";
import type { NamedAttrMap } from "@tensorflow/tfjs-core";
import { constant, hostValue, uniformValue, type Value } from "../graph.ts";
import { convertTo, hostOperation, operation, reduce, reshapeTo } from "../tracer.ts";
import { elementwise } from "./elementwise.ts";
import type { KernelTable } from "./table.ts";

/** A matrix as graphs read it, each part made when it is first needed. */
class Layouts {
  /** `[in, out]`, for the forward product. */
  readonly codes: Value;
  /** `[out]`. */
  readonly scales: Value;
  private readonly matrix: QuantisedMatrix;
  private turned: Value | undefined;
  private summed: Value | undefined;

  constructor(matrix: QuantisedMatrix) {
    this.matrix = matrix;
    const [out, input] = matrix.shape;
    this.codes = hostValue(matrix.codes, [input, out], "int8");
    this.scales = hostValue(matrix.scales, [out], "float32");
  }

  /** `[out, in]`, for the gradient. */
  get turnedCodes(): Value {
    const [out, input] = this.matrix.shape;
    this.turned ??= hostValue(transposeCodes(this.matrix.codes, input, out), [out, input], "int8");
    return this.turned;
  }

  /** The weights of each output channel summed up, `[1, out]`. */
  get sums(): Value {
    const [out, input] = this.matrix.shape;
    const { codes, scales } = this.matrix;
    if (this.summed === undefined) {
      const sums = new Float32Array(out); // of codes: whole numbers, exact
      for (let i = 0; i < input; i++) for (let o = 0; o < out; o++) sums[o]! += codes[i * out + o]!;
      const scaled = sums.map((sum, o) => sum * scales[o]!);
      this.summed = hostValue(scaled, [1, out], "float32");
    }
    return this.summed;
  }
}

const layoutsOf = new WeakMap<QuantisedMatrix, Layouts>();

function layouts(matrix: QuantisedMatrix): Layouts {
  let found = layoutsOf.get(matrix);
  if (found === undefined) {
    found = new Layouts(matrix);
    layoutsOf.set(matrix, found);
  }
  return found;
}

/** Code of zero where rows are rounded about zero. */
const MIDDLE = 128;

const float = (type: string, ...inputs: Value[]): Value => elementwise(type, inputs, "float32");
const least = (x: Value): Value => reduce("ReduceMin", x, [1], true);
const greatest = (x: Value): Value => reduce("ReduceMax", x, [1], true);

/** The step of each row, `[rows, 1]`: not too small, and NaN where `x` is not finite: sums see that, extremes do not. */
function checkedStep(step: Value, x: Value): Value {
  const nothing = float("Mul", reduce("ReduceSum", x, [1], true), constant(0));
  return float("Add", float("Max", step, constant(LEAST_STEP)), nothing);
}

/** Codes of `x`, uint8, from its rows' steps and codes of zero, `[rows]`. */
const encode = (x: Value, step: Value, zero: Value): Value =>
  operation("QuantizeLinear", [x, reshapeTo(step, [x.shape[0]!]), zero], x.shape, "uint8", { attributes: { axis: 0 } });

const concatenate = (values: readonly Value[], axis: number, shape: readonly number[]): Value =>
  operation("Concat", values, shape, "float32", { attributes: { axis } });

/** Rows of inputs: `x ≈ codes · step + shift`. */
interface Rows {
  readonly codes: Value;
  /** `[rows, 1]`. */
  readonly step: Value;
  /** `[rows, 1]`. */
  readonly shift: Value;
  /** Shift and one, `[rows, 2]`: what sums of weights and the bias are multiplied by. */
  readonly shiftAndOne: Value;
}

/** Layers that read one value (query, key and value) share its rows. */
const rowsOf = new WeakMap<Value, Rows>();

function encodeRows(x: Value): Rows {
  const known = rowsOf.get(x);
  if (known !== undefined) return known;
  const low = float("Min", least(x), constant(0));
  const high = float("Max", greatest(x), constant(0));
  const step = checkedStep(float("Mul", float("Sub", high, low), constant(1 / ROW_STEPS)), x);
  const lowest = float("Round", float("Div", low, step)); // a whole number of steps, from −255 to 0
  const count = x.shape[0]!;
  const codes = encode(x, step, convertTo(reshapeTo(float("Neg", lowest), [count]), "uint8"));
  const shift = float("Mul", lowest, step);
  const shiftAndOne = concatenate([shift, uniformValue(1, [count, 1], "float32")], 1, [count, 2]);
  const rows = { codes, step, shift, shiftAndOne };
  rowsOf.set(x, rows);
  return rows;
}

/** `(codes − zero) · step` times the weights' codes and scales. */
function multiply(codes: Value, step: Value, zero: number, weights: Value, scales: Value): Value {
  const shape = [codes.shape[0]!, weights.shape[1]!];
  const inputs = [codes, weights, constant(1), scales, constant(zero, "uint8")];
  const product = operation("MatMulIntegerToFloat", inputs, shape, "float32", { domain: "com.microsoft" });
  return operation("Mul", [product, step], shape, "float32");
}

/** `x weightᵀ + bias`. */
function forward(x: Value, { codes, scales, sums }: Layouts, bias: Value | undefined): Value {
  const rows = encodeRows(x);
  const product = multiply(rows.codes, rows.step, 0, codes, scales);
  const columns = product.shape[1]!;
  const [left, right] =
    bias === undefined
      ? [rows.shift, sums]
      : [rows.shiftAndOne, concatenate([sums, reshapeTo(bias, [1, columns])], 0, [2, columns])];
  return operation("Gemm", [left, right, product], product.shape, "float32", { attributes: { transA: 0, transB: 0 } });
}

/** `dy weight`. */
function backward(dy: Value, { turnedCodes, scales }: Layouts): Value {
  const scaled = float("Mul", dy, scales);
  const side = float("Max", greatest(scaled), float("Neg", least(scaled)));
  const step = checkedStep(float("Mul", side, constant(1 / SIDE_STEPS)), scaled);
  const codes = encode(scaled, step, uniformValue(MIDDLE, [dy.shape[0]!], "uint8"));
  return multiply(codes, step, MIDDLE, turnedCodes, constant(1));
}

const matrixIn = (attributes: NamedAttrMap): QuantisedMatrix =>
  (attributes as unknown as QuantisedWeightAttributes).matrix;

export const quantisedKernels: KernelTable = {
  QuantisedWeight: (_, attributes) => {
    const matrix = matrixIn(attributes);
    const spec = { shape: storedShape(matrix), type: "float32" as const };
    return hostOperation("QuantisedWeight", [], spec, "", () => dequantiseMatrix(matrix));
  },
  QuantisedLinear: ({ x, bias }, attributes) => {
    const { hasBias } = attributes as unknown as QuantisedLinearAttributes;
    return forward(x!.value, layouts(matrixIn(attributes)), hasBias ? bias!.value : undefined);
  },
  QuantisedLinearGrad: ({ dy }, attributes) => backward(dy!.value, layouts(matrixIn(attributes))),
};
