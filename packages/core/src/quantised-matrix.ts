import { FormatError } from "@cambium/base";
import type { QuantisedMatrix } from "@cambium/kernels";

/** Greatest code, and the greatest sum of two neighbours before they are rounded, which may add one. */
const MOST = 127;

/**
 * Weights `[out, in]` rounded to 8 bits, with a scale for each output channel.
 *
 * A scale is as small as its channel's largest weight allows, and its sums of neighbours (`QuantisedMatrix`): some bell-shaped
 * weights would overflow them in one pair of two hundred, and their steps become a third larger therefore, which is less than
 * the factor of two that a bit would cost.
 *
 * @param name - Of the weights, for the message.
 * @param values - `[out, in]`, row by row.
 * @throws {FormatError} When a weight is not finite; names the first channel.
 */
export function quantiseMatrix(
  name: string,
  values: ArrayLike<number>,
  shape: readonly [out: number, input: number],
): QuantisedMatrix {
  const [out, input] = shape;
  const scales = new Float32Array(out);
  for (let o = 0; o < out; o++) scales[o] = rowScale(name, values, o, input);
  for (let o = 0; o + 1 < out; o += 2) widenPair(values, o, input, scales);
  const codes = new Int8Array(out * input);
  for (let o = 0; o < out; o++) {
    const scale = scales[o]!;
    for (let i = 0; i < input; i++) codes[i * out + o] = Math.round(values[o * input + i]! / scale);
  }
  return { shape, codes, scales };
}

/** Least scale of a channel by itself; 1 for a channel of zeros. */
function rowScale(name: string, values: ArrayLike<number>, o: number, input: number): number {
  let most = 0;
  for (let i = o * input; i < (o + 1) * input; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) {
      throw new FormatError({
        message: `quantiseMatrix: "${name}" holds ${value} in output channel ${o}; only finite weights can be rounded to 8 bits: take another checkpoint`,
        name,
        channel: o,
      });
    }
    most = Math.max(most, Math.abs(value));
  }
  for (let i = 0; i + 1 < input; i += 2)
    most = Math.max(most, Math.abs(values[o * input + i]! + values[o * input + i + 1]!));
  // Weights so small that their scale would vanish are zeros.
  return Math.fround(most / MOST) || 1;
}

/** Widens the scales of channels `o` and `o + 1` until the sums of their codes fit. */
function widenPair(values: ArrayLike<number>, o: number, input: number, scales: Float32Array): void {
  const [first, second] = [1 / scales[o]!, 1 / scales[o + 1]!];
  let most = 0;
  for (let i = o * input; i < (o + 1) * input; i++)
    most = Math.max(most, Math.abs(values[i]! * first + values[i + input]! * second));
  if (most <= MOST) return;
  scales[o]! *= most / MOST;
  scales[o + 1]! *= most / MOST;
}
