/** Chunks of a searchlight on file, so that one that was stopped resumes: a small file for each, and one that says of what. */
import {
  ConfigError,
  canonicalJson,
  type Files,
  FormatError,
  type Json,
  openFiles,
  readJson,
  sha256,
} from "@cambium/base";
import type { Rdm } from "../rdm/rdm.ts";
import type { ConditionActivations } from "./condition-activations.ts";

/** What one chunk gave for one attribute, and the greatest value under each permutation so far. */
export interface ChunkOfAttribute {
  readonly values: ArrayLike<number>;
  readonly p: ArrayLike<number>;
  readonly maxima: Float32Array;
}

/** Chunks that were computed before, and where new ones go. */
export interface SearchlightLog {
  /** A chunk by its number, from 0. */
  read(chunk: number): Promise<readonly ChunkOfAttribute[] | undefined>;
  write(chunk: number, attributes: readonly ChunkOfAttribute[]): Promise<void>;
}

const INDEX = "searchlight.json";
const chunkName = (chunk: number): string => `searchlight-${String(chunk).padStart(6, "0")}.f64`;

const hashOf = (values: Float32Array | Float64Array): string =>
  sha256(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));

/** A hash of all that a searchlight's numbers depend on. */
export function searchlightHash(
  { conditions, sites, values }: ConditionActivations,
  attributes: Readonly<Record<string, Rdm>>,
  settings: Json,
): string {
  return sha256(
    canonicalJson({
      settings,
      conditions,
      sites: sites.map(({ path, width }) => [path, width, values.get(path)!.map((rows) => rows.map(hashOf))]),
      attributes: Object.entries(attributes).map(([name, rdm]) => [name, hashOf(Float64Array.from(rdm.values))]),
    }),
  );
}

/**
 * Opens a folder of chunks.
 *
 * @throws {ConfigError} When it is of another searchlight.
 */
export async function openSearchlightLog(to: string | Files, hash: string): Promise<SearchlightLog> {
  const files = openFiles(to);
  const names = new Set((await files.list()).map(({ name }) => name));
  if (names.has(INDEX)) {
    const found = (await readJson(files, INDEX)) as { readonly hash?: string };
    if (found.hash !== hash)
      throw new ConfigError({
        message: `runSearchlight: ${files.location} holds another searchlight: activations, attributes or settings differ; choose another folder`,
      });
  } else {
    await files.write(INDEX, `${JSON.stringify({ format: "cambium searchlight", version: 1, hash })}\n`);
  }
  return {
    async read(chunk) {
      if (!names.has(chunkName(chunk))) return undefined;
      const bytes = await files.read(chunkName(chunk));
      const parsed = bytes.length % 8 === 0 ? parseChunk(new Float64Array(new Uint8Array(bytes).buffer)) : undefined;
      if (parsed !== undefined) return parsed;
      throw new FormatError({
        message: `runSearchlight: ${chunkName(chunk)} in ${files.location} is damaged; remove it, and its lights are looked at again`,
        name: chunkName(chunk),
      });
    },
    write: (chunk, attributes) => files.write(chunkName(chunk), chunkBytes(attributes)),
  };
}

/** Attributes, lights and permutations, then for each attribute its values, p and maxima. */
function chunkBytes(attributes: readonly ChunkOfAttribute[]): Uint8Array {
  const [{ values, maxima }] = attributes as [ChunkOfAttribute];
  const numbers = [attributes.length, values.length, maxima.length];
  const all = Float64Array.from([
    ...numbers,
    ...attributes.flatMap((each) => [...Array.from(each.values), ...Array.from(each.p), ...each.maxima]),
  ]);
  return new Uint8Array(all.buffer);
}

function parseChunk(all: Float64Array): readonly ChunkOfAttribute[] | undefined {
  const [count, lights, permutations] = all as unknown as [number, number, number];
  const size = 2 * lights + permutations;
  if (all.length < 3 || all.length !== 3 + count * size) return undefined;
  return Array.from({ length: count }, (_, a) => {
    const from = 3 + a * size;
    return {
      values: all.slice(from, from + lights),
      p: all.slice(from + lights, from + 2 * lights),
      maxima: Float32Array.from(all.slice(from + 2 * lights, from + size)),
    };
  });
}
