/** What a model descends from, as a file beside it. */

import type { Files } from "@cambium/base";
import { disposeParameters } from "@cambium/core";
import { loadModel } from "@cambium/models";
import { fingerprintModel, type Lineage, saveLineage } from "@cambium/recycling";

/** A hash of the body as it is stored. */
export async function modelFingerprint(files: Files): Promise<string> {
  const model = await loadModel(files);
  const print = await fingerprintModel(model);
  disposeParameters(model.parameters);
  return print;
}

/** Writes `lineage.json` beside a model that is there. */
export const writeLineage = async (files: Files, about: Omit<Lineage, "model">): Promise<void> =>
  saveLineage(files, { model: await modelFingerprint(files), ...about });
