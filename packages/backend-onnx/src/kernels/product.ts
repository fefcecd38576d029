/** Matrix products. */
import { backend_util, util } from "@tensorflow/tfjs-core";
import { sameShape, sizeOf, uniformValue, type Value } from "../graph.ts";
import { operation, reshapeTo } from "../tracer.ts";
import { activate } from "./activation.ts";
import { broadcast, elementwise } from "./elementwise.ts";
import { type Input, type KernelTable, listOf } from "./table.ts";

/** How a product is taken. */
export interface ProductOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Factor on the result. @default 1 */
  readonly scale?: number;
}

const flag = (value: boolean): number => (value ? 1 : 0);

/**
 * A product over the last two axes, float32. What amounts to one matrix product runs as `Gemm`, the rest as batched
 * products that transpose and scale on the way.
 */
export function product(
  a: Value,
  b: Value,
  { transposeA = false, transposeB = false, scale = 1 }: ProductOptions = {},
): Value {
  const rows = transposeA ? a.shape.at(-1)! : a.shape.at(-2)!;
  const columns = transposeB ? b.shape.at(-2)! : b.shape.at(-1)!;
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batch = sameShape(batchA, batchB) ? batchA : broadcast(batchA, batchB);
  const shape = [...batch, rows, columns];
  if (sizeOf(a.shape) === 0 || sizeOf(b.shape) === 0) return uniformValue(0, shape, "float32");
  const attributes = { transA: flag(transposeA), transB: flag(transposeB), alpha: { float: scale } };
  if (sizeOf(batchB) === 1 && (sizeOf(batchA) === 1 || !transposeA)) {
    const flatRows = sizeOf(batchA) * rows;
    const left = reshapeTo(a, transposeA ? a.shape.slice(-2) : [flatRows, a.shape.at(-1)!]);
    const right = reshapeTo(b, b.shape.slice(-2));
    return reshapeTo(operation("Gemm", [left, right], [flatRows, columns], "float32", { attributes }), shape);
  }
  return operation("FusedMatMul", [a, b], shape, "float32", { attributes, domain: "com.microsoft" });
}

/** The product that a kernel asks for; nothing when it is not of float32. */
function kernelProduct(a: Input, b: Input, transposeA: boolean, transposeB: boolean): Value | undefined {
  const innerA = a.shape.at(transposeA ? -2 : -1);
  const innerB = b.shape.at(transposeB ? -1 : -2);
  util.assert(
    a.shape.length >= 2 && b.shape.length >= 2 && innerA === innerB,
    () =>
      `Error in matMul: inner shapes (${innerA}) and (${innerB}) of Tensors with shapes ${a.shape} and ${b.shape} and ` +
      `transposeA=${transposeA} and transposeB=${transposeB} must match.`,
  );
  if (a.value.type !== "float32" || b.value.type !== "float32") return undefined;
  return product(a.value, b.value, { transposeA, transposeB });
}

export const productKernels: KernelTable = {
  BatchMatMul: ({ a, b }, { transposeA, transposeB }) =>
    kernelProduct(a!, b!, transposeA === true, transposeB === true),
  _FusedMatMul: ({ a, b, bias, preluActivationWeights }, attributes) => {
    const { transposeA, transposeB } = attributes;
    const made = kernelProduct(a!, b!, transposeA === true, transposeB === true);
    if (made === undefined) return undefined;
    const moved = bias === undefined ? made : elementwise("Add", [made, bias.value], "float32");
    return activate(moved, attributes, preluActivationWeights?.value);
  },
  Einsum: (inputs, attributes) => {
    const equation = attributes["equation"] as string;
    const terms = listOf(inputs);
    const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(equation, terms.length);
    backend_util.checkEinsumDimSizes(allDims.length, idDims, terms as never);
    const { type } = terms[0]!.value;
    if (type === "bool" || terms.some(({ value }) => value.type !== type || sizeOf(value.shape) === 0))
      return undefined;
    const sizes = new Map(idDims.flatMap((dims, i) => dims.map((dim, axis) => [dim, terms[i]!.shape[axis]!] as const)));
    const shape = allDims.slice(0, allDims.length - summedDims.length).map((_, dim) => sizes.get(dim)!);
    return operation(
      "Einsum",
      terms.map(({ value }) => value),
      shape,
      type,
      { attributes: { equation } },
    );
  },
};
