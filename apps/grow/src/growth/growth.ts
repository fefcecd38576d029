import type { CorpusRecord } from "../text/text.ts";
import type { Measures } from "./growing.ts";
import type { Recipe } from "./recipes.ts";

/** What is known of a grown sapling; `growth.json` in its folder, from which the model card is written. */
export interface Growth {
  readonly name: string;
  /** Absent in older ones, which are encoders. */
  readonly kind?: Recipe["kind"];
  readonly date: string;
  readonly from?: string;
  /** The encoder that taught it, and under which licence; absent where text alone did. */
  readonly teacher?: string;
  /** What it learnt from; absent where rows were made for it. */
  readonly domain?: string;
  /** What was learnt before and kept, and its share of the rows. */
  readonly replay?: { readonly domains: readonly string[]; readonly share: number };
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
  /** Of an encoder: held-out perplexity of hidden pieces by corpus. */
  readonly perplexity?: Measures;
  /** Of what writes: nats of a held-out character by corpus; of an encoder-decoder, of a hidden one. */
  readonly natsPerCharacter?: Measures;
  /** Of what chats: share of the answers to held-out questions that are right to the letter, by job. */
  readonly answers?: Measures;
}
