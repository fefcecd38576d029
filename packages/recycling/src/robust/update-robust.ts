/** Tuning that is to survive later versions: the knowledge in feed-forward layers, which updates change most, is never all there. */
import { ConfigError, type Json, parseConfig } from "@cambium/base";
import { around, dropout, type Hook, nameHook, type Objective, type Site } from "@cambium/core";
import { attach, type Tuned } from "@cambium/delta";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import { add, cast, greaterEqual, mul, type Tensor3D } from "@tensorflow/tfjs-core";
import * as z from "zod";

/** Settings of `updateRobust`: at least one is above 0. */
export interface UpdateRobustOptions {
  /** Share of the hidden units of feed-forward layers that are masked, drawn for each token; others count 1 / (1 − share). 0 to below 1. @default 0.1 */
  readonly mask?: number;
  /** Share of the feed-forward layers whose output is dropped, drawn for each sequence; others count 1 / (1 − share). 0 to below 1. @default 0 */
  readonly drop?: number;
  /** Standard deviation of a factor on each hidden unit, around 1. From 0. @default 0 */
  readonly noise?: number;
}

const schema = z.strictObject({
  mask: z.number().min(0).lt(1).default(0.1),
  drop: z.number().min(0).lt(1).default(0),
  noise: z.number().nonnegative().default(0),
});

type Settings = Required<UpdateRobustOptions>;

/**
 * A tuned model as an objective for `train`, for the first tuning, before any update: while it trains, hidden units of feed-forward layers
 * are masked or shaken and whole layers left out at random, so that the delta relies less on what exactly they know. Evaluation is that of
 * the tuned model, and so are its parameters: `tuned.with(parameters)` takes them.
 *
 * After the two strategies of Trans-PEFT, masking within layers and dropping across them. Whether it helps an update is to be
 * measured: `compatibilityReport` on a tuning with it and one without.
 *
 * @param tuned - With deltas on a model with feed-forward layers. Not changed.
 * @throws {ConfigError} For a share out of range, for settings under which nothing happens, and for models without such layers or
 *   without a head.
 * @see Gu et al. 2025, Adapt Once, Thrive with Updates, arXiv:2506.06844. The rates are ours.
 * @example
 * const { parameters } = await result(train(updateRobust(tuned, { mask: 0.1 }), data, { optimiser, steps: 300, random: random(1) }));
 * const robust = tuned.with(parameters);
 */
export function updateRobust(tuned: Tuned<LanguageModel>, options: UpdateRobustOptions = {}): Objective<TokenBatch> {
  const settings = parseConfig("updateRobust", schema, options) as Settings;
  const { base, deltas } = tuned;
  const fail = (message: string): ConfigError => new ConfigError({ message: `updateRobust: ${message}` });
  if (settings.mask === 0 && settings.drop === 0 && settings.noise === 0)
    throw fail("mask, drop and noise are all 0, so that nothing would be different; train the tuned model itself");
  if (base.loss === undefined) throw fail("the model has no head, so there is no loss; load it with one");
  const hooks = hooksOf(settings, base.sites(), fail);
  const shaken: LanguageModel = {
    ...base,
    loss: (input, more = {}) => base.loss!(input, { ...more, hooks: [...(more.hooks ?? []), ...hooks] }),
  };
  const objective = attach(shaken, ...deltas) as unknown as Objective<TokenBatch>;
  return {
    ...objective,
    describe: async (): Promise<Json> => ({ tuned: await tuned.describe(), updateRobust: { ...settings } }),
  };
}

/** Outside of all others: what a delta adds to hidden units is masked with them. */
function hooksOf(
  { mask, drop, noise }: Settings,
  sites: readonly Site[],
  fail: (message: string) => ConfigError,
): readonly Hook[] {
  const hooks: Hook[] = [];
  const has = (role: string): boolean => sites.some((site) => site.role === role);
  if (mask > 0 || noise > 0) {
    if (!has("ff.act")) throw fail('the model has no feed-forward activations ("ff.act")');
    hooks.push(
      around(
        "activation",
        ({ role }) => role === "ff.act",
        ({ input, next, context }) => {
          const units = next(input);
          if (!context.training) return units;
          const shaken =
            noise > 0 ? mul(units, add(context.random.at("noise").normal(units.shape, 0, noise), 1)) : units;
          return dropout(shaken as Tensor3D, mask, context.random.at("mask"));
        },
      ),
    );
  }
  if (drop > 0) {
    if (!has("ff")) throw fail('the model has no feed-forward layers ("ff")');
    hooks.push(
      around(
        "sublayer",
        ({ role }) => role === "ff",
        ({ input, next, context }) => {
          const output = next(input);
          if (!context.training) return output;
          const lots = context.random.at("drop").uniform([output.shape[0], 1, 1]);
          const kept = mul(cast(greaterEqual(lots, drop), "float32"), 1 / (1 - drop));
          return mul(output, kept) as Tensor3D;
        },
      ),
    );
  }
  return hooks.map((hook) => nameHook(hook, "updateRobust"));
}
