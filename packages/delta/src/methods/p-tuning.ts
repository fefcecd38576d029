import { ConfigError, parseConfig } from "@cambium/base";
import type { Start } from "@cambium/core";
import * as z from "zod";
import { pTuningFormat } from "../files/peft-prompts.ts";
import { type DeltaTensor, type Method, method } from "../method.ts";
import { lstmTensors } from "./lstm.ts";
import { promptRows } from "./networks.ts";
import { promptHooks, wordSite } from "./prompt.ts";

/** Settings of `pTuning`. */
export interface PTuningOptions {
  /** Rows in front of the words. @default 20 */
  readonly length?: number | undefined;
  /** Width in the network; of an LSTM, in each direction. @default the model's width */
  readonly hidden?: number | undefined;
  /**
   * What makes the rows: three layers, an LSTM in both directions with two layers behind it, as in the paper, or nothing, so that they
   * are trained themselves. PEFT's files hold what the network made, so that these are what there is to train after loading one.
   * @default "mlp"
   */
  readonly network?: "mlp" | "lstm" | "none" | undefined;
  /** Layers of the LSTM. @default 2 */
  readonly layers?: number | undefined;
  /** Whether types of tokens count, as in `prompt`. @default "read" */
  readonly types?: "read" | "ignored" | undefined;
}

/** A P-tuning as JSON. */
export interface PTuningConfig {
  readonly length: number;
  readonly hidden: number;
  readonly network: "mlp" | "lstm" | "none";
  readonly layers: number;
  readonly types: "read" | "ignored";
}

const schema = z.strictObject({
  length: z.int().positive().default(20),
  hidden: z.int().positive().optional(),
  network: z.enum(["mlp", "lstm", "none"]).default("mlp"),
  layers: z.int().positive().default(2),
  types: z.enum(["read", "ignored"]).default("read"),
});

/**
 * P-tuning (Liu et al. 2021, arXiv:2103.10385): rows in front of the word embeddings, made by a network: `W₃ relu(W₂ relu(W₁ e + b₁) +
 * b₂) + b₃` of each row e of `[length, dModel]`, or with `"lstm"` `W₂ relu(W₁ h + b₁) + b₂` of the states h of an LSTM that reads the rows
 * in both directions. Both are PEFT's, without dropout.
 *
 * Rows act as in `prompt`, so the model is **not** unchanged at the start. Trains `length · dModel + 2 · dModel · hidden + hidden² + 2 ·
 * hidden + dModel` scalars; with an LSTM of two layers `length · dModel + 8 · hidden · (dModel + 4 · hidden + 4) + 2 · hidden · (2 · hidden
 * + 1) + dModel · (2 · hidden + 1)`. It cannot be merged: no weights add rows. A PEFT folder holds the rows that the network makes, and no
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
    if (settings.network !== "lstm" && options.layers !== undefined && settings.layers !== 2)
      throw new ConfigError({
        message: `pTuning: layers are those of an LSTM, and the network is "${settings.network}"`,
        layers: settings.layers,
      });
    return { ...settings, hidden: hidden ?? wordSite(shape).width };
  },
  tensors(shape, { length, hidden, network, layers }) {
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
    const trained =
      network === "mlp"
        ? [...layer(0, width, hidden), ...layer(2, hidden, hidden), ...layer(4, hidden, width)]
        : [
            ...lstmTensors("lstm_head", width, hidden, layers),
            ...layer(0, 2 * hidden, 2 * hidden),
            ...layer(2, 2 * hidden, width),
          ];
    return { trained: new Map<string, DeltaTensor>([["embedding.weight", rows], ...trained]) };
  },
  hooks: (at) => promptHooks(at.shape, at.config, () => promptRows(at.parameters)),
  peft: pTuningFormat,
});
