/** Which rows of a pass are real, for the stack that a site belongs to. */
import type { Site } from "@cambium/core";
import { IGNORED, type LanguageOutput, type TokenBatch } from "@cambium/models";
import { cast, notEqual, scalar, type Tensor2D } from "@tensorflow/tfjs-core";

/**
 * 1 for real rows, `[batch, rows]`: of an encoder those that are no padding, of a decoder beside one those whose label counts, of a single stack those
 * that are no padding, prompts among them.
 */
export function rowMask(site: Site, batch: TokenBatch, output: LanguageOutput): Tensor2D {
  if (site.stack === "encoder") return output.encodedMask!;
  if (site.stack !== "decoder" || batch.labels?.rank !== 2) return output.mask;
  return cast(notEqual(batch.labels, scalar(IGNORED, "int32")), "float32") as Tensor2D;
}
