/**
 * What an architecture is: a value that knows its configs, states its layout, and computes. Each lives in a folder of
 * `architectures`; everything else in this package is written once over this interface.
 */
import type { Scope } from "@cambium/core";
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D } from "@tensorflow/tfjs-core";
import type { GgufFormat } from "./gguf/format.ts";
import type { HeadConfig, HeadKind, Pool } from "./head-config.ts";
import type { Piece } from "./layout.ts";

/** What every config has, under transformers' names. Each architecture's has more; a file's other keys are kept. */
export interface ModelConfig {
  readonly model_type: string;
  /** Rows of the word embeddings. */
  readonly vocab_size: number;
}

/** What a model reads, and what its loss compares with. */
export interface TokenBatch {
  /** Token ids, int32 `[batch, seq]`: of the source, where there is a target as well. */
  readonly ids: Tensor2D;
  /** 1 for real tokens, 0 for padding, float32 `[batch, seq]`. */
  readonly mask: Tensor2D;
  /** Segment of each token, int32 `[batch, seq]`, for models that tell segments apart. @default all in segment 0 */
  readonly types?: Tensor2D;
  /** What a decoder beside an encoder reads, int32 `[batch, targetSeq]`. @default `labels`, one place later */
  readonly targetIds?: Tensor2D;
  /**
   * What the loss compares with. Sequence classification: int32 `[batch]`, index of the label; of several labels float32
   * `[batch, labels]`, 1 or 0. Regression: float32 `[batch]`, or `[batch, outputs]`. Token classification and causal language
   * models: int32 `[batch, seq]`. Question answering: int32 `[batch, 2]`, first and last token of the answer. Sequence to
   * sequence: int32 `[batch, targetSeq]`. Masked words: int32 `[batch, seq]`, or `[n]` beside `positions`. −100 is ignored in all
   * of these int32. Embeddings: int32 `[rows, candidates]`, 1 for a text's own pair, or scores, float32 `[rows]`, where ids hold
   * the texts of all rows, then their pairs, then their negatives.
   */
  readonly labels?: Tensor;
  /** Where the masked-LM head is evaluated, int32 `[n]`, as row · seq + column. @default everywhere */
  readonly positions?: Tensor1D;
  /**
   * Of packed rows: which of them each token belongs to, int32 `[batch, seq]`. A token sees those of its row alone, and each row's
   * positions start at 0. @default one row in each
   */
  readonly sequences?: Tensor2D;
  /** Of mixed batches: which delta each row wants, int32 `[batch]`, −1 for none. @default the same for all */
  readonly rows?: Tensor1D;
}

/** What a model's body makes of a batch. A type and no interface, so that `tidy` can return it. */
export type Hidden = {
  /** The last layer, `[batch, extra + seq, dModel]`: of the decoder, where there are two stacks. */
  readonly hidden: Tensor3D;
  /** 1 for real rows, `[batch, extra + seq]`. */
  readonly mask: Tensor2D;
  /** Position of each row in its sequence, from 0, int32 `[batch, extra + seq]`. */
  readonly positions: Tensor2D;
  /** Rows that prompts put in front of the words. */
  readonly extra: number;
  /** The pooler's output, `[batch, dModel]`, where the model has a pooler. */
  readonly pooled?: Tensor2D;
  /** The encoder's last layer, `[batch, source, dModel]`, where there are two stacks. */
  readonly encoded?: Tensor3D;
  /** 1 for real rows of `encoded`, `[batch, source]`. */
  readonly encodedMask?: Tensor2D;
};

/** What stands on a body, and its loss. Architectures share one where they compute the same. */
export interface Head<Config extends ModelConfig> {
  /**
   * What `pool` of the head's config may be: first the one that transformers computes, which is the default.
   *
   * @default a head that reads every token
   */
  readonly pools?: readonly [Pool, ...Pool[]];
  /** What the head adds, its logits site included. */
  layout(config: Config, head: HeadConfig): readonly Piece[];
  /** Scores, before the logits site. */
  forward(scope: Scope, config: Config, hidden: Hidden, batch: TokenBatch, head: HeadConfig): Tensor;
  /**
   * The loss without all scores at once, where that is less work and nothing acts on them; else nothing. The same number as
   * `loss` of `forward`.
   *
   * @default nothing
   */
  lossAtOnce?(scope: Scope, config: Config, hidden: Hidden, batch: TokenBatch): Scalar | undefined;
  /** Mean loss of the scores over what `weight` counts: in nats, or of regression in squares of its unit. */
  loss(logits: Tensor, batch: TokenBatch, head: HeadConfig): Scalar;
  /**
   * How many items the loss is a mean over. It reads the batch's labels on the host.
   *
   * @param extra - Rows that hooks put in front of the words.
   */
  weight(batch: TokenBatch, extra: number, head: HeadConfig): number;
}

/** Names in files that hold a task model: which of the body's names get a prefix there. */
export interface Wrapper {
  /** What transformers' task models put before the names of the body, such as `bert`. */
  readonly name: string;
  /** Whether our own names have it, as when nearly every file has. */
  readonly inNames: boolean;
  /** What stands in its place in files with some heads. @default the same under all */
  readonly under?: { readonly [Kind in HeadKind]?: string };
}

/** Where a delta method goes on a family when nothing is said, by the kind of the method: roles and other settings. */
export type MethodDefaults = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A family of models. */
export interface Architecture<Config extends ModelConfig = ModelConfig> {
  /** Values of `model_type` that it reads. */
  readonly types: readonly string[];
  /**
   * A whole config from what a user typed or from a `config.json`, defaults filled in.
   *
   * @throws {ConfigError} For a value out of range, a missing size, a variant that is not supported, or a key that a user typed
   *   and that does not exist; the nearest one is named.
   */
  parse(caller: string, value: unknown, from: "user" | "file"): Config;
  /** The body's pieces, in the order of the visits. Some depend on the head above it. */
  layout(config: Config, head?: HeadConfig): readonly Piece[];
  /** What `collate` makes for it. */
  readonly batch: "tokens" | "tokens+types" | "source+target";
  /** Id by which the model itself tells padding, where it does: the tokenizer must pad with it. */
  padding?(config: Config): number;
  /**
   * Whether positions count every column of a batch, padding included, so that rows must be filled up at their ends.
   *
   * @default positions count real tokens
   */
  readonly countsPadding?: true;
  /** Whether its forward pass reads a batch's `sequences`. @default false */
  readonly packs?: boolean;
  /** The longest sequence, prompts included, or `Infinity`. */
  maximumLength(config: Config): number;
  /**
   * The body.
   *
   * @param read - The one row of each sequence that is read, where it is one: `hidden` may then hold that row alone.
   */
  forward(scope: Scope, config: Config, batch: TokenBatch, read?: "first"): Hidden;
  readonly heads: { readonly [Kind in HeadKind]?: Head<Config> };
  readonly wrapper?: Wrapper;
  /** Today's name of a parameter that old files call otherwise, or its own name. Given names are without the wrapper. */
  legacy?(name: string): string;
  /**
   * A tied parameter that some files hold with other values, whatever their config says: its name, and the config of such
   * a model.
   */
  readonly untie?: {
    readonly name: string;
    /** The config of a model whose files hold that parameter by itself. */
    config(config: Config): Config;
  };
  /** Whether a name in a file is of something that is no parameter, such as a stored mask. */
  isBuffer?(name: string): boolean;
  /** How its models stand in GGUF files, where they do. */
  readonly gguf?: GgufFormat<Config>;
  /** transformers' class names, such as `BertModel`, for the model without a head and with each. */
  classNames(config: Config): { readonly base: string } & { readonly [Kind in HeadKind]?: string };
  /**
   * Keys of the config that hold floats, at any depth. They are written as `1.0` where they are whole: transformers refuses an
   * integer for some of them.
   *
   * @default none
   */
  readonly floatKeys?: readonly string[];
  readonly defaults: MethodDefaults;
  /** A config of a small model, no two of its sizes alike, with this rate for every dropout: for tests and examples. */
  tiny(dropout: number): { readonly model_type: string };
}

/**
 * An architecture among others, whatever its config is.
 *
 * Its functions only ever get configs that its own `parse` made.
 */
export function asArchitecture<Config extends ModelConfig>(architecture: Architecture<Config>): Architecture {
  return architecture as unknown as Architecture;
}
