import { type Files, FormatError } from "@cambium/base";
import type { LanguageModel } from "@cambium/models";
import type { Delta, Stack } from "../../delta.ts";
import { fillDrafts } from "../fill.ts";
import { CONFIG_FILE } from "../peft-names.ts";
import { isAdaptersConfig, readAdaptersFolder } from "./adapters-library.ts";
import { openKohya, readKohya } from "./kohya.ts";
import type { ForeignLora } from "./lora-layers.ts";
import { isMlxConfig, readMlxFolder } from "./mlx.ts";
import { openDeltaConfig, readOpenDelta } from "./opendelta.ts";
import { viewTensors } from "./view.ts";

/** The deltas of a folder of another library than PEFT; undefined where `json` is of none that is known. */
export async function loadForeign(
  base: LanguageModel,
  files: Files,
  json: Readonly<Record<string, unknown>>,
): Promise<Delta | Stack | undefined> {
  const fail = (problem: string): FormatError =>
    new FormatError({
      message: `loadAdapter: ${CONFIG_FILE} in ${files.location} ${problem}`,
      location: files.location,
    });
  const read = isAdaptersConfig(json) ? readAdaptersFolder : isMlxConfig(json) ? readMlxFolder : undefined;
  if (read === undefined) return undefined;
  try {
    return await fill(base, files, await read(base, files, json, fail));
  } catch (error) {
    if ((error as { code?: unknown }).code !== "CONFIG") throw error;
    throw fail(`cannot be read: ${(error as Error).message}`); // a setting that no method of ours has
  }
}

/** The delta of a folder with a file of kohya's; undefined where there is none. */
export async function loadKohya(base: LanguageModel, files: Files): Promise<Delta | Stack | undefined> {
  const file = await openKohya(files);
  return file === undefined ? undefined : fill(base, files, await readKohya(base, file));
}

/** The deltas of a folder of OpenDelta; undefined where it is none. */
export async function loadOpenDelta(base: LanguageModel, files: Files): Promise<Delta | Stack | undefined> {
  const config = await openDeltaConfig(files);
  if (config === undefined) return undefined;
  try {
    return await fill(base, files, await readOpenDelta(base, files, config));
  } catch (error) {
    if ((error as { code?: unknown }).code !== "CONFIG") throw error;
    throw new FormatError({
      message: `loadAdapter: the adapter in ${files.location} cannot be read: ${(error as Error).message}`,
      location: files.location,
      cause: error,
    });
  }
}

function fill(base: LanguageModel, files: Files, { drafts, tensors, problems }: ForeignLora): Promise<Delta | Stack> {
  const none = drafts.length === 0 && problems.length === 0 ? ["the file holds no tensors of it"] : problems;
  const names = { keyOf: (_: unknown, name: string) => name, simplify: (key: string) => key };
  return fillDrafts(base, drafts, viewTensors(tensors), names, none, files.location);
}
