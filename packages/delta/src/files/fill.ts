/** The common end of reading an adapter: what the file must hold is known, and every deviation goes into one error. */
import { FormatError } from "@cambium/base";
import { disposeParameters, type Safetensors } from "@cambium/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { type Delta, stack } from "../delta.ts";

/** How parameters are called in a file. */
export interface FileNames {
  /** The key of a delta's parameter, in the plainest form. */
  keyOf(part: Delta, name: string): string;
  /** The plainest form of a key as it stands in the file. */
  simplify(key: string): string;
}

const FLOATS = ["F64", "F32", "F16", "BF16"];

/**
 * The deltas with a file's values in place of their starting points, which are disposed of. One delta comes back as
 * itself, several as a stack.
 *
 * @param problems - What is wrong already, for the same error.
 * @param location - Where the adapter is, for the message.
 * @throws {FormatError} Listing everything that is missing, unexpected or of another shape or type.
 */
export async function fillParts(
  parts: readonly Delta[],
  file: Safetensors,
  { keyOf, simplify }: FileNames,
  problems: readonly string[],
  location: string,
): Promise<Delta> {
  try {
    const wanted = new Map(
      parts.flatMap((part) => [...part.parameters].map(([name, { shape }]) => [keyOf(part, name), shape] as const)),
    );
    const { found, mismatches } = compare(wanted, file, simplify);
    if (problems.length + mismatches.length > 0) throw misfit([...problems, ...mismatches], location);
    const loaded = await readAll(found, file);
    const filled = parts.map((part) => ({
      ...part,
      parameters: new Map([...part.parameters.keys()].map((name) => [name, loaded.get(keyOf(part, name))!])),
    }));
    return filled.length === 1 ? filled[0]! : stack(...filled);
  } finally {
    for (const part of parts) disposeParameters(part.parameters);
  }
}

/** The error that lists what is wrong with an adapter. */
function misfit(problems: readonly string[], location: string): FormatError {
  return new FormatError({
    message: `loadAdapter: the adapter in ${location} does not fit this model: ${problems.join("; ")}. Was it made for another base?`,
    problems,
    location,
  });
}

/** Keys in the file by plain key, and what does not fit. */
function compare(
  wanted: ReadonlyMap<string, readonly number[]>,
  file: Safetensors,
  simplify: (key: string) => string,
): { found: ReadonlyMap<string, string>; mismatches: readonly string[] } {
  const found = new Map<string, string>();
  const unexpected: string[] = [];
  const misshapen: string[] = [];
  for (const [fileKey, { dtype, shape }] of file.entries) {
    const key = simplify(fileKey);
    const expected = wanted.get(key);
    if (expected === undefined || found.has(key)) {
      unexpected.push(fileKey);
      continue;
    }
    found.set(key, fileKey);
    if (shape.join() !== expected.join()) misshapen.push(`${fileKey} has shape [${shape}], not [${expected}]`);
    else if (!FLOATS.includes(dtype)) misshapen.push(`${fileKey} holds ${dtype}, not floats`);
  }
  const missing = [...wanted.keys()].filter((key) => !found.has(key));
  return {
    found,
    mismatches: [
      ...(missing.length > 0 ? [`missing ${missing.join(", ")}`] : []),
      ...(unexpected.length > 0 ? [`unexpected ${unexpected.join(", ")}`] : []),
      ...misshapen,
    ],
  };
}

async function readAll(found: ReadonlyMap<string, string>, file: Safetensors): Promise<Map<string, Tensor>> {
  const loaded = new Map<string, Tensor>();
  try {
    for (const [key, fileKey] of found) loaded.set(key, await file.tensor(fileKey));
    return loaded;
  } catch (error) {
    disposeParameters(loaded);
    throw error;
  }
}
