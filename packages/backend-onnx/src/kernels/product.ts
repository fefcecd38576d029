/** Matrix products. */
import { sameShape, sizeOf, type Value } from "../graph.ts";
import { operation, reshapeTo } from "../tracer.ts";
import { broadcast } from "./elementwise.ts";
import type { KernelTable } from "./table.ts";

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
  const attributes = { transA: flag(transposeA), transB: flag(transposeB), alpha: { float: scale } };
  if (sizeOf(batchB) === 1 && (sizeOf(batchA) === 1 || !transposeA)) {
    const flatRows = sizeOf(batchA) * rows;
    const left = reshapeTo(a, transposeA ? a.shape.slice(-2) : [flatRows, a.shape.at(-1)!]);
    const right = reshapeTo(b, b.shape.slice(-2));
    return reshapeTo(operation("Gemm", [left, right], [flatRows, columns], "float32", { attributes }), shape);
  }
  return operation("FusedMatMul", [a, b], shape, "float32", { attributes, domain: "com.microsoft" });
}

export const productKernels: KernelTable = {
  BatchMatMul: ({ a, b }, { transposeA, transposeB }) => {
    if (a!.value.type !== "float32" || b!.value.type !== "float32") return undefined;
    return product(a!.value, b!.value, { transposeA: transposeA === true, transposeB: transposeB === true });
  },
};
