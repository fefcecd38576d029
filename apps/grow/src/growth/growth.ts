import type { CorpusRecord } from "./text.ts";

/** What is known of a grown sapling; `growth.json` in its folder, from which the model card is written. */
export interface Growth {
  readonly name: string;
  readonly date: string;
  readonly from?: string;
  /** The encoder that taught it, and under which licence; absent where text alone did. */
  readonly teacher?: string;
  readonly domain: string;
  readonly seed: number;
  readonly parameterCount: number;
  readonly vocabularySize: number;
  readonly steps: number;
  readonly piecesPerStep: number;
  readonly learningRate: number;
  /** Mean loss over the first and the last hundred steps: the sum of its parts. */
  readonly firstLoss: number;
  readonly lastLoss: number;
  /** Time spent in steps, all sittings together. */
  readonly minutes: number;
  readonly hardware: string;
  readonly corpora: readonly (CorpusRecord & { readonly trained: boolean })[];
  /** Held-out perplexity of hidden pieces by corpus. */
  readonly perplexity: Readonly<Record<string, number>>;
}
