import { parseConfig } from "@cambium/base";
import * as z from "zod";
import { type EmbeddingHead, settleEmbedding } from "./embedding/head-config.ts";
import { poolingNames } from "./embedding/pooling.ts";

/**
 * What a head on whole sequences reads: the first token, the last one, or the mean of the words, without padding and rows of
 * prompts.
 */
export type Pool = "first" | "last" | "mean";

/** What stands on top of a model's body, and so what its loss is. */
export type HeadConfig =
  /** One of `labels` for each sequence, and cross-entropy; with `multiLabel`, any number of them, and binary cross-entropy. */
  | {
      readonly kind: "sequence-classification";
      readonly labels: readonly string[];
      /** Whether a sequence can have several labels, or none. @default one label a sequence */
      readonly multiLabel?: true;
      /** @default what transformers reads: of encoders "first", of decoders "last" */
      readonly pool?: Pool;
    }
  /** One of `labels` for each token; cross-entropy. */
  | { readonly kind: "token-classification"; readonly labels: readonly string[] }
  /** The first and the last token of an answer; the mean of both cross-entropies. */
  | { readonly kind: "question-answering" }
  /** The hidden words; cross-entropy. */
  | { readonly kind: "masked-lm" }
  /** The next word; cross-entropy. */
  | { readonly kind: "causal-lm" }
  /** The words of a second text, one after the other; cross-entropy. */
  | { readonly kind: "sequence-to-sequence" }
  /** Numbers for each sequence; mean squared error. */
  | {
      readonly kind: "regression";
      /** How many numbers, or their names. @default one, without a name */
      readonly outputs?: number | readonly string[];
      /** @default as of sequence classification */
      readonly pool?: Pool;
    }
  /** A vector for each text, and a loss of texts that belong together. */
  | EmbeddingHead;

/** The kinds of heads. */
export type HeadKind = HeadConfig["kind"];

const distinct = z
  .array(z.string().min(1))
  .refine((names) => new Set(names).size === names.length, "labels must differ from each other");
const labels = distinct.min(2);
const pooling = z.enum(poolingNames);
const pool = z.enum(["first", "last", "mean"]).exactOptional();

const schema = z.discriminatedUnion("kind", [
  z
    .strictObject({
      kind: z.literal("sequence-classification"),
      labels: distinct.min(1),
      multiLabel: z.literal(true).exactOptional(),
      pool,
    })
    .refine(({ labels: names, multiLabel }) => names.length > 1 || multiLabel === true, {
      message: "at least two labels, or multiLabel: true",
      path: ["labels"],
    }),
  z.strictObject({ kind: z.literal("token-classification"), labels }),
  z.strictObject({ kind: z.literal("question-answering") }),
  z.strictObject({ kind: z.literal("masked-lm") }),
  z.strictObject({ kind: z.literal("causal-lm") }),
  z.strictObject({ kind: z.literal("sequence-to-sequence") }),
  z.strictObject({
    kind: z.literal("regression"),
    outputs: z
      .union([z.int().min(2, "at least 2 outputs; leave it out for one number"), distinct.min(1)])
      .exactOptional(),
    pool,
  }),
  z.strictObject({
    kind: z.literal("embedding"),
    pooling: z.union([pooling, z.array(pooling).min(1).readonly()]).exactOptional(),
    normalise: z.boolean().exactOptional(),
    loss: z.enum(["in-batch", "cosine", "cosent"]).exactOptional(),
    scale: z.number().positive().exactOptional(),
    symmetric: z.boolean().exactOptional(),
  }),
]);

/**
 * A head as the user typed it, checked.
 *
 * @throws {ConfigError} An unknown kind or key, too few labels, or two equal ones.
 */
export function parseHeadConfig(caller: string, value: unknown): HeadConfig {
  return parseConfig(caller, schema, value);
}

/** The labels of a classification head. */
export function labelsOf(head: HeadConfig | undefined): readonly string[] | undefined {
  return head !== undefined && "labels" in head ? head.labels : undefined;
}

/** The names of a regression head's numbers, where they have names. */
export function outputNames(head: HeadConfig | undefined): readonly string[] | undefined {
  return head?.kind === "regression" && typeof head.outputs === "object" ? head.outputs : undefined;
}

/** Numbers that a head gives for a sequence or a token, where the vocabulary does not say how many. */
export function outputsOf(head: HeadConfig): number {
  if (head.kind === "question-answering") return 2;
  if (head.kind === "regression") return typeof head.outputs === "number" ? head.outputs : (head.outputs?.length ?? 1);
  return labelsOf(head)?.length ?? 1;
}

/** What a head on whole sequences was asked to read. */
export function poolOf(head: HeadConfig): Pool | undefined {
  return "pool" in head ? head.pool : undefined;
}

/**
 * A head with every choice made.
 *
 * @param files - What the model's folder says of how texts become vectors, by name.
 */
export function settleHead(caller: string, head: HeadConfig, files?: ReadonlyMap<string, Uint8Array>): HeadConfig {
  return head.kind === "embedding" ? settleEmbedding(caller, head, files) : head;
}

/** Whether transformers has a model with such a head: an embedding head has no parameters, and its files are those of the body. */
export function hasTaskModel(head: HeadConfig | undefined): boolean {
  return head !== undefined && head.kind !== "embedding";
}
