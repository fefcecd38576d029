import { ConfigError, type Files, openFiles, parseConfig, StateError } from "@cambium/base";
import { disposeParameters, saveSafetensors } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import * as z from "zod";
import { isAtStart } from "../at-start.ts";
import type { Tuned } from "../attach.ts";
import { carrierOf, leftRandom } from "../left-random.ts";
import { findNotFinite } from "../not-finite.ts";
import { storedOf } from "./draft.ts";
import { describeNative, NATIVE_CONFIG, NATIVE_WEIGHTS, nativeTensors } from "./native.ts";
import { CONFIG_FILE, WEIGHTS_FILE } from "./peft-names.ts";
import { describePeft } from "./peft-save.ts";
import { HEAD_METADATA, headToStore } from "./stored-head.ts";

/** Settings of `saveAdapter`. */
export interface SaveAdapterOptions {
  /**
   * Name or address of the base, for Python's `AutoPeftModel`. @default what the base was loaded by, whatever its config remembers, or
   * nothing where it was not loaded
   */
  readonly base?: string;
  /** How tensors are stored; all are read back as float32. @default "F32" */
  readonly dtype?: "F32" | "F16" | "BF16";
  /** Whether a delta may be as it was made: without it, saving before training is an error. @default false */
  readonly untrained?: boolean;
  /**
   * Whether a random head that the base's file lacked may be left out of the adapter, as when only the body is wanted. Without
   * it, saving deltas that were trained against such a head is an error. @default false
   */
  readonly withoutHead?: boolean;
}

const schema = z.strictObject({
  base: z.string().exactOptional(),
  dtype: z.enum(["F32", "F16", "BF16"]).default("F32"),
  untrained: z.boolean().default(false),
  withoutHead: z.boolean().default(false),
});

/** What was written. */
export interface SavedAdapter {
  readonly format: "peft" | "native";
  /** Why it is no PEFT folder. */
  readonly reason?: string;
  /** Names of deltas that are not in it, because they wait and do not act. */
  readonly left?: readonly string[];
}

/**
 * Writes the deltas of a tuned model that act, at its parameters, and nothing of the base.
 *
 * Methods that PEFT has, each with or without a classification head, become a PEFT folder that Python loads:
 * `adapter_model.safetensors`, then `adapter_config.json`. Anything else becomes `delta_model.safetensors` and
 * `delta_config.json`, which `loadAdapter` reads just as well. Files of the other form in the folder are removed. Both say what
 * the model's head is, labels and their order included, which `loadAdapter` compares; PEFT does not see it.
 *
 * @param target - The folder: a path, or any `Files`.
 * @throws {StateError} When a delta is still what it was made as: what training returns goes in by `tuned.with(parameters)`.
 *   Or when the base has a random head, because its file lacked one, and no delta carries it: loaded again, the adapter would meet
 *   another one. Attach `head(base)`, or pass `withoutHead`.
 *   Or when a delta holds NaN or an infinity; names the tensors.
 * @throws {FileError} When a file cannot be written; the former one is still there.
 * @example
 * await saveAdapter(tuned.with(parameters), "adapters/spam");
 */
export async function saveAdapter(
  tuned: Tuned<LanguageModel>,
  target: string | Files,
  options: SaveAdapterOptions = {},
): Promise<SavedAdapter> {
  const { dtype, untrained, withoutHead, base: baseName } = parseConfig("saveAdapter", schema, options);
  for (const { name, kind, method } of tuned.deltas) {
    if (method.unsaved === undefined) continue;
    throw new ConfigError({ message: `saveAdapter: delta "${name}" (${kind}): ${method.unsaved}`, delta: name });
  }
  if (!withoutHead) checkCarried("saveAdapter", tuned);
  if (!untrained) await checkTrained("saveAdapter", tuned);
  await checkFinite(tuned);
  const left = tuned.inactive.map((delta) => delta.name);
  const more = left.length > 0 ? { left } : {};
  const files = openFiles(target);
  const peft = describePeft(tuned, baseName ?? tuned.base.source ?? "");
  const writeConfig = (file: string, config: unknown): Promise<void> =>
    files.write(file, `${JSON.stringify(config, null, 2)}\n`);
  if ("reason" in peft) {
    await saveSafetensors(files, NATIVE_WEIGHTS, nativeTensors(tuned), { dtype });
    await writeConfig(NATIVE_CONFIG, await describeNative(tuned));
    await removeAll(files, [CONFIG_FILE, WEIGHTS_FILE]);
    return { format: "native", reason: peft.reason, ...more };
  }
  const head = headToStore(tuned);
  const metadata = { format: "pt", ...(head !== undefined && { [HEAD_METADATA]: JSON.stringify(head) }) };
  try {
    await saveSafetensors(files, WEIGHTS_FILE, peft.tensors, { dtype, metadata });
  } finally {
    disposeParameters(peft.made);
  }
  await writeConfig(CONFIG_FILE, peft.config);
  await removeAll(files, [NATIVE_CONFIG, NATIVE_WEIGHTS]);
  return { format: "peft", ...more };
}

async function removeAll(files: Files, names: readonly string[]): Promise<void> {
  for (const name of names) await files.remove(name);
}

/** Throws for numbers that are none. */
async function checkFinite({ deltas }: Tuned<LanguageModel>): Promise<void> {
  for (const delta of deltas) {
    const problems = await findNotFinite(storedOf(delta));
    if (problems.length === 0) continue;
    throw new StateError({
      message: `saveAdapter: delta "${delta.name}" (${delta.kind}) is no result of a training that went well: ${problems.join("; ")}`,
      delta: delta.name,
      problems,
    });
  }
}

/** Throws for a delta that is still at its start. */
export async function checkTrained(caller: string, { deltas }: Tuned<LanguageModel>): Promise<void> {
  for (const delta of deltas) {
    if (!(await isAtStart(delta))) continue;
    throw new StateError({
      message: `${caller}: delta "${delta.name}" (${delta.kind}) is still what it was made as; save tuned.with(parameters) with what training returned, or pass { untrained: true }`,
      delta: delta.name,
    });
  }
}

/** Throws for a base with random weights that no delta carries. */
export function checkCarried(caller: string, { base, deltas }: Tuned<LanguageModel>): void {
  const left = leftRandom(base, deltas);
  if (left.length === 0) return;
  throw new StateError({
    message: `${caller}: the base's file lacks ${left.join(", ")}, so that the values here are random, and no delta carries them; the adapter would meet others when it is loaded. Attach ${carrierOf(base, left)} with the others and train it, or pass { withoutHead: true } to save the rest alone`,
    parameters: left,
  });
}
