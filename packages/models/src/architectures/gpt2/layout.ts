import type { Start } from "@cambium/core";
import { embedding, inLayer, linear, norm, type Piece, parameter, site } from "../../layout.ts";
import type { Gpt2Config } from "./config.ts";

/** The table of word embeddings, which the language model's head shares. */
export const WORDS = "transformer.wte.weight";

/** How matrices and embeddings start. */
export function startOf(config: Gpt2Config): Start {
  return { kind: "normal", deviation: config.initializer_range };
}

/**
 * Sites and parameters of the decoder, in the order of the visits.
 *
 * Paths are the checkpoint's module names; what is no module there is named here: the parts of `attn.c_attn` (`q`, `k`, `v`),
 * `attn.core` and its pattern.
 */
export function gpt2Layout(config: Gpt2Config): readonly Piece[] {
  const { n_embd: dModel } = config;
  const start = startOf(config);
  return [
    embedding("transformer.wte", { rows: config.vocab_size, width: dModel, start }),
    parameter("transformer.wpe.weight", [config.n_positions, dModel], start),
    ...Array.from({ length: config.n_layer }, (_, i) => inLayer(i, block(config, `transformer.h.${i}`))).flat(),
    norm("transformer.ln_f", "final.norm", dModel),
  ];
}

function block(config: Gpt2Config, path: string): readonly Piece[] {
  const { n_embd: dModel, n_head: heads, n_inner: dFf = 4 * dModel } = config;
  const start = startOf(config);
  // What is added to the residual stream starts smaller, the more layers there are (Radford et al. 2019, section 2.3).
  const toResidual: Start = { kind: "normal", deviation: config.initializer_range / Math.sqrt(2 * config.n_layer) };
  const common = { layout: "in,out", eightBit: true } as const;
  return [
    site("block", path, "block", dModel),
    norm(`${path}.ln_1`, "attn.norm", dModel),
    site("sublayer", `${path}.attn`, "attn", dModel),
    linear(`${path}.attn.c_attn`, "attn.qkv", {
      ...common,
      input: dModel,
      output: 3 * dModel,
      start,
      parts: [
        ["q", "attn.q", dModel],
        ["k", "attn.k", dModel],
        ["v", "attn.v", dModel],
      ],
    }),
    site("attention", `${path}.attn.core`, "attn.core", dModel / heads, { keyHeads: heads }),
    site("pattern", `${path}.attn.core.pattern`, "attn.pattern", heads),
    linear(`${path}.attn.c_proj`, "attn.out", { ...common, input: dModel, output: dModel, start: toResidual }),
    norm(`${path}.ln_2`, "ff.norm", dModel),
    site("sublayer", `${path}.mlp`, "ff", dModel),
    linear(`${path}.mlp.c_fc`, "ff.up", { ...common, input: dModel, output: dFf, start }),
    site("activation", `${path}.mlp.act`, "ff.act", dFf),
    linear(`${path}.mlp.c_proj`, "ff.down", { ...common, input: dFf, output: dModel, start: toResidual }),
  ];
}
