/**
 * Checkpoints that survive a crash at any moment.
 *
 * A folder holds `parameters-<step>`, `optimiser-<step>` and `best-<step>` (`.safetensors`), and `checkpoint.json`, which
 * names the files that count and their digests. A checkpoint's files are written first, each under a name of its own;
 * then the new `checkpoint.json` replaces the old one by a single rename, and only then older files are removed. Whatever
 * is not named in `checkpoint.json` is left over from a crash, and is removed when the folder is opened.
 */
import { ConfigError, type Files, loadSafetensors, openFiles, saveSafetensors } from "@cambium/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { JsonObject } from "../json.ts";
import type { Best, Progress } from "../progress.ts";
import { disposeTrees } from "../tensors.ts";
import type { CheckpointOptions } from "../train-options.ts";
import { compareDescriptions } from "./description.ts";
import { digestFile, type Fingerprint, recordDigests } from "./digest.ts";
import { damaged, MANIFEST, type Manifest, readManifest, writeManifest } from "./manifest.ts";

/** The checkpoints of one run. */
export interface Checkpoints {
  /** Whether one is to be written after this step. */
  isDue(step: number): boolean;
  /**
   * The progress of the current checkpoint, or undefined when there is none. The caller owns its tensors.
   *
   * @param names - Parameters in the objective's order: sums over them depend on it.
   * @throws {ConfigError} When it belongs to another run; lists what differs.
   * @throws {FormatError} When one of its files is damaged.
   */
  load(names: Iterable<string>): Promise<Progress | undefined>;
  /**
   * Writes the progress as the current checkpoint.
   *
   * @returns Where it is.
   * @throws {FileError} When a file cannot be written; the former checkpoint is still there.
   */
  save(progress: Progress): Promise<string>;
}

const nameOf = (kind: "parameters" | "optimiser" | "best", step: number): string => `${kind}-${step}.safetensors`;
const isOurs = (name: string): boolean => /^(parameters|optimiser|best)-\d+\.safetensors$/.test(name);

/** Removes files of checkpoints that the manifest does not name. */
async function clean(files: Files, manifest: Manifest | undefined): Promise<void> {
  for (const { name } of await files.list()) {
    if (isOurs(name) && manifest?.files[name] === undefined) await files.remove(name);
  }
}

/** The tensors of a file that the manifest names, after a look at its digest. */
async function loadChecked(files: Files, name: string, { files: expected }: Manifest): Promise<Map<string, Tensor>> {
  const fingerprint = expected[name];
  if (fingerprint === undefined) throw damaged(files, MANIFEST, `does not name ${name}`);
  const found = (await files.list()).find((file) => file.name === name);
  if (found === undefined) throw damaged(files, name, "is missing");
  if (found.sizeBytes !== fingerprint.sizeBytes) {
    throw damaged(files, name, `has ${found.sizeBytes} bytes instead of ${fingerprint.sizeBytes}`);
  }
  if ((await digestFile(files, name, found.sizeBytes)) !== fingerprint.digest)
    throw damaged(files, name, "is damaged (its digest differs)");
  return loadSafetensors(files, name);
}

/**
 * Opens a folder for checkpoints: makes sure that it can be written to, and removes what a crash left over.
 *
 * @param run - Description of the run, which a checkpoint must share to be gone on from.
 * @throws {FileError} When the folder cannot be written to.
 * @throws {FormatError} When the current checkpoint's manifest is damaged.
 * @throws {ConfigError} When the current checkpoint belongs to another run.
 */
export async function openCheckpoints(
  { files: where, every, keep }: Required<CheckpointOptions>,
  run: JsonObject,
): Promise<Checkpoints> {
  const files = openFiles(where);
  const hasManifest = (await files.list()).some(({ name }) => name === MANIFEST);
  let current = hasManifest ? await readManifest(files) : undefined;
  if (current !== undefined) {
    const { places, text } = compareDescriptions(current.run, run);
    if (places.length > 0) {
      throw new ConfigError({
        message: `train: the checkpoint in ${files.location} belongs to another run: ${text}; choose another folder, or the former settings`,
        places,
      });
    }
  }
  await files.write("checkpoint.probe", "Written to see whether the folder can be written to.\n");
  await files.remove("checkpoint.probe");
  await clean(files, current);

  async function loadBest({ best, ...manifest }: Manifest): Promise<Best | undefined> {
    if (best === null) return undefined;
    return { ...best, parameters: await loadChecked(files, nameOf("best", best.step), { best, ...manifest }) };
  }

  return {
    isDue: (step) => step % every === 0,
    async load(names) {
      if (current === undefined) return undefined;
      const { step, position, evaluationsSinceBest } = current;
      const loaded: Map<string, Tensor>[] = [];
      try {
        const parameters = await loadChecked(files, nameOf("parameters", step), current);
        loaded.push(parameters);
        const tensors =
          current.files[nameOf("optimiser", step)] === undefined
            ? new Map()
            : await loadChecked(files, nameOf("optimiser", step), current);
        loaded.push(tensors);
        return {
          step,
          position,
          parameters: new Map(Array.from(names, (name) => [name, parameters.get(name)!])),
          state: { step, tensors },
          best: await loadBest(current),
          evaluationsSinceBest,
        };
      } catch (error) {
        disposeTrees(loaded);
        throw error;
      }
    },
    async save({ step, position, parameters, state, best, evaluationsSinceBest }) {
      const written = new Map<string, Fingerprint>();
      const recorder = recordDigests(files, (name, fingerprint) => written.set(name, fingerprint));
      await saveSafetensors(recorder, nameOf("parameters", step), parameters);
      if (state.tensors.size > 0) await saveSafetensors(recorder, nameOf("optimiser", step), state.tensors);
      if (best !== undefined && best.step !== current?.best?.step)
        await saveSafetensors(recorder, nameOf("best", best.step), best.parameters);
      const kept = [...(current?.kept ?? []).filter((earlier) => earlier < step), step].slice(-keep);
      const named = [
        ...kept.map((earlier) => nameOf("parameters", earlier)),
        nameOf("optimiser", step),
        ...(best === undefined ? [] : [nameOf("best", best.step)]),
      ];
      const known = { ...current?.files, ...Object.fromEntries(written) };
      const next: Manifest = {
        format: "cambium-checkpoint",
        version: 1,
        step,
        position,
        evaluationsSinceBest,
        best: best === undefined ? null : { step: best.step, value: best.value },
        files: Object.fromEntries(named.flatMap((name) => (known[name] === undefined ? [] : [[name, known[name]]]))),
        kept,
        run,
      };
      await writeManifest(files, next);
      current = next;
      await clean(files, current);
      return `${files.location}/${MANIFEST}`;
    },
  };
}
