import { ConfigError, parseConfig } from "@cambium/base";
import { around, type Hook, lookUp, type Site, type Start } from "@cambium/core";
import {
  add,
  concat,
  ones,
  range,
  reshape,
  scalar,
  type Tensor2D,
  type Tensor3D,
  tensor1d,
  tile,
} from "@tensorflow/tfjs-core";
import * as z from "zod";
import { repeatForBatch } from "../batch-axis.ts";
import { promptFormat } from "../files/peft-prompts.ts";
import type { Host } from "../host.ts";
import { type Method, method } from "../method.ts";
import { ignoringTypes, type Types } from "./ignored-types.ts";

/** Settings of `prompt`. */
export interface PromptOptions {
  /** Rows in front of the words. @default 20 */
  readonly length?: number | undefined;
  /**
   * How they start: as the embeddings of words drawn from the vocabulary; of the ids of a text, from a tokenizer, cut off or
   * repeated to the length; uniform on ±0.5; or standard normal, as PEFT's `RANDOM`. @default "vocabulary"
   */
  readonly init?: "vocabulary" | "uniform" | "normal" | readonly number[] | undefined;
  /**
   * Whether types of tokens count. PEFT ignores them on a model without a head (its task `FEATURE_EXTRACTION`), and files
   * from there are loaded so. @default "read"
   */
  readonly types?: "read" | "ignored" | undefined;
}

/** A prompt as JSON. */
export interface PromptConfig {
  readonly length: number;
  readonly init: "vocabulary" | "uniform" | "normal" | readonly number[];
  readonly types: "read" | "ignored";
}

const schema = z.strictObject({
  length: z.int().positive().default(20),
  init: z
    .union([z.enum(["vocabulary", "uniform", "normal"]), z.array(z.int().nonnegative()).min(1).readonly()])
    .default("vocabulary"),
  types: z.enum(["read", "ignored"]).default("read"),
});

/**
 * Prompt tuning (Lester et al. 2021, arXiv:2104.08691): trained rows in front of the word embeddings, of the encoder where there
 * are two stacks.
 *
 * Rows are counted by the position embeddings and seen by every attention, so the model is **not** unchanged at the start.
 * As in PEFT, a head on whole sequences reads the first row, which is the prompt's then. A head on tokens gives scores of words
 * alone, one row for each id of the batch, and so does a masked-word head; PEFT's `TOKEN_CLS` returns the prompt's rows in front
 * of the same scores, and its loss leaves them out too. One tensor, `prompt_embeddings` `[length, dModel]`. It wants a learning rate 10 to 100 times
 * LoRA's. It cannot be merged: no weights add rows.
 *
 * @throws {ConfigError} For settings out of range, and for a model without word embeddings.
 * @example
 * const tuned = attach(base, prompt(base, { length: 20 }, random(1)), head(base));
 */
export const prompt: Method<PromptOptions, PromptConfig> = method<PromptOptions, PromptConfig>({
  kind: "prompt",
  parse(options, shape) {
    const { name } = wordSite(shape).weight!;
    const config = parseConfig("prompt", schema, options);
    const [vocab] = shape.tensors.get(name)!.shape as [number];
    const unknown = Array.isArray(config.init) ? config.init.find((id) => id >= vocab) : undefined;
    if (unknown === undefined) return config;
    throw new ConfigError({
      message: `prompt: init has the id ${unknown}, and the model knows ${vocab} words`,
      unknown,
    });
  },
  tensors(shape, config) {
    const site = wordSite(shape);
    const tensor = { shape: [config.length, site.width], start: startOf(shape, site, config), key: ["prompt"] };
    return { trained: new Map([["prompt_embeddings", tensor]]) };
  },
  hooks: ({ parameters, shape, config }) =>
    promptHooks(shape, config, () => parameters.get("prompt_embeddings")! as Tensor2D),
  peft: promptFormat,
});

/**
 * Hooks that put rows in front of the words.
 *
 * @param rows - `[length, dModel]`, computed when they are needed.
 */
export function promptHooks(
  shape: Host,
  config: { readonly types: Types; readonly length: number },
  rows: () => Tensor2D,
): readonly Hook[] {
  return [
    ...ignoringTypes(shape, config),
    around(
      "embed",
      ({ path }) => path === wordSite(shape).path,
      ({ input, next, context }) => {
        const words = next(input);
        if (!context.first) return words;
        const [batch] = words.x.shape;
        const { length } = config;
        const { offset = 0 } = words;
        const places = tile(reshape(range(offset, offset + length, 1, "int32"), [1, length]), [batch, 1]);
        return {
          ...words,
          x: concat([repeatForBatch(rows(), batch) as Tensor3D, words.x], 1),
          mask: concat([ones([batch, length]) as Tensor2D, words.mask], 1),
          positions: concat([places as Tensor2D, add(words.positions, scalar(length, "int32"))], 1),
          extra: words.extra + length,
        };
      },
    ),
  ];
}

/** The first site of word embeddings: where there are two stacks, the encoder's. */
export function wordSite(shape: Host): Site {
  const site = shape.sites().find(({ kind }) => kind === "embed");
  if (site !== undefined) return site;
  throw new ConfigError({ message: "prompt: the model has no word embeddings to put rows before" });
}

function startOf(shape: Host, site: Site, { length, init }: PromptConfig): Start {
  if (init === "normal") return { kind: "normal", deviation: 1 };
  if (init === "uniform") return { kind: "uniform", low: -0.5, high: 0.5 };
  const { name } = site.weight!; // [vocab, dModel]
  if (init !== "vocabulary") {
    const ids = Int32Array.from({ length }, (_, i) => init[i % init.length]!);
    // No second argument: nothing is drawn.
    return { kind: "weights", names: [name], make: (weights) => lookUp(weights.get(name)!, tensor1d(ids, "int32")) };
  }
  const [vocab] = shape.tensors.get(name)!.shape as [number];
  return {
    kind: "weights",
    names: [name],
    make: (weights, random) =>
      lookUp(weights.get(name)!, tensor1d(Int32Array.from(random.integers(length, vocab)), "int32")),
  };
}
