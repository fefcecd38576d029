/** Products with weights in blocks, and rows of them, as operations that `lower-blocks.ts` makes operators of. */
import {
  type BlockAttributes,
  type BlockLinearAttributes,
  type BlockMatrix,
  blockBytes,
  blocksOf,
  dequantiseBlocks,
  storedShape,
} from "@cambium/kernels";
import type { NamedAttrMap } from "@tensorflow/tfjs-core";
import { type Attributes, hostValue, type Value } from "../graph.ts";
import type { Blocks } from "../lower-blocks.ts";
import { hostOperation, operation } from "../tracer.ts";
import { elementwise } from "./elementwise.ts";
import { checkIndices } from "./indexing.ts";
import type { KernelTable } from "./table.ts";

const known = new WeakMap<BlockMatrix, Blocks>();

/** The memory of a matrix as values, the same ones every time: nothing is copied. */
function blocksOfMatrix(matrix: BlockMatrix): Blocks {
  let found = known.get(matrix);
  if (found === undefined) {
    const { shape, bits, codes, scales, minima } = matrix;
    const [out, width] = shape;
    const blocks = [out, blocksOf(width)];
    found = {
      codes: hostValue(codes, [...blocks, blockBytes(bits)], "uint8"),
      scales: hostValue(scales, blocks, "float32"),
      minima: minima === undefined ? undefined : hostValue(minima, blocks, "float32"),
      bits,
      width,
    };
    known.set(matrix, found);
  }
  return found;
}

/** An operation of `lower-blocks.ts` on something and a matrix. */
function blockOperation(
  type: string,
  x: Value,
  matrix: BlockMatrix,
  shape: readonly number[],
  more: Attributes,
): Value {
  const { codes, scales, minima, bits, width } = blocksOfMatrix(matrix);
  return operation(type, [x, codes, scales, minima], shape, "float32", {
    domain: "cambium",
    attributes: { K: width, N: matrix.shape[0], bits, ...more },
  });
}

const matrixIn = (attributes: NamedAttrMap): BlockMatrix => (attributes as unknown as BlockAttributes).matrix;

function gemm(x: Value, matrix: BlockMatrix, transposed: 0 | 1): Value {
  const [out, input] = matrix.shape;
  return blockOperation("BlockGemm", x, matrix, [x.shape[0]!, transposed === 1 ? input : out], { transposed });
}

export const blockKernels: KernelTable = {
  BlockWeight: (_, attributes) => {
    const matrix = matrixIn(attributes);
    const spec = { shape: storedShape(matrix), type: "float32" as const };
    return hostOperation("BlockWeight", [], spec, "", () => dequantiseBlocks(matrix));
  },
  BlockLinear: ({ x, bias }, attributes) => {
    const { matrix, hasBias } = attributes as unknown as BlockLinearAttributes;
    const product = gemm(x!.value, matrix, 0);
    return hasBias ? elementwise("Add", [product, bias!.value], "float32") : product;
  },
  BlockLinearGrad: ({ dy }, attributes) => gemm(dy!.value, matrixIn(attributes), 1),
  BlockRows: ({ ids }, attributes) => {
    const matrix = matrixIn(attributes);
    const [out, input] = matrix.shape;
    checkIndices("BlockRows", ids!.value, out);
    return blockOperation("BlockRows", ids!.value, matrix, [...ids!.shape, input], {});
  },
};
