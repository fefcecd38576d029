/** A tiny model that speaks a tokenizer of the fixtures, in tests. */

import { mapParameters, random } from "@cambium/core";
import { mul } from "@tensorflow/tfjs-core";
import { createModel } from "../create.ts";
import { fixtureJson } from "../fixtures.ts";
import type { LanguageModel } from "../language-model.ts";
import { createTokenizer, type Tokenizer } from "../tokenizer.ts";

const template =
  "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/** A byte-level tokenizer with a chat template; `<|im_end|>` ends texts. */
export function chatTokenizer(): Tokenizer {
  const config = { chat_template: template, bos_token: "<|im_start|>", eos_token: "<|im_end|>" };
  return createTokenizer(fixtureJson("tokenizer-strings/smollm.json"), config);
}

/** A GPT-2 of one layer with 48 positions, whose scores are some units apart. */
export function tinySpeaker(tokenizer: Tokenizer, seed = 1): LanguageModel {
  const config = {
    model_type: "gpt2",
    vocab_size: tokenizer.vocabularySize,
    n_positions: 48,
    n_embd: 12,
    n_layer: 1,
    n_head: 2,
  };
  const made = createModel(config, random(seed), { head: { kind: "causal-lm" } });
  const wide = mapParameters(made.parameters, (value) => (value.rank === 2 ? mul(value, 40) : value.clone()));
  for (const value of made.parameters.values()) value.dispose();
  return {
    ...made,
    parameters: wide,
    forward: (input, options) => made.forward(input, { parameters: wide, ...options }),
  };
}
