/** The models of the study: saplings, and real ones from folders that environment variables name. */
import { StateError } from "@cambium/base";
import { disposeParameters, type Random } from "@cambium/core";
import {
  type BertConfig,
  createModel,
  type HeadConfig,
  type LanguageModel,
  loadModel,
  loadTokenizer,
  type Tokenizer,
} from "@cambium/models";
import { saplings } from "@cambium/saplings";
import { modelSource } from "@cambium/study-kit/runs";

/** Weights in all, as the saplings' catalog counts them, or as the real models have them. */
export function sizeOf(name: string): number {
  const known = saplings.find((info) => info.name === name)?.parameterCount ?? { minilm: 22_713_216 }[name];
  if (known === undefined) throw new StateError({ message: `internal: the size of "${name}" is not known` });
  return known;
}

/** A model with a new head; with `weights` `"random"` a twin of the same sizes that was never trained. */
export async function openModel(
  name: string,
  head: HeadConfig,
  random: Random,
  weights: "pretrained" | "random" = "pretrained",
): Promise<{ readonly model: LanguageModel; readonly tokenizer: Tokenizer }> {
  const source = modelSource(name);
  const tokenizer = await loadTokenizer(source);
  const model = await loadModel<BertConfig>(source, { head, random: random.at("head") });
  if (weights === "pretrained") return { model, tokenizer };
  disposeParameters(model.parameters);
  const { hidden_size, num_hidden_layers, num_attention_heads, intermediate_size } = model.config;
  const { max_position_embeddings, vocab_size, hidden_dropout_prob, attention_probs_dropout_prob } = model.config;
  const sizes = { hidden_size, num_hidden_layers, num_attention_heads, intermediate_size };
  const rest = { max_position_embeddings, vocab_size, hidden_dropout_prob, attention_probs_dropout_prob };
  return { model: createModel({ model_type: "bert", ...sizes, ...rest }, random.at("twin"), { head }), tokenizer };
}
