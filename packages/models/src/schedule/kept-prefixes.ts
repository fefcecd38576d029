/** Begins of prompts that were read, kept for prompts that begin alike: the least recently used are let go of first. */
import type { Sequences } from "../generate/decoder.ts";

/** One begin: what was read, and what follows it. */
export interface KeptPrefix {
  readonly ids: readonly number[];
  /** Which delta read it, undefined where the model tells none apart. */
  readonly delta: number | undefined;
  readonly sequences: Sequences;
  /** Of what follows it, `[1, vocab]`, where they are known: without them it serves longer prompts only. */
  readonly scores: Float32Array | undefined;
}

/** What of a prompt is known. */
export interface Known {
  /** The longest begin of it that is kept. */
  readonly prefix: KeptPrefix | undefined;
  /** Tokens that it shares with some begin that is kept: where a place that several prompts go through may be. */
  readonly shared: number;
}

/** Shorter begins cost more to keep than to read. Tokens. */
export const FEWEST_KEPT = 16;

/** A store of begins that takes at most so many bytes. */
export interface KeptPrefixes {
  /** Looks a prompt up. */
  find(ids: readonly number[], delta: number | undefined): Known;
  /** Whether a begin of this length is worth keeping, and is not kept yet. */
  isWanted(ids: readonly number[], delta: number | undefined): boolean;
  /** Takes a begin over, and lets go of others for it. */
  add(prefix: KeptPrefix): void;
  readonly sizeBytes: number;
  dispose(): void;
}

function sharedLength(a: readonly number[], b: readonly number[]): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}

/**
 * @param mostBytes - What may be kept; 0 keeps nothing.
 * @param sizeOf - Bytes that a begin of so many tokens takes.
 */
export function keptPrefixes(mostBytes: number, sizeOf: (tokens: number) => number): KeptPrefixes {
  /** The least recently used first. */
  let kept: KeptPrefix[] = [];
  let sizeBytes = 0;

  const isSame = (prefix: KeptPrefix, ids: readonly number[], delta: number | undefined): boolean =>
    prefix.delta === delta && prefix.ids.length === ids.length && sharedLength(prefix.ids, ids) === ids.length;

  return {
    find(ids, delta) {
      let prefix: KeptPrefix | undefined;
      let shared = 0;
      for (const each of kept) {
        if (each.delta !== delta) continue;
        const length = sharedLength(each.ids, ids);
        shared = Math.max(shared, length);
        const serves = length === each.ids.length && (each.scores !== undefined || length < ids.length);
        if (serves && length > (prefix?.ids.length ?? 0)) prefix = each;
      }
      if (prefix !== undefined) kept = [...kept.filter((each) => each !== prefix), prefix];
      return { prefix, shared };
    },
    isWanted: (ids, delta) =>
      ids.length >= FEWEST_KEPT && sizeOf(ids.length) <= mostBytes && !kept.some((each) => isSame(each, ids, delta)),
    add(prefix) {
      kept.push(prefix);
      sizeBytes += sizeOf(prefix.ids.length);
      while (sizeBytes > mostBytes) {
        const oldest = kept.shift()!;
        sizeBytes -= sizeOf(oldest.ids.length);
        oldest.sequences.dispose();
      }
    },
    get sizeBytes() {
      return sizeBytes;
    },
    dispose() {
      for (const { sequences } of kept) sequences.dispose();
      kept = [];
      sizeBytes = 0;
    },
  };
}
