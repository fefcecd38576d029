import type { ConfigInput } from "@cambium/models";
import type { Source } from "../text/blocks.ts";
import type { Domain } from "../text/corpora/index.ts";
import { type Text, VOCABULARY_SIZE } from "../text/text.ts";

/** What every recipe states. */
interface Shared {
  /** Name and version of the sapling, and its folder. */
  readonly name: string;
  /** Learning rate of AdamW, between warm-up and cooling down. */
  readonly learningRate: number;
  readonly seed: number;
  /** Steps in all, of which the last fifth cools down. */
  readonly steps: number;
  /** Shares of the steps after which the model is kept as it is, below `checkpoints/` in its folder; none in the last fifth. @default none */
  readonly kept?: readonly number[];
}

/** How a model learns from text, new or where another one stopped. */
export interface TextRecipe extends Shared {
  readonly kind: "encoder" | "decoder" | "encoder-decoder";
  readonly config: ConfigInput;
  /** Text to learn from. */
  readonly domain: Domain;
  /** The version to continue; without it the weights begin random. */
  readonly from?: string;
  /** Of a version that continues: share of the batches that are text of the versions before it. @default 0.1 */
  readonly replay?: number;
}

/** How a decoder learns to answer in turns. */
export interface ChatRecipe extends Shared {
  readonly kind: "chat";
  /** The decoder. */
  readonly from: string;
}

export type Recipe = TextRecipe | ChatRecipe;

/** Share of old text in a version that continues another. */
export const REPLAY_SHARE = 0.1;

/** Kept on the way: seven times as much each, and the end of the level rate. */
const EIGHT = [1 / 128, 1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 0.8] as const;
const SIX = EIGHT.slice(2);

function encoder(
  name: string,
  layers: number,
  width: number,
  recipe: Omit<TextRecipe, "name" | "kind" | "config">,
): TextRecipe {
  const config = {
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
  return { name, kind: "encoder", config, ...recipe };
}

const PRETRAINING_STEPS = 16_384;
const CONTINUED_STEPS = 2048;
const base = { domain: "base", steps: PRETRAINING_STEPS } as const;

/** LLaMA with two queries to a key, and the table of words as its head. */
const llama = {
  model_type: "llama",
  vocab_size: VOCABULARY_SIZE,
  hidden_size: 256,
  intermediate_size: 688,
  num_hidden_layers: 6,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 512,
  tie_word_embeddings: true,
} as const;

/** T5 1.1, but for its head, which is the table of words. */
const t5 = {
  model_type: "t5",
  vocab_size: VOCABULARY_SIZE,
  d_model: 256,
  d_kv: 64,
  d_ff: 512,
  num_layers: 3,
  num_decoder_layers: 3,
  num_heads: 4,
  feed_forward_proj: "gated-gelu",
  tie_word_embeddings: true,
  dropout_rate: 0,
} as const;

const all: readonly Recipe[] = [
  encoder("bert-2x128-v1", 2, 128, { ...base, learningRate: 2e-3, seed: 1 }),
  encoder("bert-3x192-v1", 3, 192, { ...base, learningRate: 1.5e-3, seed: 5 }),
  encoder("bert-4x256-v1", 4, 256, { ...base, learningRate: 1e-3, seed: 2, kept: EIGHT }),
  encoder("bert-4x256-other-v1", 4, 256, { ...base, learningRate: 1e-3, seed: 6 }),
  encoder("bert-4x256-v2", 4, 256, {
    domain: "mail",
    from: "bert-4x256-v1",
    steps: CONTINUED_STEPS,
    learningRate: 5e-4,
    seed: 3,
    kept: SIX,
  }),
  encoder("bert-4x256-v3", 4, 256, {
    domain: "manuals",
    from: "bert-4x256-v2",
    steps: CONTINUED_STEPS,
    learningRate: 5e-4,
    seed: 4,
    kept: SIX,
  }),
  { name: "llama-6x256-v1", kind: "decoder", config: llama, ...base, learningRate: 1e-3, seed: 7 },
  { name: "llama-6x256-chat-v1", kind: "chat", from: "llama-6x256-v1", steps: 4096, learningRate: 5e-4, seed: 8 },
  { name: "t5-3x256-v1", kind: "encoder-decoder", config: t5, ...base, learningRate: 1e-3, seed: 9 },
];

/** Everything that can be grown, by name. */
export const recipes: ReadonlyMap<string, Recipe> = new Map(all.map((recipe) => [recipe.name, recipe]));

/** Domains that the versions before one have learnt from, the first first. */
export function domainsBefore({ from }: Pick<TextRecipe, "from">): readonly Domain[] {
  const before = from === undefined ? undefined : recipes.get(from);
  if (before === undefined || before.kind === "chat") return [];
  return [...new Set([...domainsBefore(before), before.domain])];
}

/** The text of a recipe, and what it keeps of the text before. */
export async function sourceOf(recipe: TextRecipe, text: Pick<Text, "train">): Promise<Source> {
  const stream = await text.train(recipe.domain);
  const before = domainsBefore(recipe);
  const { replay: share = REPLAY_SHARE } = recipe;
  return before.length === 0 ? { stream } : { stream, replay: { stream: await text.train(...before), share } };
}

/** What a model learnt from, in words, for its lineage. */
export function corpusOf(recipe: Recipe): string {
  if (recipe.kind === "chat") return "chat";
  const before = domainsBefore(recipe);
  const { domain, replay = REPLAY_SHARE } = recipe;
  return before.length === 0 || replay === 0
    ? domain
    : `${domain}, with ${+(100 * replay).toFixed(2)} % of ${before.join(" and ")}`;
}
