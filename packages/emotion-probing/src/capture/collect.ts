import { checkOptions } from "@cambium/base";
import type { RunnableModel, Tokenizer } from "@cambium/models";
import { type ReadTextsOptions, readKeys, readTexts } from "./read-texts.ts";
import { sitesNamed, usualSites } from "./site-names.ts";

/** Settings of `collectActivations`. */
export interface CollectActivationsOptions extends ReadTextsOptions {
  /** Names of sites, as `findSites` takes them. @default ff.act of all layers, in models of two stacks the encoder's */
  readonly sites?: readonly string[];
  /** Called after each batch. */
  readonly onBatch?: (done: number, total: number) => void;
}

/**
 * One vector for each text and site, in memory: for as many texts as fit there. `runCapture` writes to files instead.
 *
 * @returns By the path of each site, `[texts][width]` in the order of the texts.
 * @example
 * const activations = await collectActivations(model, tokenizer, ["I feel joy.", "I feel fear."], { at: "mean" });
 */
export async function collectActivations(
  model: RunnableModel,
  tokenizer: Tokenizer,
  texts: readonly string[],
  options: CollectActivationsOptions = {},
): Promise<ReadonlyMap<string, readonly Float32Array[]>> {
  checkOptions("collectActivations", options, [...readKeys, "sites", "onBatch"]);
  const { sites: names = usualSites(model), onBatch, ...reading } = options;
  const sites = sitesNamed("collectActivations", model, names);
  const collected = new Map(sites.map(({ path }) => [path, new Array<Float32Array>(texts.length)]));
  let done = 0;
  for await (const { places, values } of readTexts("collectActivations", model, tokenizer, texts, sites, reading)) {
    for (const { path, width } of sites) {
      const batch = values.get(path)!;
      places.forEach((place, i) => {
        collected.get(path)![place] = batch.slice(i * width, (i + 1) * width);
      });
    }
    done += places.length;
    onBatch?.(done, texts.length);
  }
  return collected;
}
