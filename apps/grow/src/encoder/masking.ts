import type { Random } from "@cambium/core";
import { SPECIAL_PIECES } from "./special-pieces.ts";

const MASK = SPECIAL_PIECES.indexOf("[MASK]");

/** What is hidden, and how. */
export interface MaskOptions {
  /** Pieces to hide in the batch: a fixed number, so that every step has the same shapes. */
  readonly count: number;
  readonly vocabularySize: number;
  /** Hide every chosen piece behind `[MASK]`, as evaluation does, instead of 80 %. @default false */
  readonly always?: boolean;
}

/** A batch of which some pieces are hidden. */
export interface Masked {
  /** Pieces as the model sees them. */
  readonly ids: Int32Array;
  /** Where pieces are to be guessed, ascending, `[count]`. */
  readonly positions: Int32Array;
  /** What stood there, `[count]`. */
  readonly labels: Int32Array;
}

/**
 * Hides `count` pieces, chosen evenly from all that are not special: 80 % behind `[MASK]`, 10 % behind a random piece,
 * 10 % stay.
 *
 * @param ids - Pieces of a batch. Not changed.
 * @see Devlin et al. 2018, BERT, arXiv:1810.04805, section 3.1 and appendix A.1.
 */
export function maskPieces(
  ids: Int32Array,
  { count, vocabularySize, always = false }: MaskOptions,
  random: Random,
): Masked {
  const candidates = Int32Array.from(ids.keys()).filter((at) => ids[at]! >= SPECIAL_PIECES.length);
  if (candidates.length < count)
    throw new Error(`maskPieces: ${count} pieces are to be hidden, ${candidates.length} are not special`);
  const order = random.at("choice").permutation(candidates.length);
  const positions = Int32Array.from(order.subarray(0, count), (index) => candidates[index]!).sort();
  const labels = Int32Array.from(positions, (at) => ids[at]!);
  const masked = ids.slice();
  const lots = random.at("lot").uniforms(count);
  const pieces = random.at("piece").integers(count, vocabularySize - SPECIAL_PIECES.length);
  positions.forEach((at, i) => {
    if (always || lots[i]! < 0.8) masked[at] = MASK;
    else if (lots[i]! < 0.9) masked[at] = SPECIAL_PIECES.length + pieces[i]!;
  });
  return { ids: masked, positions, labels };
}
