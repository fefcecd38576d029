/**
 * A matrix of weights in blocks: 32 neighbours along the input axis share a scale, and in some files a minimum.
 *
 * `weight[o, i] = scale · (code − 8)` in 4 bits and `scale · (code − 128)` in 8, or with minima `scale · code + minimum`, where
 * scale and minimum are those of the block `⌊i / 32⌋` of output channel `o`. Products and sums are those of float32.
 *
 * It is plain memory and no tensor; kernels get it as an attribute. Codes, scales and minima lie as ONNX Runtime's
 * `MatMulNBits` reads them.
 */
export interface BlockMatrix {
  /** `[out, in]`. A last block that `in` does not fill holds codes that nothing reads. */
  readonly shape: readonly [out: number, input: number];
  readonly bits: BlockBits;
  /** Whether the weight that this stands for is stored the other way round, `[in, out]`. Blocks lie along `in` nevertheless. @default false */
  readonly isTurned?: boolean;
  /**
   * `[out, blocks, 16]` in 4 bits: byte `j` of a block holds number `2j` in its lower half and number `2j + 1` in its upper one.
   * `[out, blocks, 32]` in 8 bits: a byte for each number.
   */
  readonly codes: Uint8Array;
  /** `[out, blocks]`, of any sign; 0 for blocks of zeros. */
  readonly scales: Float32Array;
  /** `[out, blocks]`. @default none: codes are counted from the middle one */
  readonly minima?: Float32Array;
}

/** Widths of codes. */
export type BlockBits = 4 | 8;

/** Numbers that share a scale. */
export const BLOCK_SIZE = 32;

/** Blocks of a row of `input` numbers. */
export const blocksOf = (input: number): number => Math.ceil(input / BLOCK_SIZE);

/** Bytes of a block's codes. */
export const blockBytes = (bits: BlockBits): number => (BLOCK_SIZE * bits) / 8;

/** The code of zero where there are no minima: 8 or 128. */
export const middleCode = (bits: BlockBits): number => 2 ** (bits - 1);

/** The weights that the codes stand for, as they are stored. */
export function dequantiseBlocks(matrix: BlockMatrix): Float32Array {
  const { shape, bits, isTurned = false, codes, scales, minima } = matrix;
  const [out, input] = shape;
  const values = new Float32Array(out * input);
  const [blocks, bytes] = [blocksOf(input), blockBytes(bits)];
  const [rowStep, step] = isTurned ? [1, out] : [input, 1];
  const middle = minima === undefined ? middleCode(bits) : 0;
  for (let o = 0; o < out; o++) {
    for (let block = 0; block < blocks; block++) {
      const place = o * blocks + block;
      const scale = scales[place]!;
      const from = block * BLOCK_SIZE;
      const count = Math.min(BLOCK_SIZE, input - from);
      for (let i = 0; i < count; i++) {
        const byte = codes[place * bytes + (bits === 4 ? i >> 1 : i)]!;
        const code = bits === 8 ? byte : i % 2 === 0 ? byte & 15 : byte >> 4;
        const product = Math.fround(scale * (code - middle));
        values[o * rowStep + (from + i) * step] = minima === undefined ? product : product + minima[place]!;
      }
    }
  }
  return values;
}
