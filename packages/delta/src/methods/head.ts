import { ConfigError, parseConfig } from "@cambium/base";
import * as z from "zod";
import { type SeedlessMethod, seedlessMethod } from "../method.ts";
import { replacements, replacing } from "./whole.ts";

/** Settings of `head`, of which there are none. */
export type HeadOptions = Readonly<Record<string, never>>;

const schema = z.strictObject({});

/**
 * Trains the model's head, from where it is: PEFT's `modules_to_save`. A head made for a new task is random, so this
 * belongs beside every other delta on it. On another base it is the same head.
 *
 * @throws {ConfigError} When the model has no head, or one without weights beside the body's, such as a tied one.
 * @example
 * const tuned = attach(base, lora(base, { rank: 8 }, random(1)), head(base));
 */
export const head: SeedlessMethod<HeadOptions, HeadOptions> = seedlessMethod<HeadOptions, HeadOptions>({
  kind: "head",
  parse(options, { headParameters = [] }) {
    const config = parseConfig("head", schema, options);
    if (headParameters.length > 0) return config;
    throw new ConfigError({
      message:
        'head: there is no head to train: the model has none, or the one of a language model that is its word embeddings (tied). Load it with one, such as { head: { kind: "sequence-classification", labels } }, or train all weights by whole(model)',
    });
  },
  tensors: (shape) => replacements(shape, shape.headParameters!),
  ...replacing,
});
