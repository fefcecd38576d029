import { basename } from "node:path";
import { disposeParameters, useBackend } from "@cambium/core";
import { type Local, local } from "@cambium/llm";
import { loadModel, loadTokenizer } from "@cambium/models";
import type { Flags } from "./flags.ts";

/** A model of this machine, and how to let go of it. */
export interface OpenedLocal {
  readonly source: Local;
  close(): Promise<void>;
}

/** Opens a model from a folder or a GGUF file, its layers held as `frozen` says. */
export async function openLocal(path: string, frozen: Flags["frozen"]): Promise<OpenedLocal> {
  await useBackend();
  const tokenizer = await loadTokenizer(path);
  const model = await loadModel(path, { head: { kind: "causal-lm" }, frozen });
  const source = local(model, tokenizer, { name: basename(path), chat: { date: new Date(0) } });
  return {
    source,
    async close() {
      await source.close();
      disposeParameters(model.parameters);
    },
  };
}
