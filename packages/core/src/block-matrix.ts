/** Rounding of weights to blocks of 4 or 8 bits. */
import { FormatError } from "@cambium/base";
import { BLOCK_SIZE, type BlockBits, type BlockMatrix, blockBytes, blocksOf, middleCode } from "@cambium/kernels";
import { BlockRoom } from "./block-room.ts";

/**
 * Steps between zero and the number of a block that is farthest from it. In 4 bits that number gets the side with one step
 * more: eight make it exact; more make the others finer and clip it, fewer do the reverse.
 */
const STEPS: Readonly<Record<BlockBits, Float64Array>> = {
  4: Float64Array.of(8, 8.5, 9, 7.5, 7),
  8: Float64Array.of(127),
};

/**
 * Weights `[out, in]` rounded to blocks of 32 along `in`, without minima.
 *
 * In 8 bits a scale is the largest size of its block over 127. In 4 bits the number farthest from zero, with its sign, over −8 is
 * tried first, then four others, and the scale with the least squared error is taken: 8.2 % of bell-shaped weights in place of 8.6.
 * Halves are rounded up.
 *
 * @param name - Of the weights, for the message.
 * @param values - `[out, in]`, row by row.
 * @param room - Where the blocks lie. @default memory of this matrix alone
 * @throws {FormatError} When a weight is not finite; names the first channel.
 */
export function quantiseBlocks(
  name: string,
  values: ArrayLike<number>,
  shape: readonly [out: number, input: number],
  bits: BlockBits,
  room?: BlockRoom,
): BlockMatrix {
  const [out, input] = shape;
  const [blocks, bytes, middle] = [blocksOf(input), blockBytes(bits), middleCode(bits)];
  const { codes, scales } = (room ?? new BlockRoom()).take(out * blocks, bits);
  const block = new Float64Array(BLOCK_SIZE); // read many times: copies are faster than any kind of list
  const inBlock = new Uint8Array(BLOCK_SIZE);
  for (let place = 0; place < scales.length; place++) {
    const o = Math.floor(place / blocks);
    const from = o * input + (place % blocks) * BLOCK_SIZE;
    const count = Math.min(BLOCK_SIZE, (o + 1) * input - from);
    let farthest = 0;
    for (let i = 0; i < BLOCK_SIZE; i++) {
      const value = i < count ? values[from + i]! : 0;
      if (!Number.isFinite(value)) throw notFinite(name, value, o);
      if (Math.abs(value) > Math.abs(farthest)) farthest = value;
      block[i] = value;
    }
    const scale = bestScale(block, farthest, STEPS[bits], middle);
    scales[place] = scale;
    // Without a scale, of zeros or of weights so small that it vanishes, all codes are zero's.
    const times = scale === 0 ? 0 : 1 / scale;
    const limit = 2 * middle - 1;
    for (let i = 0; i < BLOCK_SIZE; i++) inBlock[i] = codeOf(block[i]! * times, middle, limit);
    const at = place * bytes;
    if (bits === 8) codes.set(inBlock, at);
    else for (let j = 0; j < bytes; j++) codes[at + j] = inBlock[2 * j]! | (inBlock[2 * j + 1]! << 4);
  }
  return { shape, bits, codes, scales };
}

const notFinite = (name: string, value: number, channel: number): FormatError =>
  new FormatError({
    message: `quantiseBlocks: "${name}" holds ${value} in output channel ${channel}; only finite weights can be rounded to blocks: take another checkpoint`,
    name,
    channel,
  });

/** The code of the whole number that is nearest to some steps: zero's is the middle one. */
function codeOf(steps: number, middle: number, limit: number): number {
  const shifted = steps + middle + 0.5;
  return shifted <= 0 ? 0 : shifted >= limit ? limit : shifted | 0;
}

/** The scale with the least squared error, the first of equal ones; 0 where there is none that a float32 holds. */
function bestScale(block: Float64Array, farthest: number, steps: Float64Array, middle: number): number {
  const limit = 2 * middle - 1;
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let k = 0; k < steps.length; k++) {
    const scale = Math.fround(farthest / -steps[k]!);
    if (scale === 0) return best;
    if (steps.length === 1) return scale;
    const times = 1 / scale;
    let error = 0;
    for (let i = 0; i < block.length; i++) {
      const value = block[i]!;
      const rest = value - (codeOf(value * times, middle, limit) - middle) * scale;
      error += rest * rest;
    }
    if (error < least) {
      best = scale;
      least = error;
    }
  }
  return best;
}
