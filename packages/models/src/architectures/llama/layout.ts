import type { Start } from "@cambium/core";
import { embedding, inLayer, linear, norm, type Piece, site } from "../../layout.ts";
import type { DecoderConfig } from "./decoder-config.ts";
import type { DecoderForm } from "./form.ts";

/** The table of word embeddings, which the language model's head may share. */
export const WORDS = "model.embed_tokens.weight";

/** How matrices and embeddings start. */
export function startOf(config: DecoderConfig): Start {
  return { kind: "normal", deviation: config.initializer_range };
}

/**
 * Sites and parameters of the decoder, in the order of the visits.
 *
 * Paths are the checkpoint's module names; `self_attn.core` and its pattern are no modules there.
 */
export function decoderLayout(config: DecoderConfig, form: DecoderForm): readonly Piece[] {
  const { vocab_size: rows, hidden_size: width } = config;
  return [
    embedding("model.embed_tokens", { rows, width, start: startOf(config) }),
    ...Array.from({ length: config.num_hidden_layers }, (_, i) =>
      inLayer(i, block(config, form, `model.layers.${i}`)),
    ).flat(),
    norm("model.norm", "final.norm", width, { bias: false }),
  ];
}

function block(config: DecoderConfig, form: DecoderForm, path: string): readonly Piece[] {
  const { hidden_size: dModel, intermediate_size: dFf, head_dim: dHead } = config;
  const { num_attention_heads: heads, num_key_value_heads: keyHeads } = config;
  const { biases, headNorms = false } = form;
  const common = { start: startOf(config), eightBit: true } as const;
  const attention = { ...common, bias: biases?.qkv ?? false };
  const feedForward = { ...common, bias: biases?.feedForward ?? false };
  const ofHeads = (name: "q" | "k"): readonly Piece[] =>
    headNorms ? [norm(`${path}.self_attn.${name}_norm`, `attn.${name}.norm`, dHead, { bias: false })] : [];
  const [inner, keyWidth] = [heads * dHead, keyHeads * dHead];
  return [
    site("block", path, "block", dModel),
    norm(`${path}.input_layernorm`, "attn.norm", dModel, { bias: false }),
    site("sublayer", `${path}.self_attn`, "attn", dModel),
    linear(`${path}.self_attn.q_proj`, "attn.q", { ...attention, input: dModel, output: inner }),
    ...ofHeads("q"),
    linear(`${path}.self_attn.k_proj`, "attn.k", { ...attention, input: dModel, output: keyWidth }),
    ...ofHeads("k"),
    linear(`${path}.self_attn.v_proj`, "attn.v", { ...attention, input: dModel, output: keyWidth }),
    site("attention", `${path}.self_attn.core`, "attn.core", dHead, { keyHeads }),
    site("pattern", `${path}.self_attn.core.pattern`, "attn.pattern", heads),
    linear(`${path}.self_attn.o_proj`, "attn.out", {
      ...common,
      bias: biases?.out ?? false,
      input: inner,
      output: dModel,
    }),
    norm(`${path}.post_attention_layernorm`, "ff.norm", dModel, { bias: false }),
    site("sublayer", `${path}.mlp`, "ff", dModel),
    linear(`${path}.mlp.gate_proj`, "ff.gate", { ...feedForward, input: dModel, output: dFf }),
    linear(`${path}.mlp.up_proj`, "ff.up", { ...feedForward, input: dModel, output: dFf }),
    site("activation", `${path}.mlp.act_fn`, "ff.act", dFf),
    linear(`${path}.mlp.down_proj`, "ff.down", { ...feedForward, input: dFf, output: dModel }),
  ];
}
