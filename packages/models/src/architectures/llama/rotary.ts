/** Rotary positions: queries and keys are turned by angles that grow with the position, so that their products see distances. */
import { rotateRows } from "@cambium/core";
import {
  cast,
  cos,
  expandDims,
  mul,
  sin,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tensor1d,
} from "@tensorflow/tfjs-core";
import type { DecoderConfig } from "./decoder-config.ts";
import type { RopeParameters } from "./rope-config.ts";

/**
 * Angles by which one position turns each of the `dHead / 2` pairs of columns: `θ^(−2i / dHead)`, scaled.
 *
 * @see Su et al. 2021, RoFormer, arXiv:2104.09864, section 3.2.2; Chen et al. 2023, arXiv:2306.15595, for `linear`; Grattafiori et
 *   al. 2024, The Llama 3 Herd of Models, arXiv:2407.21783, and Meta's code of Llama 3.1 for `llama3`.
 */
export function rotaryFrequencies(rope: RopeParameters, dHead: number): readonly number[] {
  return Array.from({ length: dHead / 2 }, (_, i) => scaled(rope, rope.rope_theta ** ((-2 * i) / dHead)));
}

function scaled(rope: RopeParameters, frequency: number): number {
  switch (rope.rope_type) {
    case "default":
      return frequency;
    case "linear":
      return frequency / rope.factor;
    case "llama3": {
      const { factor, low_freq_factor: low, high_freq_factor: high } = rope;
      const turns = (rope.original_max_position_embeddings * frequency) / (2 * Math.PI);
      const kept = Math.min(1, Math.max(0, (turns - low) / (high - low)));
      return kept * frequency + ((1 - kept) * frequency) / factor;
    }
  }
}

/** Cosines and sines of every row's angles, each `[batch, 1, seq, dHead / 2]`. */
export interface Rotation {
  readonly cosine: Tensor;
  readonly sine: Tensor;
}

/** The rotation of rows at these positions, int32 `[batch, seq]`: the same for every layer. */
export function rotationAt(positions: Tensor2D, { rope_parameters, head_dim }: DecoderConfig): Rotation {
  const frequencies = tensor1d([...rotaryFrequencies(rope_parameters, head_dim)]);
  const angles = mul(expandDims(expandDims(cast(positions, "float32"), 1), 3), frequencies); // [batch, 1, seq, dHead / 2]
  return { cosine: cos(angles), sine: sin(angles) };
}

/**
 * Queries or keys `[batch, heads, seq, dHead]`, turned. A pair is a column of the first half and the one at the same place of
 * the second, as transformers stores the weights (Meta's own files pair neighbours).
 */
export const rotate = (x: Tensor4D, { cosine, sine }: Rotation): Tensor4D => rotateRows(x, cosine, sine);
