import { canonicalJson, type Files } from "@cambium/base";
import type { Random } from "@cambium/core";
import { adapterHead } from "@cambium/delta";
import { type HeadConfig, type LanguageModel, withHead } from "@cambium/models";
import type { Tensor } from "@tensorflow/tfjs-core";

/**
 * A model under a head of other labels, which is random; the model itself where it has that head.
 *
 * @param made - Gets the tensors of a new head, which the caller owns.
 */
export function underHead(base: LanguageModel, head: HeadConfig, random: Random, made: Tensor[]): LanguageModel {
  if (canonicalJson(head as never) === canonicalJson((base.head ?? null) as never)) return base;
  const own = withHead(base, head, random) as LanguageModel;
  const shared = new Set(base.parameters.values());
  made.push(...[...own.parameters.values()].filter((tensor) => !shared.has(tensor)));
  return own;
}

/** A model under the head that an adapter was trained with: the adapter brings its values. */
export async function underHeadOf(
  base: LanguageModel,
  adapter: string | Files,
  random: Random,
  made: Tensor[],
): Promise<LanguageModel> {
  const head = await adapterHead(adapter);
  return head === undefined ? base : underHead(base, head, random, made);
}
