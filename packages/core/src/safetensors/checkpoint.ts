import {
  checkName,
  FileError,
  type FileErrorReason,
  type Files,
  FormatError,
  hasFile,
  openFiles,
  readJson,
} from "@cambium/base";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import type { SafetensorsEntry } from "./header.ts";
import { lookUp, openSafetensors, type Safetensors } from "./read.ts";

const WHOLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/** Reads an index: which file each tensor is in. */
async function readIndex(files: Files): Promise<Map<string, string>> {
  const index = (await readJson(files, INDEX)) as { weight_map?: unknown } | null;
  const map = index?.weight_map;
  const fail = (problem: string): FormatError =>
    new FormatError({
      message: `openCheckpoint: "${INDEX}" in ${files.location} ${problem}; copy it again`,
      name: INDEX,
    });
  if (typeof map !== "object" || map === null || Array.isArray(map)) throw fail('has no "weight_map"');
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== "string") throw fail(`names no file for the tensor "${tensor}"`);
    checkName(shard, files.location);
  }
  return new Map(Object.entries(map));
}

async function missingShards(files: Files, shards: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  for (const shard of shards) if (!(await hasFile(files, shard))) missing.push(shard);
  return missing;
}

async function openShards(files: Files): Promise<Safetensors> {
  const shardOf = await readIndex(files);
  const shards = [...new Set(shardOf.values())].sort();
  const missing = await missingShards(files, shards);
  if (missing.length > 0) {
    const reason: FileErrorReason = "missing";
    throw new FileError({
      message: `openCheckpoint: ${files.location} lacks ${missing.length} of ${shards.length} shards: ${missing.join(", ")}; copy them again`,
      missing,
      reason,
    });
  }
  const opened = new Map<string, Safetensors>();
  for (const shard of shards) opened.set(shard, await openSafetensors(files, shard));

  const entries = new Map<string, SafetensorsEntry>();
  const metadata: Record<string, string> = {};
  for (const [shard, file] of opened) {
    Object.assign(metadata, file.metadata);
    for (const [tensor, entry] of file.entries) if (shardOf.get(tensor) === shard) entries.set(tensor, entry);
  }
  const absent = [...shardOf].filter(([tensor]) => !entries.has(tensor));
  if (absent.length > 0) {
    const list = absent.map(([tensor, shard]) => `"${tensor}" in ${shard}`).join(", ");
    throw new FormatError({
      message: `openCheckpoint: ${files.location}: the index promises ${list}, but they are not there; copy the shards again`,
      absent,
    });
  }
  const fileOf = (tensor: string): Safetensors => opened.get(lookUp(shardOf, tensor, files.location))!;

  return {
    metadata,
    entries,
    tensor: async (tensor) => fileOf(tensor).tensor(tensor),
    values: async (tensor) => fileOf(tensor).values(tensor),
    async load(names = entries.keys()) {
      const namesIn = new Map(shards.map((shard): [string, string[]] => [shard, []]));
      for (const name of names) namesIn.get(lookUp(shardOf, name, files.location))!.push(name);
      const tensors = new Map<string, Tensor>();
      try {
        for (const [shard, wanted] of namesIn) {
          for (const [name, tensor] of await opened.get(shard)!.load(wanted)) tensors.set(name, tensor);
        }
      } catch (error) {
        dispose([...tensors.values()]);
        throw error;
      }
      return tensors;
    },
  };
}

/**
 * Opens a model's weights: `model.safetensors`, or else the shards that `model.safetensors.index.json` names.
 *
 * @param source - The folder, or a string for `openFiles`.
 * @throws {FileError} When there are none, or shards are missing; lists them all.
 * @throws {FormatError} When a file is corrupt, or lacks tensors that the index promises.
 * @example
 * const parameters = await (await openCheckpoint("models/small")).load();
 */
export async function openCheckpoint(source: string | Files): Promise<Safetensors> {
  const files = openFiles(source);
  if (await hasFile(files, WHOLE)) return openSafetensors(files, WHOLE);
  if (await hasFile(files, INDEX)) return openShards(files);
  const reason: FileErrorReason = "missing";
  const message = `openCheckpoint: ${files.location} has neither ${WHOLE} nor ${INDEX}; weights in other formats must be converted first`;
  throw new FileError({ message, location: files.location, reason });
}
