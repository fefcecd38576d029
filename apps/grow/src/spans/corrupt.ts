/**
 * Span corruption: runs of pieces are hidden, each behind another token, and what the decoder writes are those runs.
 *
 * Raffel et al. 2020, Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer, arXiv:1910.10683, sections 3.1.4
 * and 3.3.4: 15 % of the pieces, runs of 3 on average.
 */
import type { Random } from "@cambium/core";
import { END_ID, SENTINEL_ID } from "../text/byte-vocabulary.ts";

const HIDDEN_SHARE = 0.15;
const MEAN_SPAN = 3;

/** What a text of some length becomes: numbers that do not depend on what is drawn, so that every batch has the same shapes. */
export interface SpanPlan {
  readonly hidden: number;
  readonly spans: number;
  /** Pieces of the source and of the target, the end of each included. */
  readonly source: number;
  readonly target: number;
}

/** The plan for texts of `length` pieces. */
export function planSpans(length: number): SpanPlan {
  const hidden = Math.round(length * HIDDEN_SHARE);
  const spans = Math.max(1, Math.round(hidden / MEAN_SPAN));
  return { hidden, spans, source: length - hidden + spans + 1, target: hidden + spans + 2 };
}

/** Cuts `total` things into `parts` runs of at least one, all such cuts equally likely. */
function cutInto(total: number, parts: number, random: Random): number[] {
  const inner = random.permutation(total - 1).subarray(0, parts - 1);
  const cuts = [0, ...Array.from(inner, (at) => at + 1).sort((a, b) => a - b), total];
  return Array.from({ length: parts }, (_, i) => cuts[i + 1]! - cuts[i]!);
}

/** What an encoder-decoder reads and writes. */
export interface Corrupted {
  readonly source: readonly number[];
  readonly target: readonly number[];
}

/** Writes visible and hidden runs in turn as a source and a target; a last token says that nothing more is hidden. */
export function hideRuns(
  runs: readonly { readonly visible: Iterable<number>; readonly hidden: Iterable<number> }[],
  rest: Iterable<number> = [],
): Corrupted {
  const source: number[] = [];
  const target: number[] = [];
  for (const [i, { visible, hidden }] of runs.entries()) {
    source.push(...visible, SENTINEL_ID + i);
    target.push(SENTINEL_ID + i, ...hidden);
  }
  source.push(...rest, END_ID);
  target.push(SENTINEL_ID + runs.length, END_ID);
  return { source, target };
}

/** Hides runs of a text, which begins with a visible run and ends with a hidden one. */
export function corruptSpans(text: Uint16Array, random: Random): Corrupted {
  const { hidden, spans } = planSpans(text.length);
  const hiddenLengths = cutInto(hidden, spans, random.at("hidden"));
  const visibleLengths = cutInto(text.length - hidden, spans, random.at("visible"));
  let at = 0;
  const take = (length: number): Uint16Array => {
    at += length;
    return text.subarray(at - length, at);
  };
  return hideRuns(visibleLengths.map((length, i) => ({ visible: take(length), hidden: take(hiddenLengths[i]!) })));
}
