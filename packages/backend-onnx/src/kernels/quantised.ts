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
  transposeCodes,
} from "@cambium/kernels";
import type { NamedAttrMap } from "@tensorflow/tfjs-core";
import { constant, hostValue, uniformValue, type Value } from "../graph.ts";
import { convertTo, hostOperation, operation, reduce, reshapeTo } from "../tracer.ts";
import { elementwise } from "./elementwise.ts";
import type { KernelTable } from "./table.ts";

/** A matrix as graphs read it: one layout for each direction, made when it is first needed. */
class Layouts {
  readonly scales: Value;
  private readonly matrix: QuantisedMatrix;
  private forwardCodes: Value | undefined;
  private backwardCodes: Value | undefined;
  private forwardSums: Value | undefined;
  private backwardSums: Value | undefined;

  constructor(matrix: QuantisedMatrix) {
    this.matrix = matrix;
    this.scales = hostValue(matrix.scales, [matrix.shape[0]], "float32");
  }

  /** `[in, out]`. */
  get forward(): Value {
    const [out, input] = this.matrix.shape;
    this.forwardCodes ??= hostValue(this.matrix.codes, [input, out], "int8");
    return this.forwardCodes;
  }

  /** `[out, in]`. */
  get backward(): Value {
    const [out, input] = this.matrix.shape;
    this.backwardCodes ??= hostValue(transposeCodes(this.matrix.codes, input, out), [out, input], "int8");
    return this.backwardCodes;
  }

  /** Sums of the codes of each output channel times its scale, `[1, out]`. */
  get sums(): Value {
    const [out, input] = this.matrix.shape;
    const { codes, scales } = this.matrix;
    this.forwardSums ??= hostValue(
      sumColumns(codes, input, out).map((sum, o) => sum * scales[o]!),
      [1, out],
      "float32",
    );
    return this.forwardSums;
  }

  /** Sums of the codes of each input, `[1, in]`. */
  get inputSums(): Value {
    const [out, input] = this.matrix.shape;
    this.backwardSums ??= hostValue(sumColumns(this.backward.data as Int8Array, out, input), [1, input], "float32");
    return this.backwardSums;
  }
}

function sumColumns(codes: Int8Array, rows: number, columns: number): Float32Array {
  const sums = new Float32Array(columns); // whole numbers below 2^24 are exact
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) sums[column]! += codes[row * columns + column]!;
  return sums;
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

/** Rows in 8 bits: `x ≈ (codes − 128) · step + shift`. */
interface Rows {
  /** uint8 `[rows, n]`. */
  readonly codes: Value;
  /** `[rows, 1]`. */
  readonly step: Value;
  /** `[rows, 1]`. */
  readonly shift: Value;
}

/** Code that the product takes for zero: in the middle, where sums stay small. */
const MIDDLE = 128;

/** Layers that read one value (query, key and value) share its rows. */
const rowsOf = new WeakMap<Value, Rows>();

const float = (type: string, ...inputs: Value[]): Value => elementwise(type, inputs, "float32");

function quantiseRows(x: Value): Rows {
  const known = rowsOf.get(x);
  if (known !== undefined) return known;
  const low = float("Min", reduce("ReduceMin", x, [1], true), constant(0));
  const high = float("Max", reduce("ReduceMax", x, [1], true), constant(0));
  const share = constant(1 / ROW_STEPS);
  const range = float("Max", float("Sub", float("Mul", high, share), float("Mul", low, share)), constant(LEAST_STEP));
  // Sums see every NaN and infinity; the runtime's least and greatest do not.
  const step = float("Add", range, float("Mul", reduce("ReduceSum", x, [1], true), constant(0)));
  const zero = float("Round", float("Neg", float("Div", low, step)));
  const flat = (value: Value): Value => reshapeTo(value, [x.shape[0]!]);
  const codes = operation("QuantizeLinear", [x, flat(step), convertTo(flat(zero), "uint8")], x.shape, "uint8", {
    attributes: { axis: 0 },
  });
  const rows = { codes, step, shift: float("Mul", float("Sub", constant(MIDDLE), zero), step) };
  rowsOf.set(x, rows);
  return rows;
}

const concatenate = (values: readonly Value[], axis: number, shape: readonly number[]): Value =>
  operation("Concat", values, shape, "float32", { attributes: { axis } });

/**
 * `x codes · scales + bias`.
 *
 * @param scales - `[columns]`, or a scalar.
 * @param sums - Sums of the columns of `codes`, times their scales, `[1, columns]`.
 */
function product(x: Value, codes: Value, scales: Value, sums: Value, bias: Value | undefined): Value {
  const [count, columns] = [x.shape[0]!, codes.shape[1]!];
  const rows = quantiseRows(x);
  const sum = operation(
    "MatMulIntegerToFloat",
    [rows.codes, codes, constant(1), scales, constant(MIDDLE, "uint8")],
    [count, columns],
    "float32",
    { domain: "com.microsoft" },
  );
  const scaled = operation("Mul", [sum, rows.step], sum.shape, "float32");
  const [left, right] =
    bias === undefined
      ? [rows.shift, sums]
      : [
          concatenate([rows.shift, uniformValue(1, [count, 1], "float32")], 1, [count, 2]),
          concatenate([sums, reshapeTo(bias, [1, columns])], 0, [2, columns]),
        ];
  return operation("Gemm", [left, right, scaled], sum.shape, "float32", { attributes: { transA: 0, transB: 0 } });
}

let weightCount = 0;

const matrixIn = (attributes: NamedAttrMap): QuantisedMatrix =>
  (attributes as unknown as QuantisedWeightAttributes).matrix;

export const quantisedKernels: KernelTable = {
  QuantisedWeight: (_, attributes) => {
    const matrix = matrixIn(attributes);
    const spec = { shape: matrix.shape, type: "float32" as const };
    return hostOperation("QuantisedWeight", [], spec, String(weightCount++), () => dequantiseMatrix(matrix));
  },
  QuantisedLinear: ({ x, bias }, attributes) => {
    const { hasBias } = attributes as unknown as QuantisedLinearAttributes;
    const { forward, scales, sums } = layouts(matrixIn(attributes));
    return product(x!.value, forward, scales, sums, hasBias ? bias!.value : undefined);
  },
  QuantisedLinearGrad: ({ dy }, attributes) => {
    const { backward, scales, inputSums } = layouts(matrixIn(attributes));
    return product(float("Mul", dy!.value, scales), backward, constant(1), inputSums, undefined);
  },
};
