import { basename } from "node:path";
import { disposeParameters, useBackend } from "@cambium/core";
import { type Local, local } from "@cambium/llm";
import { loadModel, loadTokenizer } from "@cambium/models";

/** A model of this machine, and how to let go of it. */
export interface OpenedLocal {
  readonly source: Local;
  close(): Promise<void>;
}

/** Opens a model from a folder or a GGUF file. */
export async function openLocal(path: string): Promise<OpenedLocal> {
  await useBackend();
  const tokenizer = await loadTokenizer(path);
  const model = await loadModel(path, { head: { kind: "causal-lm" } });
  const source = local(model, tokenizer, { name: basename(path), chat: { date: new Date(0) } });
  return {
    source,
    async close() {
      await source.close();
      disposeParameters(model.parameters);
    },
  };
}
