/** The model of the study, opened once in a process. */
import { StateError } from "@cambium/base";
import { useBackend } from "@cambium/core";
import { type LanguageModel, loadModel, loadTokenizer, type Tokenizer } from "@cambium/models";
import type { Extent } from "./plan.ts";

export interface Opened {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
}

const opened = new Map<Extent["model"], Promise<Opened>>();

async function open(name: Extent["model"]): Promise<Opened> {
  await useBackend();
  if (name === "tiny") {
    const { tinyChat } = await import("@cambium/models/testing");
    return tinyChat({ positions: 65_536 }); // its tokens are bytes
  }
  const source = process.env["CAMBIUM_SMOLLM2"] ?? "models/smollm2-135m-instruct.gguf";
  const model = await loadModel(source, { head: { kind: "causal-lm" }, frozen: "as stored" });
  if (model.created.length > 0)
    throw new StateError({ message: `study:tool-use: ${source} has no ${model.created.join(", ")}` });
  return { model, tokenizer: await loadTokenizer(source) };
}

/** The model, its weights held as the file stores them: bit for bit those of its float32 form. */
export function openModel(name: Extent["model"]): Promise<Opened> {
  const known = opened.get(name);
  if (known !== undefined) return known;
  const fresh = open(name);
  opened.set(name, fresh);
  return fresh;
}
