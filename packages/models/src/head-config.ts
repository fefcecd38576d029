import { parseConfig } from "@cambium/base";
import * as z from "zod";

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
  | { readonly kind: "regression" };

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
