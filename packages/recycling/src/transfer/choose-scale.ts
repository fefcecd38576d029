/** How much of an old delta serves the new model best, found on a few rows. */
import { ConfigError, checkOptions } from "@cambium/base";
import { disposeParameters, type Objective } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import type { Batches } from "@cambium/train";
import { scoreOf } from "../reports/score.ts";
import { type RecycleOptions, recycle } from "./recycle.ts";
import { checkScale, type Scale } from "./scale.ts";

/** Settings of `chooseScale`. */
export interface ChooseScaleOptions extends Omit<RecycleOptions, "method" | "projection" | "scale" | "from"> {
  /** Factors that are tried. @default 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5 */
  readonly scales?: readonly number[];
  /** Whether each layer then gets another factor, one layer after the other. @default false */
  readonly perLayer?: boolean;
}

/** What was chosen. */
export interface ChosenScale {
  /** For `recycle`. */
  readonly scale: Scale;
  /** Mean loss there. */
  readonly loss: number;
  /** Every factor that was tried for all layers, with its loss. */
  readonly tried: readonly { readonly scale: number; readonly loss: number }[];
}

/**
 * Chooses λ by the loss of `recycle(old, newBase, { method: "initialise", scale: λ })`: one number, or one for each layer by a sweep over
 * the layers. Cheap, and a baseline for all that trains. `O(scales)` evaluations, and as many for each layer.
 *
 * @param data - A few labelled rows.
 * @throws {ConfigError} As `recycle`, and where there is nothing to choose among.
 */
export async function chooseScale(
  old: Tuned<LanguageModel>,
  newBase: LanguageModel,
  data: Batches<TokenBatch>,
  options: ChooseScaleOptions = {},
): Promise<ChosenScale> {
  checkOptions("chooseScale", options, ["scales", "perLayer", "classifier", "lora", "prompts", "align", "tokenizers"]);
  const { scales = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5], perLayer = false, ...rest } = options;
  if (!Array.isArray(scales) || scales.length < 2)
    throw new ConfigError({ message: `chooseScale: scales must be a list of at least two, got ${String(scales)}` });
  checkScale("chooseScale", scales);
  const lossAt = async (scale: Scale): Promise<number> => {
    const moved = await recycle(old, newBase, { ...rest, method: "initialise", scale });
    try {
      return (await scoreOf(moved as unknown as Objective<TokenBatch>, data)).loss;
    } finally {
      disposeParameters(moved.parameters);
    }
  };
  const tried: { scale: number; loss: number }[] = [];
  for (const scale of scales) tried.push({ scale, loss: await lossAt(scale) });
  const best = tried.reduce((a, b) => (b.loss < a.loss ? b : a));
  if (!perLayer) return { ...best, tried };
  const layers = new Set(newBase.sites().flatMap(({ layer }) => (layer === undefined ? [] : [layer]))).size;
  let [chosen, loss] = [new Array<number>(layers).fill(best.scale), best.loss];
  for (let layer = 0; layer < layers; layer++) {
    for (const scale of scales) {
      if (scale === chosen[layer]) continue;
      const candidate = chosen.with(layer, scale);
      const found = await lossAt(candidate);
      if (found < loss) [chosen, loss] = [candidate, found];
    }
  }
  return { scale: chosen, loss, tried };
}
