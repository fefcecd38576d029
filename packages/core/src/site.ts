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
  /** Word embeddings only, before positions and norm. */
  embed: {
    /** `ids` `[batch, seq]` int32, `mask` `[batch, seq]` with 1 for real tokens, `positions` `[batch, seq]` int32 from 0. */
    input: { readonly ids: Tensor2D; readonly mask: Tensor2D; readonly positions: Tensor2D };
    /**
     * `x` `[batch, extra + seq, dModel]`, `mask` and `positions` `[batch, extra + seq]`. `extra` counts rows that were put in
     * front of the words. `offset` says by how much positions were moved beyond that, and `keys` how many keys every attention
     * will have in front of these rows: models check their limits with them. @default offset 0, keys 0
     */
    output: {
      readonly x: Tensor3D;
      readonly mask: Tensor2D;
      readonly positions: Tensor2D;
      readonly extra: number;
      readonly offset?: number;
      readonly keys?: number;
    };
  };
  /** A whole transformer layer, `[batch, seq, dModel]`. */
  block: { input: Tensor3D; output: Tensor3D };
  /** A whole attention or feed-forward part before its residual sum, `[batch, seq, dModel]`. */
  sublayer: { input: Tensor3D; output: Tensor3D };
  /** A linear layer, `[..., in]` to `[..., out]`. */
  linear: { input: Tensor; output: Tensor };
  /** A layer norm or RMS norm, `[batch, seq, dModel]`; of the heads of queries or keys, `[batch, seq · heads, dHead]`. */
  norm: { input: Tensor3D; output: Tensor3D };
  /**
   * Attention, `softmax(scale · query keyᵀ + bias) value`. `query` `[batch, heads, seq, dHead]`; `key` and `value` may have
   * fewer heads, each of which serves several of the query's. `bias` broadcasts to `[batch, heads, query, key]`. With `causal`,
   * the last query sees every key, the one before it all but the last, and so on. With a cache, which keeps the
   * rows of causal attention, `key` and `value` are the new rows, and `bias` spans those in the cache as well, which come first.
   */
  attention: {
    input: {
      readonly query: Tensor4D;
      readonly key: Tensor4D;
      readonly value: Tensor4D;
      readonly bias?: Tensor;
      readonly scale: number;
      readonly causal: boolean;
    };
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

/** The roles that architectures share. `cross` is a decoder's attention to its encoder, `qkv` a projection to all three. */
export type KnownRole =
  | "embed"
  | "embed.norm"
  | "block"
  | "attn"
  | "attn.qkv"
  | "attn.q"
  | "attn.q.norm"
  | "attn.k"
  | "attn.k.norm"
  | "attn.v"
  | "attn.core"
  | "attn.pattern"
  | "attn.out"
  | "attn.norm"
  | "cross"
  | "cross.q"
  | "cross.k"
  | "cross.v"
  | "cross.core"
  | "cross.pattern"
  | "cross.out"
  | "cross.norm"
  | "ff"
  | "ff.gate"
  | "ff.up"
  | "ff.act"
  | "ff.down"
  | "ff.norm"
  | "final.norm"
  | "pooler"
  | "head"
  | "logits";

/** What a site does: a word that architectures share where one fits, else one of the architecture's choosing. */
export type Role = KnownRole | (string & {});

/** Where a site's weight is stored. */
export interface SiteWeight {
  /** Parameter name. */
  readonly name: string;
  /**
   * PyTorch's `Linear` is `"out,in"`, GPT-2's `Conv1D` `"in,out"`, and so is a table of embeddings, `[rows, width]`. For a
   * norm's vector it says nothing.
   */
  readonly layout: "out,in" | "in,out";
}

/** Which part of a fused projection a site is. */
export interface SitePart {
  /** Path of the linear site that is the whole. */
  readonly of: string;
  /** Half-open range of the whole's output columns. */
  readonly columns: readonly [from: number, to: number];
}

/** One place worth touching. */
export interface Site<K extends Kind = Kind> {
  readonly kind: K;
  /** Module path as in the checkpoint, such as `encoder.layer.0.attention.self.query`. Unique among its kind. */
  readonly path: string;
  readonly role: Role;
  /** In models of two stacks, the one that the site belongs to. */
  readonly stack?: "encoder" | "decoder";
  /** Layer index from 0 within its stack, where the site belongs to a layer. */
  readonly layer?: number;
  /** Size of the last axis of what flows in, for linear sites. */
  readonly input?: number;
  /** Size of the last axis of what flows out; for attention the width of one head, for its patterns the number of heads. */
  readonly width: number;
  /** For attention, the number of heads of its keys and values. */
  readonly keyHeads?: number;
  /** Linear sites name their matrix, norms their gain, embed sites their table; two sites may share one. */
  readonly weight?: SiteWeight;
  /** Parameter name of the bias, where there is one. */
  readonly bias?: string;
  /** For a linear site that is some columns of another, which has the weight and the bias. */
  readonly part?: SitePart;
}
