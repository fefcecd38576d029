/** The models of the study: saplings, and real ones from folders that environment variables name. */
import { type Files, openFiles, StateError } from "@cambium/base";
import type { Random } from "@cambium/core";
import { type HeadConfig, type LanguageModel, loadModel, loadTokenizer, type Tokenizer } from "@cambium/models";
import { type SaplingName, sapling, saplings } from "@cambium/saplings";

function sourceOf(name: string): Files {
  if (saplings.some((info) => info.name === name)) return sapling(name as SaplingName);
  if (name === "minilm") return openFiles(process.env["CAMBIUM_MINILM"] ?? "models/all-MiniLM-L6-v2");
  if (name === "smollm2") return openFiles(process.env["CAMBIUM_SMOLLM2"] ?? "models/smollm2-135m-instruct");
  throw new StateError({ message: `internal: there is no model "${name}"` });
}

/** A model with a new head. */
export async function openModel(
  name: string,
  head: HeadConfig,
  random: Random,
): Promise<{ readonly model: LanguageModel; readonly tokenizer: Tokenizer }> {
  const source = sourceOf(name);
  const tokenizer = await loadTokenizer(source);
  return { model: await loadModel(source, { head, random }), tokenizer };
}
