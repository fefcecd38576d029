/** Settings of distillation, checked. */
import { ConfigError, parseConfig } from "@cambium/base";
import type { HeadConfig } from "@cambium/models";
import * as z from "zod";
import type { KlReduction } from "./losses.ts";
import type { StateRow } from "./states.ts";

/** How a student learns from a teacher: `(1 − alpha) · loss(labels) + alpha · T² · KL(teacher ‖ student) + hidden · ½ · MSE(states)`. */
export interface DistillationOptions {
  /** a, what the teacher counts against the labels, 0 to 1. With 1 no labels are read. @default 0.9 */
  readonly alpha?: number;
  /** T, by which logits are divided, above 0. @default 5 */
  readonly temperature?: number;
  /** b, what unlike hidden states count, from 0. They need two models of one depth and width. @default 0 */
  readonly hidden?: number;
  /** The row of each sequence whose states are compared. @default the one that the head reads, the mean where it reads all */
  readonly row?: StateRow;
  /** Over what the divergence is a mean. @default "batchmean" */
  readonly klReduction?: KlReduction;
  /** Whether each row is asked about once, and the teacher let go of. Not for heads on tokens. @default true for heads on sequences */
  readonly cache?: boolean;
}

/** The same with every choice made. */
export interface Distillation {
  readonly alpha: number;
  readonly temperature: number;
  readonly hidden: number;
  readonly row: StateRow;
  readonly klReduction: KlReduction;
  readonly cache: boolean;
}

const schema = z.strictObject({
  alpha: z.number().min(0).max(1).default(0.9),
  temperature: z.number().positive().default(5),
  hidden: z.number().nonnegative().default(0),
  row: z.enum(["first", "last", "mean"]).exactOptional(),
  klReduction: z.enum(["batchmean", "legacy-mean"]).default("batchmean"),
  cache: z.boolean().exactOptional(),
});

const ON_SEQUENCES: readonly string[] = ["sequence-classification", "regression"];
const ON_TOKENS: readonly string[] = ["token-classification", "causal-lm"];

/** Whether a head gives scores for each sequence. */
const isOnSequences = (head: HeadConfig | undefined): boolean => ON_SEQUENCES.includes(head?.kind ?? "");

/**
 * Settings with defaults filled in.
 *
 * @throws {ConfigError} For settings out of range, and for heads that nothing is distilled from.
 */
export function parseDistillation(
  caller: string,
  options: DistillationOptions,
  head: HeadConfig | undefined,
  row: StateRow,
): Distillation {
  const parsed = parseConfig(caller, schema, options);
  if (!isOnSequences(head) && !ON_TOKENS.includes(head?.kind ?? ""))
    throw new ConfigError({
      message: `${caller}: heads of ${[...ON_SEQUENCES, ...ON_TOKENS].join(", ")} are distilled, and this one is ${head?.kind ?? "none"}`,
    });
  const cache = parsed.cache ?? isOnSequences(head);
  if (cache && !isOnSequences(head))
    throw new ConfigError({
      message: `${caller}: a ${head!.kind} head has scores for each token, too many to keep; leave cache out`,
    });
  return { ...parsed, row: parsed.row ?? row, cache };
}
