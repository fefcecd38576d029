/**
 * Sites: the places of a model that are worth touching.
 *
 * A model declares its sites before any forward pass. Each has a *kind*, which fixes what flows in and out (`Flow`), a
 * *path* (the checkpoint's module name), and a *role*, the same word in every architecture. Hooks (`hook.ts`) are
 * middleware on sites.
 */
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";

/** What passes through a site, by its kind. Hooks are typed by this table. */
export interface Flow {
  /** Word embeddings only, before positions and norm. `extra` counts rows put in front, `offset` shifts positions. */
  embed: {
    /** `ids` `[batch, seq]` int32, `mask` `[batch, seq]` with 1 for real tokens. */
    input: { readonly ids: Tensor2D; readonly mask: Tensor2D };
    /** `x` `[batch, extra + seq, dModel]`, `mask` `[batch, extra + seq]`. */
    output: { readonly x: Tensor3D; readonly mask: Tensor2D; readonly extra: number; readonly offset: number };
  };
  /** A whole transformer layer, `[batch, seq, dModel]`. */
  block: { input: Tensor3D; output: Tensor3D };
  /** A whole attention or feed-forward part before its residual sum, `[batch, seq, dModel]`. */
  sublayer: { input: Tensor3D; output: Tensor3D };
  /** A linear layer, `[..., in]` to `[..., out]`. */
  linear: { input: Tensor; output: Tensor };
  /** A layer norm or RMS norm, `[batch, seq, dModel]`. */
  norm: { input: Tensor3D; output: Tensor3D };
  /** Scaled-dot-product attention: `[batch, heads, seq, dHead]` each; `bias` broadcasts to `[batch, heads, query, key]`. */
  attention: {
    input: { readonly query: Tensor4D; readonly key: Tensor4D; readonly value: Tensor4D; readonly bias?: Tensor };
    output: Tensor4D;
  };
  /** Attention probabilities, `[batch, heads, query, key]`. */
  pattern: { input: Tensor4D; output: Tensor4D };
  /** The feed-forward activation, `[batch, seq, dFf]`: its columns are the neurons. */
  activation: { input: Tensor3D; output: Tensor3D };
  /** Class or vocabulary scores, `[..., labels]`. */
  logits: { input: Tensor; output: Tensor };
}

/** A row of `Flow`. */
export type Kind = keyof Flow;

/** What a site does, the same word in every architecture. */
export type Role =
  | "embed"
  | "embed.norm"
  | "block"
  | "attn"
  | "attn.q"
  | "attn.k"
  | "attn.v"
  | "attn.core"
  | "attn.pattern"
  | "attn.out"
  | "attn.norm"
  | "ff"
  | "ff.up"
  | "ff.act"
  | "ff.down"
  | "ff.norm"
  | "pooler"
  | "head"
  | "logits";

/** Where a linear site's weight is stored. */
export interface SiteWeight {
  /** Parameter name. */
  readonly name: string;
  /** PyTorch's `Linear` is `"out,in"`, GPT-2's `Conv1D` `"in,out"`. */
  readonly layout: "out,in" | "in,out";
  /** Half-open range of output columns, where several sites share one matrix (fused query, key and value). */
  readonly columns?: readonly [from: number, to: number];
}

/** One place worth touching. */
export interface Site<K extends Kind = Kind> {
  readonly kind: K;
  /** Module path as in the checkpoint, such as `encoder.layer.0.attention.self.query`. Unique among its kind. */
  readonly path: string;
  readonly role: Role;
  /** Layer index from 0, where the site belongs to a layer. */
  readonly layer?: number;
  /** Size of the last axis of what flows out; for attention patterns the number of heads. */
  readonly width: number;
  readonly weight?: SiteWeight;
}
