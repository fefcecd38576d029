/** The common end of reading an adapter: what the file must hold is known, and every deviation goes into one error. */
import { FormatError } from "@cambium/base";
import { disposeParameters, type Parameters, random, type Safetensors } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import type { Tensor } from "@tensorflow/tfjs-core";
import { type Delta, type Stack, stack } from "../delta.ts";
import { hostOf } from "../host.ts";
import { bindDelta, type DeltaTensor, startDelta } from "../method.ts";
import { findNotFinite } from "../not-finite.ts";
import { type Draft, storedTensors } from "./draft.ts";

/** How tensors are called in a file. */
export interface FileNames {
  /** The key of a delta's tensor, in the plainest form. */
  keyOf(part: Draft, name: string): string;
  /** The plainest form of a key as it stands in the file; undefined for one that is not used. */
  simplify(key: string): string | undefined;
}

const FLOATS = ["F64", "F32", "F16", "BF16"];

/**
 * The deltas of a file. One comes back as itself, several as a stack.
 *
 * @param problems - What is wrong already, for the same error.
 * @param location - Where the adapter is, for the message.
 * @throws {FormatError} Listing everything that is missing, unexpected or of another shape or type.
 */
export async function fillDrafts(
  base: LanguageModel,
  drafts: readonly Draft[],
  file: Safetensors,
  { keyOf, simplify }: FileNames,
  problems: readonly string[],
  location: string,
): Promise<Delta | Stack> {
  const wanted = new Map(
    drafts.flatMap((part) => [...storedTensors(part)].map(([name, spec]) => [keyOf(part, name), spec] as const)),
  );
  const { found, mismatches } = compare(wanted, file, simplify);
  if (problems.length + mismatches.length > 0) throw misfit([...problems, ...mismatches], location);
  const loaded = await readAll(found, file);
  const notFinite = await findNotFinite(loaded);
  if (notFinite.length > 0) {
    disposeParameters(loaded);
    throw damaged(notFinite, location);
  }
  const deltas = drafts.map((part) => fill(base, part, (name) => loaded.get(keyOf(part, name))));
  return deltas.length === 1 ? deltas[0]! : stack(...deltas);
}

/** A delta of the tensors that were read, and for those that files do not hold of their starts. */
function fill(base: LanguageModel, draft: Draft, read: (name: string) => Tensor | undefined): Delta {
  const { name, method, config, trained, frozen } = draft;
  const shape = hostOf(base);
  const take = (specs: ReadonlyMap<string, DeltaTensor>): Parameters => {
    const absent = new Map([...specs].filter(([each]) => read(each) === undefined));
    const made = startDelta(method.kind, absent, random(0), base.parameters);
    return new Map([...specs.keys()].map((each) => [each, read(each) ?? made.get(each)!]));
  };
  const state = startDelta(method.kind, method.state?.(shape, config) ?? new Map(), random(0), base.parameters);
  const point = { parameters: take(trained), buffers: take(frozen), state, config, shape };
  return { ...bindDelta(method, point), name };
}

/** The error that lists what is wrong with an adapter. */
function misfit(problems: readonly string[], location: string): FormatError {
  return new FormatError({
    message: `loadAdapter: the adapter in ${location} does not fit this model: ${problems.join("; ")}. Was it made for another base?`,
    problems,
    location,
  });
}

/** The error of weights that no training leaves that went well. */
function damaged(problems: readonly string[], location: string): FormatError {
  return new FormatError({
    message: `loadAdapter: the adapter in ${location} is damaged, or its training diverged: ${problems.join("; ")}`,
    problems,
    location,
  });
}

/** Keys in the file by plain key, and what does not fit. */
function compare(
  wanted: ReadonlyMap<string, DeltaTensor>,
  file: Safetensors,
  simplify: FileNames["simplify"],
): { found: ReadonlyMap<string, string>; mismatches: readonly string[] } {
  const found = new Map<string, string>();
  const unexpected: string[] = [];
  const misshapen: string[] = [];
  for (const [fileKey, { dtype, shape }] of file.entries) {
    const key = simplify(fileKey);
    if (key === undefined) continue;
    const expected = wanted.get(key);
    if (expected === undefined || found.has(key)) {
      unexpected.push(fileKey);
      continue;
    }
    found.set(key, fileKey);
    const isInteger = expected.dtype === "int32";
    if (shape.includes(0) && !expected.shape.includes(0))
      misshapen.push(
        `${fileKey} is empty, as a sharded training leaves it that did not gather its weights before the save`,
      );
    else if (shape.join() !== expected.shape.join())
      misshapen.push(`${fileKey} has shape [${shape}], not [${expected.shape}]`);
    else if (isInteger ? dtype !== "I32" : !FLOATS.includes(dtype))
      misshapen.push(`${fileKey} holds ${dtype}, not ${isInteger ? "I32" : "floats"}`);
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
