import { ConfigError, parseConfig } from "@cambium/base";
import type { Model } from "@cambium/core";
import * as z from "zod";
import type { Delta } from "../delta.ts";
import { replaceWeights } from "./whole.ts";

/** A model that knows which parameters make its head. */
export interface HeadedModel extends Model<never, unknown> {
  readonly headParameters: readonly string[];
}

const schema = z.strictObject({});

/**
 * Trains the model's head, from where it is: PEFT's `modules_to_save`. A head made for a new task is random, so this
 * belongs beside every other delta on it.
 *
 * @throws {ConfigError} When the model has no head.
 * @example
 * const tuned = attach(base, lora(base, { rank: 8 }, random(1)), head(base));
 */
export function head(model: HeadedModel, options: Record<string, never> = {}): Delta<Record<string, never>> {
  const config = parseConfig("head", schema, options);
  if (model.headParameters.length === 0) {
    throw new ConfigError({
      message:
        'head: the model has no head; load it with one, such as { head: { kind: "sequence-classification", labels } }',
    });
  }
  return replaceWeights("head", config, model, model.headParameters);
}
