import { ConfigError, parseConfig } from "@cambium/base";
import { around, type Random, type Site } from "@cambium/core";
import { concat, reshape, slice, type Tensor, type Tensor4D, transpose, zeros } from "@tensorflow/tfjs-core";
import * as z from "zod";
import { repeatForBatch } from "../batch-axis.ts";
import type { Delta, Host } from "../delta.ts";

/** Settings of `prefix`. */
export interface PrefixOptions {
  /** Keys and values in front of each attention. @default 20 */
  readonly length?: number | undefined;
  /** How they start: at zero, or standard normal as in PEFT. @default "zero" */
  readonly init?: "zero" | "normal" | undefined;
}

/** A prefix as JSON. */
export interface PrefixConfig {
  readonly length: number;
  readonly init: "zero" | "normal";
}

const schema = z.strictObject({
  length: z.int().positive().default(20),
  init: z.enum(["zero", "normal"]).default("zero"),
});

/**
 * Prefix tuning (Li & Liang 2021, arXiv:2101.00190): trained keys and values in front of those of every attention.
 *
 * Positions of the words move on by `length`, as in PEFT. A prefix takes part of the softmax even at zero, so the model
 * is **not** unchanged at the start. One tensor, `prompt_embeddings` `[length, 2 · layers · heads · dHead]`: in each row
 * the key and the value of layer 0, then of layer 1, and so on. It wants a learning rate 10 to 100 times LoRA's.
 * It cannot be merged: no weights add keys.
 *
 * @param model - Read for its sites and shapes only.
 * @throws {ConfigError} For settings out of range.
 * @example
 * const tuned = attach(base, prefix(base, { length: 10 }, random(1)), head(base));
 */
export function prefix(model: Host, options: PrefixOptions, random: Random): Delta<PrefixConfig> {
  const config = parseConfig("prefix", schema, options);
  const { length } = config;
  const attentions = model.sites().filter((site) => site.kind === "attention");
  if (attentions.length === 0)
    throw new ConfigError({ message: "prefix: the model has no attention to put keys before" });
  const width = keyWidth(model);
  const shape = [length, 2 * attentions.length * width] as const;

  /** Rows of key (0) or value (1) for an attention, `[batch, heads, length, dHead]`. */
  function rows(embeddings: Tensor, site: Site, part: 0 | 1, like: Tensor4D): Tensor4D {
    const [batch, heads, , dHead] = like.shape;
    const place = 2 * attentions.findIndex(({ path }) => path === site.path) + part;
    const flat = slice(embeddings, [0, place * width], [length, width]);
    const split = transpose(reshape(flat, [length, heads, dHead]), [1, 0, 2]);
    return repeatForBatch(split, batch) as Tensor4D;
  }

  return {
    kind: "prefix",
    name: "prefix",
    config,
    parameters: new Map([
      ["prompt_embeddings", config.init === "zero" ? zeros([...shape]) : random.at("prefix").normal(shape)],
    ]),
    hooks: (current) => [
      around(
        "embed",
        () => true,
        ({ input, next }) => {
          const words = next(input);
          return { ...words, offset: words.offset + length };
        },
      ),
      around(
        "attention",
        () => true,
        ({ site, input: { query, key, value, bias }, next }) => {
          const embeddings = current.get("prompt_embeddings")!;
          return next({
            query,
            key: concat([rows(embeddings, site, 0, key), key], 2),
            value: concat([rows(embeddings, site, 1, value), value], 2),
            ...(bias !== undefined && { bias: concat([zeros([...bias.shape.slice(0, -1), length]), bias], -1) }),
          });
        },
      ),
    ],
  };
}

/** Width of all keys of a token: below the model's width where query heads share keys. */
function keyWidth(model: Host): number {
  return model.sites().find((site) => site.role === "attn.k")!.width;
}
