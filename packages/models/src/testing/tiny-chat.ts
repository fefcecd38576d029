import { random } from "@cambium/core";
import { mul, type Tensor, tensor2d } from "@tensorflow/tfjs-core";
import { createModel } from "../create.ts";
import type { LanguageModel } from "../language-model.ts";
import { bytesOfCharacters } from "../tokenizer/bytes.ts";
import { createTokenizer, type Tokenizer } from "../tokenizer.ts";

/** Settings of `tinyChat`. */
export interface TinyChatOptions {
  /** @default 1 */
  readonly seed?: number;
  /** Positions of the model. @default 2048 */
  readonly positions?: number;
  /** The chat template. @default ChatML without tools */
  readonly template?: string;
}

const SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];

const CHAT_ML =
  "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/** Whether greedy texts may have it: what is printed, and the end of a turn. */
const isSaid = (id: number, character: string): boolean =>
  id === 2 || (id >= SPECIAL.length && /^[!-~Ġ]$/.test(character));

/**
 * A LLaMA of two layers and seeded random weights, and a tokenizer of its own whose tokens are bytes, with a chat template. It says
 * printed ASCII characters without meaning, and ends some of its answers by itself. The caller disposes of its parameters.
 *
 * @example
 * const { model, tokenizer } = tinyChat();
 * await saveModel(model, folder, { tokenizer });
 */
export function tinyChat(options: TinyChatOptions = {}): {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
} {
  const { seed = 1, positions = 2048, template = CHAT_ML } = options;
  const pieces = [...SPECIAL, ...bytesOfCharacters.keys()];
  const created = createModel(
    {
      model_type: "llama",
      vocab_size: pieces.length,
      hidden_size: 32,
      intermediate_size: 48,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      max_position_embeddings: positions,
      tie_word_embeddings: true,
      initializer_range: 0.3,
      bos_token_id: 0,
      eos_token_id: 2,
    },
    random(seed),
    { head: { kind: "causal-lm" } },
  );
  const parameters = new Map<string, Tensor>(created.parameters);
  const name = [...parameters.keys()].find((each) => each.endsWith("embed_tokens.weight"))!;
  const said = tensor2d(pieces.map((piece, id) => [isSaid(id, piece) ? 1 : 0.01]));
  const words = parameters.get(name)!;
  parameters.set(name, mul(words, said));
  words.dispose();
  said.dispose();
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const tokenizer = createTokenizer(
    {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: SPECIAL.map((content, id) => ({
        ...{ id, content, special: true, normalized: false },
        ...{ single_word: false, lstrip: false, rstrip: false },
      })),
      normalizer: null,
      pre_tokenizer: bytes,
      post_processor: null,
      decoder: bytes,
      model: {
        ...{ type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null },
        ...{ fuse_unk: false, byte_fallback: false, ignore_merges: false },
        vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
        merges: [],
      },
    },
    {
      tokenizer_class: "PreTrainedTokenizerFast",
      ...{ bos_token: "<|endoftext|>", eos_token: "<|im_end|>", pad_token: "<|endoftext|>" },
      chat_template: template,
    },
  );
  const model: LanguageModel = {
    ...created,
    parameters,
    forward: (input, forwardOptions) => created.forward(input, { parameters, ...forwardOptions }),
    loss: (input, forwardOptions) => created.loss!(input, { parameters, ...forwardOptions }),
  };
  return { model, tokenizer };
}
