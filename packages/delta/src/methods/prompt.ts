import { ConfigError, parseConfig } from "@cambium/base";
import { around, type Model, type Random } from "@cambium/core";
import { concat, gather, ones, type Tensor2D, type Tensor3D, tensor1d, tidy } from "@tensorflow/tfjs-core";
import * as z from "zod";
import { repeatForBatch } from "../batch-axis.ts";
import type { Delta } from "../delta.ts";

/** Settings of `prompt`. */
export interface PromptOptions {
  /** Rows in front of the words. @default 20 */
  readonly length?: number | undefined;
  /** How they start: as the embeddings of words drawn from the vocabulary, or uniform on ±0.5. @default "vocabulary" */
  readonly init?: "vocabulary" | "uniform" | undefined;
}

/** A prompt as JSON. */
export interface PromptConfig {
  readonly length: number;
  readonly init: "vocabulary" | "uniform";
}

const schema = z.strictObject({
  length: z.int().positive().default(20),
  init: z.enum(["vocabulary", "uniform"]).default("vocabulary"),
});

/**
 * Prompt tuning (Lester et al. 2021, arXiv:2104.08691): trained rows in front of the word embeddings.
 *
 * Rows are counted by the position embeddings and seen by every attention, so the model is **not** unchanged at the start.
 * As in PEFT, a head on whole sequences reads the first row, which is the prompt's then; heads on tokens leave the
 * prompt's rows out. One tensor, `prompt_embeddings` `[length, dModel]`. It wants a learning rate 10 to 100 times
 * LoRA's. It cannot be merged: no weights add rows.
 *
 * @param model - Its word embeddings are read for `init: "vocabulary"`.
 * @throws {ConfigError} For settings out of range.
 * @example
 * const tuned = attach(base, prompt(base, { length: 20 }, random(1)), head(base));
 */
export function prompt(model: Model<never, unknown>, options: PromptOptions, random: Random): Delta<PromptConfig> {
  const config = parseConfig("prompt", schema, options);
  const { length } = config;
  const site = model.sites().find(({ kind }) => kind === "embed");
  if (site === undefined)
    throw new ConfigError({ message: "prompt: the model has no word embeddings to put rows before" });

  function initial(): Tensor2D {
    if (config.init === "uniform") return random.at("prompt").uniform([length, site!.width], -0.5, 0.5) as Tensor2D;
    const words = model.parameters.get(`${site!.path}.weight`)!; // [vocab, dModel]
    const ids = Int32Array.from(random.at("prompt").integers(length, words.shape[0]!));
    return tidy(() => gather(words, tensor1d(ids, "int32"))) as Tensor2D;
  }

  return {
    kind: "prompt",
    name: "prompt",
    config,
    parameters: new Map([["prompt_embeddings", initial()]]),
    hooks: (current) => [
      around(
        "embed",
        () => true,
        ({ input, next }) => {
          const words = next(input);
          const [batch] = words.x.shape;
          const rows = repeatForBatch(current.get("prompt_embeddings")!, batch) as Tensor3D;
          return {
            x: concat([rows, words.x], 1),
            mask: concat([ones([batch, length]) as Tensor2D, words.mask], 1),
            extra: words.extra + length,
            offset: words.offset,
          };
        },
      ),
    ],
  };
}
