import { ConfigError } from "@cambium/base";
import { engine } from "@tensorflow/tfjs-core";
import type { RunnableModel } from "../runnable.ts";
import { checkDeltaNumbers } from "./check-rows.ts";
import { compiledDecoder } from "./compiled.ts";
import type { Decoder } from "./decoder.ts";
import { plainDecoder } from "./plain.ts";

/** By model, on the backend that they were opened on. */
const opened = new WeakMap<RunnableModel, { readonly backend: unknown; readonly decoder: Decoder }>();

/**
 * The engine for a model, with deltas or without: one for each, so that what one call has read can be continued by another.
 *
 * @param caller - Function to name in the message.
 * @throws {ConfigError} For a model whose head says nothing of what follows.
 */
export function openDecoder(caller: string, model: RunnableModel): Decoder {
  const { head, architecture, config } = model;
  if (head?.kind !== "causal-lm" && head?.kind !== "sequence-to-sequence") {
    const kinds = ["causal-lm", "sequence-to-sequence"] as const;
    const fitting = kinds.filter((kind) => architecture.heads[kind] !== undefined);
    throw new ConfigError({
      message: `${caller}: the model has ${head === undefined ? "no head" : `a ${head.kind} head`}, which says nothing of what follows; ${fitting.length === 0 ? `a ${config.model_type} cannot generate` : `load it with { head: { kind: "${fitting[0]}" } }`}`,
      head: head?.kind,
    });
  }
  const { backend } = engine();
  const known = opened.get(model);
  if (known?.backend === backend) return known.decoder;
  const inner = decoderOf(caller, model);
  const decoder: Decoder = {
    ...inner,
    async begin(rows, options = {}) {
      checkDeltaNumbers("generate", model, options.deltas);
      return inner.begin(rows, options);
    },
  };
  opened.set(model, { backend, decoder });
  return decoder;
}

function decoderOf(caller: string, model: RunnableModel): Decoder {
  const { head, config } = model;
  const vocab = model.sites().find(({ kind }) => kind === "logits")!.width;
  if (head!.kind === "causal-lm") return compiledDecoder(model, vocab) ?? plainDecoder(model, vocab);
  const { decoder_start_token_id: start } = config as { readonly decoder_start_token_id?: unknown };
  if (typeof start === "number") return plainDecoder(model, vocab, start);
  throw new ConfigError({ message: `${caller}: the config does not say decoder_start_token_id` });
}
