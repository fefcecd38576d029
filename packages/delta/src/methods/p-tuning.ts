import { parseConfig } from "@cambium/base";
import type { Start } from "@cambium/core";
import * as z from "zod";
import { pTuningFormat } from "../files/peft-prompts.ts";
import { type DeltaTensor, type Method, method } from "../method.ts";
import { promptRows } from "./networks.ts";
import { promptHooks, wordSite } from "./prompt.ts";

/** Settings of `pTuning`. */
export interface PTuningOptions {
  /** Rows in front of the words. @default 20 */
  readonly length?: number | undefined;
  /** Width in the network. @default the model's width */
  readonly hidden?: number | undefined;
  /**
   * Whether a network of three layers makes the rows, or they are trained themselves: PEFT's files hold what the network made, so
   * that these are what there is to train after loading one. @default "mlp"
   */
  readonly network?: "mlp" | "none" | undefined;
  /** Whether types of tokens count, as in `prompt`. @default "read" */
  readonly types?: "read" | "ignored" | undefined;
}

/** A P-tuning as JSON. */
export interface PTuningConfig {
  readonly length: number;
  readonly hidden: number;
  readonly network: "mlp" | "none";
  readonly types: "read" | "ignored";
}

const schema = z.strictObject({
  length: z.int().positive().default(20),
  hidden: z.int().positive().optional(),
  network: z.enum(["mlp", "none"]).default("mlp"),
  types: z.enum(["read", "ignored"]).default("read"),
});

/**
 * P-tuning (Liu et al. 2021, arXiv:2103.10385): rows in front of the word embeddings, made by a network. `W₃ relu(W₂ relu(W₁ e + b₁) +
 * b₂) + b₃` of a row e of `[length, dModel]`; of the two networks in PEFT the one without recurrence.
 *
 * Rows act as in `prompt`, so the model is **not** unchanged at the start. Trains `length · dModel + 2 · dModel · hidden + hidden² + 2 ·
 * hidden + dModel` scalars. It cannot be merged: no weights add rows. A PEFT folder holds the rows that the network makes, and no
 * network.
 *
 * @throws {ConfigError} For settings out of range, and for a model without word embeddings.
 * @example
 * const tuned = attach(base, pTuning(base, { length: 20, hidden: 128 }, random(1)), head(base));
 */
export const pTuning: Method<PTuningOptions, PTuningConfig> = method<PTuningOptions, PTuningConfig>({
  kind: "pTuning",
  parse(options, shape) {
    const { hidden, ...settings } = parseConfig("pTuning", schema, options);
    return { ...settings, hidden: hidden ?? wordSite(shape).width };
  },
  tensors(shape, { length, hidden, network }) {
    const { width } = wordSite(shape);
    const rows = { shape: [length, width], start: { kind: "normal", deviation: 1 } } as const;
    if (network === "none") return { trained: new Map([["prompt_embeddings", rows]]) };
    const layer = (index: number, input: number, output: number): [string, DeltaTensor][] => {
      const bound = 1 / Math.sqrt(input);
      const start: Start = { kind: "uniform", low: -bound, high: bound };
      return [
        [`mlp_head.${index}.weight`, { shape: [output, input], start }],
        [`mlp_head.${index}.bias`, { shape: [output], start }],
      ];
    };
    return {
      trained: new Map<string, DeltaTensor>([
        ["embedding.weight", rows],
        ...layer(0, width, hidden),
        ...layer(2, hidden, hidden),
        ...layer(4, hidden, width),
      ]),
    };
  },
  hooks: (at) => promptHooks(at.shape, at.config, () => promptRows(at.parameters)),
  peft: pTuningFormat,
});
