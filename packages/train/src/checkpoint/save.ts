import type { Files, JsonObject } from "@cambium/base";
import { type Parameters, saveSafetensors } from "@cambium/core";
import type { Progress } from "../progress.ts";
import { type Fingerprint, recordDigests } from "./digest.ts";
import { type FileKind, fileName, type Manifest } from "./manifest.ts";

/** What a manifest is made of besides the progress. */
export interface SaveContext {
  /** The manifest that is current until then. */
  readonly former: Manifest | undefined;
  /** How many checkpoints' points stay. */
  readonly keep: number;
  readonly run: JsonObject;
  readonly taken: JsonObject;
  /** What the caller keeps with it. */
  readonly note: JsonObject | undefined;
}

/** A record in the order of its keys, so that a resumed run's manifest is that of a run that was not stopped. */
const sortKeys = (files: Record<string, Fingerprint>): Record<string, Fingerprint> =>
  Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));

/**
 * Writes the files of a checkpoint, each under a new name.
 *
 * @returns The manifest that makes them the current ones, once it is written.
 * @throws {FileError} When a file cannot be written.
 */
export async function saveProgress(
  files: Files,
  progress: Progress,
  { former, keep, run, taken, note }: SaveContext,
): Promise<Manifest> {
  const { step, position, parameters, state, optimiser, best, evaluationsSinceBest } = progress;
  const written: Record<string, Fingerprint> = {};
  const recorder = recordDigests(files, (name, fingerprint) => {
    written[name] = fingerprint;
  });
  const save = async (kind: FileKind, at: number, tensors: Parameters): Promise<void> => {
    if (tensors.size > 0) await saveSafetensors(recorder, fileName(kind, at), tensors);
  };
  /** Fingerprints of files that an earlier checkpoint wrote. */
  const earlier = (kinds: readonly FileKind[], at: number): Record<string, Fingerprint> => {
    const names = kinds.map((kind) => fileName(kind, at));
    return Object.fromEntries(names.flatMap((name) => (former?.files[name] ? [[name, former.files[name]]] : [])));
  };

  await save("parameters", step, parameters);
  await save("state", step, state);
  await save("optimiser", step, optimiser.tensors);
  const isNewBest = best !== undefined && best.step !== former?.best?.step;
  if (isNewBest) {
    await save("best", best.step, best.parameters);
    await save("best-state", best.step, best.state);
  }

  const kept = keep === 1 ? [] : (former?.kept ?? []).slice(1 - keep);
  const unchanged = kept.map((keptStep) => earlier(["parameters", "state"], keptStep));
  if (best !== undefined && !isNewBest) unchanged.push(earlier(["best", "best-state"], best.step));
  return {
    format: "cambium-checkpoint",
    version: 2,
    step,
    position,
    optimiserStep: optimiser.step,
    evaluationsSinceBest,
    best: best === undefined ? null : { step: best.step, value: best.value },
    files: sortKeys(Object.assign({}, ...unchanged, written)),
    kept: [...kept, step],
    run,
    taken,
    ...(note !== undefined && { note }),
  };
}
