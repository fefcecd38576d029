import { type Files, FormatError, openFiles, readJson } from "@cambium/base";
import { openCheckpoint } from "@cambium/core";
import type { Architecture } from "./architecture.ts";
import { architectures as builtIn } from "./architectures/index.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { findArchitecture } from "./find-architecture.ts";
import { checkNotQuantised } from "./frozen.ts";
import { loadGguf } from "./gguf/load-gguf.ts";
import { locateGguf } from "./gguf/locate.ts";

const CONFIG = "config.json";

/** What a folder or a GGUF file holds, before any weight is read. */
export interface ModelSource {
  readonly architecture: Architecture;
  readonly json: object;
  readonly checkpoint: Checkpoint;
  /** The folder. */
  readonly files: Files;
  readonly location: string;
  /** What messages on the config begin with. */
  readonly caller: string;
}

/**
 * Opens a folder or a GGUF file: its config is read, and the headers of its weights.
 *
 * @param verb - Function to name in messages.
 * @param among - Architectures to choose from.
 */
export async function openSource(
  verb: string,
  source: string | Files,
  among: readonly Architecture[] = builtIn,
): Promise<ModelSource> {
  const located = await locateGguf(verb, source, CONFIG);
  if (located !== undefined) {
    const location = `"${located.name}" in ${located.files.location}`;
    return {
      ...(await loadGguf(located, among)),
      files: located.files,
      location,
      caller: `${verb}: the metadata of ${location}`,
    };
  }
  const files = openFiles(source);
  const { location } = files;
  const json = await readJson(files, CONFIG);
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new FormatError({
      message: `${verb}: config.json in ${location} is no JSON object; is it a model's folder?`,
      location,
    });
  }
  checkNotQuantised(json, location);
  const caller = `${verb}: config.json in ${location}`;
  const architecture = findArchitecture(caller, json, among);
  return { architecture, json, checkpoint: await openCheckpoint(files), files, location, caller };
}
