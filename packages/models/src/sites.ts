import type { Kind, Role, Site } from "@cambium/core";
import type { EncoderConfig } from "./config.ts";
import type { HeadConfig } from "./head-config.ts";
import { readsPooler } from "./shapes.ts";

/** Settings of `encoderSites`. */
export interface EncoderSitesOptions {
  readonly head?: HeadConfig;
  /** Whether the encoder has a pooler. @default as `parameterShapes` says */
  readonly pooler?: boolean;
}

/**
 * Every site that a forward pass of such an encoder visits, in the order of the visits.
 *
 * A site that holds others, such as a block, comes before them. Paths are the checkpoint's module names; what is no
 * module there is named here: `ff` (the feed-forward part), `intermediate` (its activation), `attention.self.pattern`
 * and `logits`.
 */
export function encoderSites(config: EncoderConfig, options: EncoderSitesOptions = {}): Site[] {
  const { head } = options;
  const pooler = options.pooler ?? (head === undefined || readsPooler(config, head));
  return [
    ...embeddingSites(config),
    ...Array.from({ length: config.num_hidden_layers }, (_, i) => layerSites(config, i)).flat(),
    ...(pooler ? [linear("pooler.dense", "pooler", config.hidden_size)] : []),
    ...(head === undefined ? [] : headSites(config, head)),
  ];
}

function site(kind: Kind, path: string, role: Role, width: number): Site {
  return { kind, path, role, width };
}

function linear(path: string, role: Role, width: number, weight = `${path}.weight`): Site {
  return { kind: "linear", path, role, width, weight: { name: weight, layout: "out,in" } };
}

function embeddingSites({ hidden_size: dModel }: EncoderConfig): Site[] {
  return [
    site("embed", "embeddings.word_embeddings", "embed", dModel),
    site("norm", "embeddings.LayerNorm", "embed.norm", dModel),
  ];
}

function layerSites(config: EncoderConfig, layer: number): Site[] {
  const { hidden_size: dModel, intermediate_size: dFf, num_attention_heads: heads } = config;
  const path = `encoder.layer.${layer}`;
  const sites = [
    site("block", path, "block", dModel),
    site("sublayer", `${path}.attention`, "attn", dModel),
    linear(`${path}.attention.self.query`, "attn.q", dModel),
    linear(`${path}.attention.self.key`, "attn.k", dModel),
    linear(`${path}.attention.self.value`, "attn.v", dModel),
    site("attention", `${path}.attention.self`, "attn.core", dModel / heads),
    site("pattern", `${path}.attention.self.pattern`, "attn.pattern", heads),
    linear(`${path}.attention.output.dense`, "attn.out", dModel),
    site("norm", `${path}.attention.output.LayerNorm`, "attn.norm", dModel),
    site("sublayer", `${path}.ff`, "ff", dModel),
    linear(`${path}.intermediate.dense`, "ff.up", dFf),
    site("activation", `${path}.intermediate`, "ff.act", dFf),
    linear(`${path}.output.dense`, "ff.down", dModel),
    site("norm", `${path}.output.LayerNorm`, "ff.norm", dModel),
  ];
  return sites.map((each) => ({ ...each, layer }));
}

function headSites(config: EncoderConfig, head: HeadConfig): Site[] {
  const { hidden_size: dModel, vocab_size: vocab } = config;
  const isBert = config.model_type === "bert";
  switch (head.kind) {
    case "masked-lm": {
      const path = isBert ? "cls.predictions" : "lm_head";
      const transform = isBert ? `${path}.transform` : path;
      return [
        linear(`${transform}.dense`, "head", dModel),
        site("norm", `${transform}.${isBert ? "LayerNorm" : "layer_norm"}`, "head", dModel),
        linear(`${path}.decoder`, "head", vocab, "embeddings.word_embeddings.weight"),
        site("logits", "logits", "logits", vocab),
      ];
    }
    case "token-classification":
      return [linear("classifier", "head", head.labels.length), site("logits", "logits", "logits", head.labels.length)];
    default: {
      const outputs = head.kind === "regression" ? 1 : head.labels.length;
      return [
        ...(isBert
          ? [linear("classifier", "head", outputs)]
          : [linear("classifier.dense", "head", dModel), linear("classifier.out_proj", "head", outputs)]),
        site("logits", "logits", "logits", outputs),
      ];
    }
  }
}
