/** What a model descends from, as a file beside it. */

import type { Files } from "@cambium/base";
import { disposeParameters, fingerprint } from "@cambium/core";
import { loadModel } from "@cambium/models";

/** `lineage.json`. */
export interface Lineage {
  readonly format: "cambium-lineage";
  readonly version: 1;
  /** Fingerprint of the model. */
  readonly model: string;
  /** Fingerprint of the model that training began with; null where it began with random weights. */
  readonly parent: string | null;
  /** What it learnt from since. */
  readonly corpus: string;
  /** Steps since. */
  readonly steps: number;
}

/** A hash of the body as it is stored: names and values of all weights below the head that the file has. */
export async function modelFingerprint(files: Files): Promise<string> {
  const model = await loadModel(files);
  const isStored = (name: string): boolean => model.isBody(name) && !model.created.includes(name);
  const print = await fingerprint(new Map([...model.parameters].filter(([name]) => isStored(name))));
  disposeParameters(model.parameters);
  return print;
}

/** Writes `lineage.json` beside a model that is there. */
export async function writeLineage(files: Files, about: Pick<Lineage, "parent" | "corpus" | "steps">): Promise<void> {
  const lineage: Lineage = {
    format: "cambium-lineage",
    version: 1,
    model: await modelFingerprint(files),
    ...about,
  };
  await files.write("lineage.json", `${JSON.stringify(lineage, null, 2)}\n`);
}
