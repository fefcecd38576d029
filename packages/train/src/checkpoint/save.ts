import type { Files, JsonObject } from "@cambium/base";
import { type Parameters, saveSafetensors } from "@cambium/core";
import type { Progress } from "../progress.ts";
import { type Fingerprint, recordDigests } from "./digest.ts";
import { fileName, type Manifest } from "./manifest.ts";

/** What a manifest is made of besides the progress. */
export interface SaveContext {
  /** The manifest that is current until then. */
  readonly former: Manifest | undefined;
  /** How many checkpoints' parameters stay. */
  readonly keep: number;
  readonly run: JsonObject;
}

/**
 * Writes the files of a checkpoint, each under a new name.
 *
 * @returns The manifest that makes them the current ones, once it is written.
 * @throws {FileError} When a file cannot be written.
 */
export async function saveProgress(
  files: Files,
  progress: Progress,
  { former, keep, run }: SaveContext,
): Promise<Manifest> {
  const { step, position, parameters, state, best, evaluationsSinceBest } = progress;
  const written: Record<string, Fingerprint> = {};
  const recorder = recordDigests(files, (name, fingerprint) => {
    written[name] = fingerprint;
  });
  const save = (name: string, tensors: Parameters): Promise<void> => saveSafetensors(recorder, name, tensors);
  /** Fingerprints of files that an earlier checkpoint wrote. */
  const earlier = (names: readonly string[]): Record<string, Fingerprint> =>
    Object.fromEntries(names.map((name) => [name, former!.files[name]!]));

  await save(fileName("parameters", step), parameters);
  if (state.tensors.size > 0) await save(fileName("optimiser", step), state.tensors);
  const isNewBest = best !== undefined && best.step !== former?.best?.step;
  if (isNewBest) await save(fileName("best", best.step), best.parameters);

  const kept = keep === 1 ? [] : (former?.kept ?? []).slice(1 - keep);
  const unchanged = kept.map((keptStep) => fileName("parameters", keptStep));
  if (best !== undefined && !isNewBest) unchanged.push(fileName("best", best.step));
  return {
    format: "cambium-checkpoint",
    version: 1,
    step,
    position,
    evaluationsSinceBest,
    best: best === undefined ? null : { step: best.step, value: best.value },
    files: { ...earlier(unchanged), ...written },
    kept: [...kept, step],
    run,
  };
}
