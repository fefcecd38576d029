/** The models of the study: a sapling, and real ones from folders that environment variables name. */
import { disposeParameters, type Random } from "@cambium/core";
import {
  createModel,
  type HeadConfig,
  type LanguageModel,
  loadModel,
  loadTokenizer,
  type Tokenizer,
} from "@cambium/models";
import { modelSource } from "@cambium/study-kit/runs";

/** Whether a model goes on after a text, so that it is read at the last token. */
export const isDecoder = (name: string): boolean => name === "smollm2";

/** What is asked of a prompt's model: the word at a mask, the next word, or a class head where it has no head for words. */
export const formOf = (name: string): "mask" | "continuation" | "class-head" =>
  isDecoder(name) ? "continuation" : name === "minilm" ? "class-head" : "mask";

export interface Opened {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
}

/** A model without a head, or with one; with `weights` `"random"` a twin of the same sizes that was never trained. */
export async function openModel(
  name: string,
  random: Random,
  { head, weights = "pretrained" }: { readonly head?: HeadConfig; readonly weights?: "pretrained" | "random" } = {},
): Promise<Opened> {
  const source = modelSource(name);
  const tokenizer = await loadTokenizer(source);
  const model = await loadModel(source, head === undefined ? {} : { head, random: random.at("head") });
  if (weights === "pretrained") return { model, tokenizer };
  disposeParameters(model.parameters);
  const config = model.config as never;
  return { model: createModel(config, random.at("twin"), head === undefined ? {} : { head }), tokenizer };
}
