import { parseConfig } from "@cambium/base";
import * as z from "zod";
import { type EmbeddingHead, embeddingHeadSchema, settleEmbedding } from "./embedding/head-config.ts";

/** What stands on top of a model's body, and so what its loss is. */
export type HeadConfig =
  /** One of `labels` for each sequence; cross-entropy. */
  | { readonly kind: "sequence-classification"; readonly labels: readonly string[] }
  /** One of `labels` for each token; cross-entropy. */
  | { readonly kind: "token-classification"; readonly labels: readonly string[] }
  /** The hidden words; cross-entropy. */
  | { readonly kind: "masked-lm" }
  /** The next word; cross-entropy. */
  | { readonly kind: "causal-lm" }
  /** The words of a second text, one after the other; cross-entropy. */
  | { readonly kind: "sequence-to-sequence" }
  /** A number for each sequence; mean squared error. */
  | { readonly kind: "regression" }
  /** A vector for each text, and a loss of texts that belong together. */
  | EmbeddingHead;

/** The kinds of heads. */
export type HeadKind = HeadConfig["kind"];

const labels = z
  .array(z.string().min(1))
  .min(2)
  .refine((names) => new Set(names).size === names.length, "labels must differ from each other");

const schema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("sequence-classification"), labels }),
  z.strictObject({ kind: z.literal("token-classification"), labels }),
  z.strictObject({ kind: z.literal("masked-lm") }),
  z.strictObject({ kind: z.literal("causal-lm") }),
  z.strictObject({ kind: z.literal("sequence-to-sequence") }),
  z.strictObject({ kind: z.literal("regression") }),
  embeddingHeadSchema,
]);

/**
 * A head as the user typed it, checked.
 *
 * @throws {ConfigError} An unknown kind or key, fewer than two labels, or two equal ones.
 */
export function parseHeadConfig(caller: string, value: unknown): HeadConfig {
  return parseConfig(caller, schema, value);
}

/** The labels of a classification head. */
export function labelsOf(head: HeadConfig | undefined): readonly string[] | undefined {
  return head !== undefined && "labels" in head ? head.labels : undefined;
}

/** Numbers that a head gives for a sequence or a token, where the vocabulary does not say how many. */
export function outputsOf(head: HeadConfig): number {
  return labelsOf(head)?.length ?? 1;
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
