/** Which numbers of a tensor belong together: the filters of filter-wise normalisation. */
import type { Site } from "@cambium/core";

/** Whatever tells where its weights lie, such as a model or a tuned model. */
export interface HasSites {
  /** Where its weights and activations are. */
  sites(): readonly Site[];
}

/**
 * The axis along which a matrix's filters are counted, one for each output: 0 for `[out, in]`, 1 for matrices that are stored
 * `[in, out]`. Rows of a table of embeddings are filters, and so are rows of LoRA's factors. Parameters of a delta may have its name in
 * front.
 */
export function filterAxes(model: HasSites | undefined): (name: string) => 0 | 1 {
  const turned = new Set(
    model
      ?.sites()
      .flatMap(({ kind, weight }) => (kind === "linear" && weight?.layout === "in,out" ? [weight.name] : [])) ?? [],
  );
  return (name) => (turned.has(name) || turned.has(name.slice(name.indexOf("/") + 1)) ? 1 : 0);
}
