/** Reads a prompt in parts, so that calls which are on their way go on between them. */
import type { Decoder, Sequences } from "../generate/decoder.ts";
import { FEWEST_KEPT, type KeptPrefixes } from "./kept-prefixes.ts";

/** A prompt that is being read. */
export interface PromptReader {
  /** Tokens that a kept begin had read. */
  readonly cached: number;
  /** Tokens that are still to be read. */
  readonly left: number;
  /** Reads at most so many tokens, at least one unless all are read. */
  read(most: number): Promise<void>;
  /** What was read and what follows, once nothing is left. The caller's. */
  take(): { readonly sequences: Sequences; readonly scores: Float32Array };
  /** Lets go of what was read. */
  dispose(): void;
}

/** What is read. */
export interface PromptStart {
  readonly ids: readonly number[];
  readonly delta: number | undefined;
  /** Whether it is read as a whole, as the source of a model of two stacks. */
  readonly isWhole: boolean;
}

/** A reader at a prompt's start, or behind the begin of it that is kept: read or take at once then, since begins are let go of. */
export function promptReader(decoder: Decoder, kept: KeptPrefixes, { ids, delta, isWhole }: PromptStart): PromptReader {
  const deltas = delta === undefined ? undefined : [delta];
  const { prefix, shared } = isWhole ? { prefix: undefined, shared: 0 } : kept.find(ids, delta);
  const cached = prefix?.ids.length ?? 0;
  /** What was read; until there is something it stands behind the prefix, which stays as it is. */
  let sequences: Sequences | undefined;
  let scores: Float32Array | undefined = prefix?.scores?.slice();
  let at = cached;
  /** Where other prompts part from this one: kept as soon as a second one comes by. */
  const fork = shared - cached >= FEWEST_KEPT && shared < ids.length ? shared : ids.length;

  function keep(): void {
    const read = ids.slice(0, at);
    if (isWhole || !kept.isWanted(read, delta)) return;
    kept.add({ ids: read, delta, sequences: sequences!.fork(), scores: scores!.slice() });
  }

  return {
    cached,
    get left() {
      return ids.length - at;
    },
    async read(most) {
      const stop = at < fork ? fork : ids.length;
      const end = isWhole ? ids.length : Math.min(stop, at + Math.max(1, most));
      const part = [ids.slice(at, end)];
      if (sequences === undefined) {
        ({ sequences, scores } = await decoder.begin(part, { behind: prefix?.sequences, deltas }));
      } else scores = await sequences.extend(part);
      at = end;
      if (at === ids.length || at === fork) keep();
    },
    take() {
      const taken = { sequences: sequences ?? prefix!.sequences.fork(), scores: scores! };
      sequences = undefined;
      return taken;
    },
    dispose: () => sequences?.dispose(),
  };
}
