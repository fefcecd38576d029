/**
 * Checkpoints that survive a crash at any moment.
 *
 * A folder holds `parameters-<step>`, `state-<step>`, `optimiser-<step>`, `best-<step>` and `best-state-<step>`
 * (`.safetensors`), and `checkpoint.json`, which names the files that count and their digests. A checkpoint's files are written
 * first, each under a new name;
 * then the new `checkpoint.json` replaces the old one by a single rename, and only then older files are removed. Whatever
 * is not named in `checkpoint.json` is left over from a crash, and is removed when the folder is opened. While a checkpoint
 * is written, `checkpoint.pending` holds its step.
 */
import { ConfigError, type Files, openFiles } from "@cambium/base";
import type { Progress } from "../progress.ts";
import type { CheckpointPlan } from "../train-options.ts";
import { compareDescriptions, type RunDescription } from "./description.ts";
import { loadProgress, type ObjectiveNames } from "./load.ts";
import { fileNames, isCheckpointFile, MANIFEST, type Manifest, readManifest, writeManifest } from "./manifest.ts";
import { saveProgress } from "./save.ts";

/** The checkpoints of one run. */
export interface Checkpoints {
  /** Whether one is to be written after this step. */
  isDue(step: number): boolean;
  /**
   * The progress of the current checkpoint, or undefined when there is none. The caller owns its tensors.
   *
   * @throws {FormatError} When one of its files is damaged or missing.
   */
  load(names: ObjectiveNames): Promise<Progress | undefined>;
  /**
   * Writes the progress as the current checkpoint.
   *
   * @returns Where it is.
   * @throws {FileError} When a file cannot be written; the former checkpoint is still there.
   */
  save(progress: Progress): Promise<string>;
}

/** Says which checkpoint is being written, or that none is. */
const PENDING = "checkpoint.pending";

/** Removes files of checkpoints that the manifest does not name. */
async function clean(files: Files, manifest: Manifest | undefined): Promise<void> {
  for (const { name } of await files.list()) {
    if (isCheckpointFile(name) && manifest?.files[name] === undefined) await files.remove(name);
  }
}

/**
 * Removes what a crash left over. A folder may hold hidden remains of an unfinished write, which another write of the same
 * name clears away: so the files that were being written are written once more, empty, before they are removed.
 */
async function recover(files: Files, manifest: Manifest | undefined): Promise<void> {
  if ((await files.list()).some(({ name }) => name === PENDING)) {
    const step = Number(new TextDecoder().decode(await files.read(PENDING)));
    for (const name of fileNames(step)) if (manifest?.files[name] === undefined) await files.write(name, "");
  }
  await files.write(PENDING, ""); // fails here, and not after an hour, where the folder cannot be written to
  await files.remove(PENDING);
  await clean(files, manifest);
}

/**
 * Opens a folder for checkpoints: makes sure that it can be written to, and removes what a crash left over.
 *
 * @param run - What the run depends on, which a checkpoint must share to be resumed.
 * @throws {FileError} When the folder cannot be written to.
 * @throws {FormatError} When the current checkpoint's manifest is damaged.
 * @throws {ConfigError} When the current checkpoint belongs to another run.
 */
export async function openCheckpoints(
  { files: where, every, keep, note }: CheckpointPlan,
  run: RunDescription,
): Promise<Checkpoints> {
  const files = openFiles(where);
  const hasManifest = (await files.list()).some(({ name }) => name === MANIFEST);
  let current = hasManifest ? await readManifest(files) : undefined;
  if (current !== undefined) {
    const now = { ...run.fixed, ...(await run.takenAfter(current)) };
    const { places, text } = compareDescriptions({ ...current.run, ...current.taken }, now);
    if (places.length > 0) {
      throw new ConfigError({
        message: `train: the checkpoint in ${files.location} belongs to another run: ${text}; choose another folder, or restore what differs`,
        places,
      });
    }
  }
  await recover(files, current);

  return {
    isDue: (step) => step % every === 0,
    async load(names) {
      const progress = current && (await loadProgress(files, current, names));
      if (current?.note !== undefined) note?.read(current.note);
      return progress;
    },
    async save(progress) {
      await files.write(PENDING, String(progress.step));
      const taken = await run.takenBy(progress);
      const next = await saveProgress(files, progress, {
        former: current,
        keep,
        run: run.fixed,
        taken,
        note: note?.write(),
      });
      await writeManifest(files, next);
      current = next;
      await clean(files, current);
      await files.remove(PENDING);
      return `${files.location}/${MANIFEST}`;
    },
  };
}
