import type { BertConfig, ConfigInput } from "@cambium/models";
import type { Domain } from "./corpora/index.ts";
import { VOCABULARY_SIZE } from "./text.ts";

/** Which folder of the package is grown. */
export type RecipeName = "bert-2x128-v1" | "bert-3x192-v1" | "bert-4x256-v1" | "bert-4x256-v2" | "bert-4x256-v3";

/** How one version of a sapling grows. */
export interface Recipe {
  readonly name: RecipeName;
  readonly config: ConfigInput & Partial<BertConfig>;
  /** Text to learn from. */
  readonly domain: Domain;
  /** The version to continue; without it the weights begin random. */
  readonly from?: RecipeName;
  /** Learning rate of AdamW, between warm-up and cooling down. */
  readonly learningRate: number;
  readonly seed: number;
}

/** Pieces per step: 16 rows of 128 and 64 of 32 in turn, at the end 8 of 256. Few, for time is short, and small batches learn more from each piece. */
export const PIECES_PER_STEP = 2048;

/** Steps of cooling down for each step at the full rate; the second half of them has the long rows. */
export const COOLING_SHARE = 0.25;

/** Pieces of a batch that are to be guessed. */
export const MASKED_PER_STEP = Math.round(0.15 * PIECES_PER_STEP);

function sizes(layers: number, width: number): ConfigInput & Partial<BertConfig> {
  return {
    model_type: "bert",
    vocab_size: VOCABULARY_SIZE,
    hidden_size: width,
    num_hidden_layers: layers,
    num_attention_heads: width / 64,
    intermediate_size: 4 * width,
    max_position_embeddings: 256,
    hidden_dropout_prob: 0, // a few epochs over little text: dropout would cost more steps than it saves
    attention_probs_dropout_prob: 0,
  };
}

/** Everything that can be grown. */
export const recipes: Readonly<Record<RecipeName, Recipe>> = {
  "bert-2x128-v1": { name: "bert-2x128-v1", config: sizes(2, 128), domain: "base", learningRate: 2e-3, seed: 1 },
  "bert-3x192-v1": { name: "bert-3x192-v1", config: sizes(3, 192), domain: "base", learningRate: 1.5e-3, seed: 5 },
  "bert-4x256-v1": { name: "bert-4x256-v1", config: sizes(4, 256), domain: "base", learningRate: 1e-3, seed: 2 },
  "bert-4x256-v2": {
    name: "bert-4x256-v2",
    config: sizes(4, 256),
    domain: "mail",
    from: "bert-4x256-v1",
    learningRate: 5e-4,
    seed: 3,
  },
  "bert-4x256-v3": {
    name: "bert-4x256-v3",
    config: sizes(4, 256),
    domain: "manuals",
    from: "bert-4x256-v2",
    learningRate: 5e-4,
    seed: 4,
  },
};
