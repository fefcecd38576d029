/**
 * Arbitrary tuning: scalars of any kind, anywhere, in an exact number.
 *
 * `selection.ts` says which; its options are `options.ts`, what it draws from `candidates.ts`, and the drawing `choose.ts`.
 * `values.ts` makes tensors of the choice, `parts.ts` hooks of what is chosen of other methods.
 */
import { onWeight } from "@cambium/core";
import type { Host } from "../host.ts";
import { type Method, method } from "../method.ts";
import { overlay, tidyParameters } from "../trees.ts";
import type { Pick } from "./manifest.ts";
import type { ArbitraryConfig, ArbitraryOptions } from "./options.ts";
import { isMergeable, mergeLora, partHooks, picksByPool } from "./parts.ts";
import { parseArbitrary, selectionOf } from "./selection.ts";
import { shiraFormat } from "./shira.ts";
import { incremented, tensorsOf } from "./values.ts";

/** What is chosen of the weights, by name. */
function editsOf(shape: Host, config: ArbitraryConfig): ReadonlyMap<string, Pick> {
  const pools = picksByPool(shape, config);
  const picks = [...(pools.get("weights") ?? []), ...(pools.get("bias") ?? [])];
  return new Map(
    picks.filter(({ candidate }) => candidate.site === undefined).map((pick) => [pick.candidate.name, pick]),
  );
}

/**
 * Arbitrary parameter-efficient tuning (Su et al. 2023, EMNLP 2023 pp. 15062-15078): a random choice of `count` trainable
 * scalars of any structure, at any place: increments on weights, new biases, LoRAs, adapters, prompts, prefixes, or
 * parts of them, down to single numbers.
 *
 * Increments start at zero, so that the model is unchanged until the first step, unless prompts or prefixes are among them.
 * The same randomness chooses the same scalars on every backend and machine; the config is the recipe, whose size does not
 * grow with the count, and files hold it beside the values. The optimiser's state has the size of the choice. It merges
 * where all of it is weights, biases that exist, and LoRA.
 *
 * Weights in 8 or 4 bits are chosen from like all others: the increments are added to their rounded values, in float32, so that
 * the base loses what it saves where they are (`describeStatus` says how much). Tensors that are not float32, such as tables of
 * integers in models from outside, are not trained: `selectArbitrary` lists them under `untrained`.
 *
 * Where we deviate from the released code: a group is compared with the budget as a whole, so that the count is never exceeded;
 * what is left when no piece fits is filled with single scalars (`fit`); candidates are ordered by name. Fewer scalars want a
 * larger learning rate (arXiv:2405.02596), so tune it for each count.
 *
 * @throws {ConfigError} For settings out of range, more scalars than there are, limits of layers that cannot be kept, and
 *   roles that do not exist.
 * @example
 * const tuned = attach(base, arbitrary(base, { count: 50_000, granularity: "scalar", pool: "weights" }, random(4)), head(base));
 */
export const arbitrary: Method<ArbitraryOptions, ArbitraryConfig> = method<ArbitraryOptions, ArbitraryConfig>({
  kind: "arbitrary",
  parse: (options, shape, random) => parseArbitrary(options, shape, random),
  tensors: (shape, config) => tensorsOf(shape, selectionOf(shape, config)),
  hooks(at) {
    const edits = editsOf(at.shape, at.config);
    const onWeights = onWeight(
      (name) => edits.has(name),
      (name, value) => incremented(value, edits.get(name)!, at),
    );
    return [...(edits.size > 0 ? [onWeights] : []), ...partHooks(at)];
  },
  mergeable: isMergeable,
  merge: (base, at) =>
    tidyParameters(() => {
      const edits = [...editsOf(at.shape, at.config)];
      const edited = new Map(edits.map(([name, pick]) => [name, incremented(base.get(name)!, pick, at).clone()]));
      return overlay(edited, mergeLora(overlay(base, edited), at));
    }),
  peft: shiraFormat,
});
