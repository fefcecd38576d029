/**
 * A matrix of weights in 8 bits: `weight[o, i] = codes[i, o] · scales[o]`.
 *
 * It is plain memory, one byte for each weight, and no tensor: tfjs has no type of one byte. Kernels get it as an attribute.
 */
export interface QuantisedMatrix {
  /** `[out, in]`. */
  readonly shape: readonly [out: number, input: number];
  /** Whether the weight that this stands for is stored the other way round, `[in, out]`. @default false */
  readonly isTurned?: boolean;
  /**
   * From −127 to 127, `[in, out]`, as the forward product reads them. The sum of two neighbours along either axis (the first
   * and the second, the third and the fourth, …) stays within ±128: processors that multiply bytes in pairs add such two,
   * times up to 255 each, in 16 bits, and what does not fit there they cut off without a word.
   */
  readonly codes: Int8Array;
  /** `[out]`, positive. */
  readonly scales: Float32Array;
}

/** The shape of the weight as it is stored. */
export function storedShape({
  shape: [out, input],
  isTurned = false,
}: Pick<QuantisedMatrix, "shape" | "isTurned">): [number, number] {
  return isTurned ? [input, out] : [out, input];
}

/** The weights that the codes stand for, as they are stored. */
export function dequantiseMatrix({
  shape: [out, input],
  isTurned = false,
  codes,
  scales,
}: QuantisedMatrix): Float32Array {
  const values = new Float32Array(out * input);
  if (isTurned) {
    for (let i = 0; i < values.length; i++) values[i] = codes[i]! * scales[i % out]!;
    return values;
  }
  for (let o = 0; o < out; o++) {
    const scale = scales[o]!;
    for (let i = 0; i < input; i++) values[o * input + i] = codes[i * out + o]! * scale;
  }
  return values;
}

/** A matrix `[rows, columns]` of codes transposed to `[columns, rows]`. */
export function transposeCodes(codes: Int8Array, rows: number, columns: number): Int8Array {
  const turned = new Int8Array(codes.length);
  const TILE = 32; // keeps the lines that are written in the processor's cache
  for (let from = 0; from < rows; from += TILE) {
    const to = Math.min(from + TILE, rows);
    for (let column = 0; column < columns; column++)
      for (let row = from; row < to; row++) turned[column * rows + row] = codes[row * columns + column]!;
  }
  return turned;
}
