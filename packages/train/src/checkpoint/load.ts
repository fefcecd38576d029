import type { Files } from "@cambium/base";
import { loadSafetensors } from "@cambium/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Progress } from "../progress.ts";
import { disposeTrees } from "../tensors.ts";
import { digestFile } from "./digest.ts";
import { damaged, type FileKind, fileName, MANIFEST, type Manifest } from "./manifest.ts";

/** The tensors of a file, which must be the one that the manifest speaks of. */
async function loadChecked(files: Files, name: string, manifest: Manifest): Promise<Map<string, Tensor>> {
  const expected = manifest.files[name];
  if (expected === undefined) throw damaged(files, MANIFEST, `does not name "${name}"`);
  const found = (await files.list()).find((file) => file.name === name);
  if (found === undefined) throw damaged(files, name, "is missing");
  if (found.sizeBytes !== expected.sizeBytes) {
    throw damaged(files, name, `has ${found.sizeBytes} bytes instead of ${expected.sizeBytes}`);
  }
  if ((await digestFile(files, name, found.sizeBytes)) !== expected.digest) {
    throw damaged(files, name, "was changed or damaged (its digest differs)");
  }
  return loadSafetensors(files, name);
}

/** Names of an objective's tensors, in its order: sums over them depend on it. */
export interface ObjectiveNames {
  readonly parameters: readonly string[];
  readonly state: readonly string[];
}

/**
 * The progress that a manifest describes. The caller owns its tensors.
 *
 * @throws {FormatError} When one of its files is damaged or missing.
 */
export async function loadProgress(files: Files, manifest: Manifest, names: ObjectiveNames): Promise<Progress> {
  const loaded: Map<string, Tensor>[] = [];

  async function load(kind: FileKind, at: number): Promise<Map<string, Tensor>> {
    const tensors = await loadChecked(files, fileName(kind, at), manifest);
    loaded.push(tensors);
    return tensors;
  }

  async function loadInOrder(kind: FileKind, at: number, order: readonly string[]): Promise<Map<string, Tensor>> {
    if (order.length === 0) return new Map();
    const tensors = await load(kind, at);
    return new Map(order.map((name) => [name, tensors.get(name)!]));
  }

  const { step, position, best, optimiserStep, evaluationsSinceBest } = manifest;
  const remembers = manifest.files[fileName("optimiser", step)] !== undefined;
  try {
    return {
      step,
      position,
      parameters: await loadInOrder("parameters", step, names.parameters),
      state: await loadInOrder("state", step, names.state),
      optimiser: { step: optimiserStep, tensors: remembers ? await load("optimiser", step) : new Map() },
      best:
        best === null
          ? undefined
          : {
              ...best,
              parameters: await loadInOrder("best", best.step, names.parameters),
              state: await loadInOrder("best-state", best.step, names.state),
            },
      evaluationsSinceBest,
    };
  } catch (error) {
    disposeTrees(loaded);
    throw error;
  }
}
