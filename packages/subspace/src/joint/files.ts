/** Subspaces in files: one artefact for each method, which knows its backbone, its deltas and the fit that it is part of. */

import type { Files } from "@cambium/base";
import { ConfigError, canonicalJson, FormatError, type JsonObject, nearest, sha256 } from "@cambium/base";
import { loadArtefact, saveArtefact } from "@cambium/connectivity";
import { disposeParameters, fingerprint, type Parameters, random } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import { concat, reshape, type Tensor1D, tidy } from "@tensorflow/tfjs-core";
import { sizeOf } from "../projection/projection.ts";
import { type Activation, checkActivation, checkDecoder, createDecoder, type DecoderSettings } from "./networks.ts";
import { modelOf } from "./same-model.ts";
import { createSubspace, type MethodSpace, type Subspace } from "./subspace.ts";

/** What is stored of a method beside its trees. */
interface Stored {
  readonly fit: string;
  readonly dimension: number;
  readonly method: string;
  readonly methods: readonly string[];
  readonly tasks: readonly string[];
  readonly decoder: DecoderSettings & { readonly seed?: number; readonly path?: readonly (string | number)[] };
  readonly activation: Activation | null;
  readonly names: readonly string[];
  /** By task. */
  readonly coordinates: Readonly<Record<string, readonly number[]>>;
}

/** What each setting must be. */
const CHECKS: { readonly [key in keyof Stored]: (value: unknown) => boolean } = {
  fit: (value) => typeof value === "string",
  dimension: (value) => Number.isInteger(value) && (value as number) > 0,
  method: (value) => typeof value === "string",
  methods: (value) => isListOf(value, "string"),
  tasks: (value) => isListOf(value, "string"),
  decoder: (value) => {
    if (Object(value) !== value) return false;
    const { seed, path, ...settings } = value as Stored["decoder"];
    checkDecoder("loadSubspace", settings);
    return (seed === undefined || Number.isInteger(seed)) && (path === undefined || Array.isArray(path));
  },
  activation: (value) => {
    if (value !== null) checkActivation("loadSubspace", value as Activation);
    return true;
  },
  names: (value) => isListOf(value, "string") && (value as readonly unknown[]).length > 0,
  coordinates: (value) =>
    Object(value) === value && Object.values(value as object).every((row) => isListOf(row, "number")),
};

const isListOf = (value: unknown, type: string): boolean =>
  Array.isArray(value) && value.every((each) => typeof each === type);

const kindOf = (method: string): string => `subspace-${method.replaceAll(/[^\w.-]/g, "_")}`;

/** Names of files that two methods would share, where there are any. */
function checkFileNames(methods: readonly string[]): void {
  const byFile = new Map<string, string>();
  for (const method of methods) {
    const file = kindOf(method).toLowerCase(); // there are disks that do not tell cases apart
    const other = byFile.get(file);
    if (other !== undefined)
      throw new ConfigError({
        message: `saveSubspace: "${other}" and "${method}" would lie in one file; give the methods names that differ in letters, digits, "-" or "."`,
      });
    byFile.set(file, method);
  }
}

/** @throws {FormatError} For settings that are none of a method of a subspace. */
function parseStored(method: string, settings: JsonObject, trees: ReadonlyMap<string, Parameters>): Stored {
  const damaged = (why: string, cause?: unknown): FormatError =>
    new FormatError({ message: `loadSubspace: the file of ${method} is damaged: ${why}`, method, cause });
  for (const [key, isGood] of Object.entries(CHECKS)) {
    let isFine: boolean;
    try {
      isFine = isGood(settings[key]);
    } catch (cause) {
      throw damaged((cause as Error).message, cause);
    }
    if (!isFine) throw damaged(`its ${key} is ${JSON.stringify(settings[key])}`);
  }
  const stored = settings as unknown as Stored;
  if (stored.method !== method) throw damaged(`it is of ${stored.method}`);
  const missing = stored.names.find((name) => !trees.get("start")?.has(name));
  if (missing !== undefined) throw damaged(`it lacks the start of ${missing}`);
  if (!trees.has("decoder")) throw damaged("it lacks the decoder");
  if (trees.has("encoder") !== (stored.activation !== null)) throw damaged("an encoder needs an activation");
  const odd = Object.entries(stored.coordinates).find(([, values]) => values.length !== stored.dimension);
  if (odd !== undefined) throw damaged(`${odd[0]} has ${odd[1].length} coordinates of ${stored.dimension}`);
  return stored;
}

/** A hash of all methods' parts, which tells fits apart. */
async function fitOf(space: Subspace): Promise<string> {
  const parts: string[] = [];
  for (const name of space.methods) {
    const { start, decoder, encoder } = space.method(name);
    for (const tree of [start, decoder.parameters, encoder?.parameters ?? new Map()])
      parts.push(await fingerprint(tree));
  }
  return sha256(canonicalJson([space.dimension, [...space.methods], parts]));
}

function checkModels(caller: string, methods: readonly string[], models: Readonly<Record<string, Tuned>>): void {
  const unknown = Object.keys(models).find((name) => !methods.includes(name));
  if (unknown !== undefined) {
    const near = nearest(unknown, methods);
    throw new ConfigError({
      message: `${caller}: the subspace has no method "${unknown}"; ${near === undefined ? `it has ${methods.join(", ")}` : `is "${near}" meant?`}`,
    });
  }
}

/**
 * Writes a subspace into a folder: decoders, encoders, starts and the coordinates of its tasks.
 *
 * @param models - A tuned model for each method: what points of it belong to.
 * @returns A hash that tells fits apart.
 * @throws {ConfigError} When a method has no model, a model is of none, or two methods have names that would be one file's.
 * @example
 * await saveSubspace(space, "spaces/mail", { lora: tunedByLora, adapter: tunedByAdapter });
 */
export async function saveSubspace(
  space: Subspace,
  to: string | Files,
  models: Readonly<Record<string, Tuned>>,
): Promise<string> {
  checkModels("saveSubspace", space.methods, models);
  const missing = space.methods.filter((name) => models[name] === undefined);
  if (missing.length > 0)
    throw new ConfigError({ message: `saveSubspace: there is no model of ${missing.join(", ")}`, missing });
  checkFileNames(space.methods);
  const fit = await fitOf(space);
  for (const method of space.methods) {
    const { start, decoder, encoder, shapes } = space.method(method);
    const coordinates: Record<string, number[]> = {};
    for (const [task, found] of space.coordinates) if (found.has(method)) coordinates[task] = [...found.get(method)!];
    const settings = {
      fit,
      dimension: space.dimension,
      method,
      methods: space.methods,
      tasks: space.tasks,
      decoder: decoder.settings,
      activation: encoder?.activation ?? null,
      names: [...shapes.keys()],
      coordinates,
    };
    const trees = new Map<string, Parameters>([
      ["start", start],
      ["decoder", decoder.parameters],
      ...(encoder === undefined ? [] : [["encoder", encoder.parameters] as const]),
    ]);
    await saveArtefact(models[method]!, to, {
      kind: kindOf(method),
      settings: settings as unknown as JsonObject,
      lineage: [{ made: "fitSubspace", from: [], settings: { dimension: space.dimension } }],
      trees,
    });
  }
  return fit;
}

/**
 * Reads a subspace. Methods of which no model is given are left out.
 *
 * @param models - A tuned model for each method that is wanted.
 * @returns The subspace, which the caller owns.
 * @throws {ConfigError} When a method's part belongs to another backbone, to other deltas or to other settings of these; lists all.
 * @throws {FormatError} When files are damaged, or of several fits.
 */
export async function loadSubspace(from: string | Files, models: Readonly<Record<string, Tuned>>): Promise<Subspace> {
  const wanted = Object.entries(models);
  if (wanted.length === 0) throw new ConfigError({ message: "loadSubspace: give a model of at least one method" });
  const spaces: MethodSpace[] = [];
  const coordinates = new Map<string, Map<string, Float32Array>>();
  let first: Stored | undefined;
  try {
    for (const [method, tuned] of wanted) {
      const { trees, settings } = await loadArtefact(tuned, from, kindOf(method));
      let stored: Stored;
      try {
        stored = parseStored(method, settings, trees);
        first ??= stored;
        if (stored.fit !== first.fit)
          throw new FormatError({
            message: `loadSubspace: ${method} and ${first.method} are of different fits; save the whole subspace again`,
          });
      } catch (error) {
        for (const tree of trees.values()) disposeParameters(tree);
        throw error;
      }
      spaces.push(restore(stored, tuned, trees.get("start")!, trees.get("decoder")!, trees.get("encoder")));
      for (const [task, values] of Object.entries(stored.coordinates)) {
        const row = coordinates.get(task) ?? new Map<string, Float32Array>();
        coordinates.set(task, row.set(method, Float32Array.from(values)));
      }
    }
    return await createSubspace(first!.dimension, first!.tasks, spaces, coordinates);
  } catch (error) {
    for (const { start, decoder, encoder } of spaces)
      for (const tree of [start, decoder.parameters, encoder?.parameters ?? new Map()]) disposeParameters(tree);
    throw error;
  }
}

function restore(
  stored: Stored,
  tuned: Tuned,
  start: Parameters,
  trained: Parameters,
  encoder: Parameters | undefined,
): MethodSpace {
  const { dimension, decoder: settings, activation, names, method } = stored;
  const shapes = new Map(names.map((name) => [name, start.get(name)!.shape] as const));
  const flat = tidy(() => concat(names.map((name) => reshape(start.get(name)!, [-1])) as Tensor1D[])) as Tensor1D;
  const key = (settings.path ?? []).reduce((at, label) => at.at(label), random(settings.seed ?? 0));
  const { kind, hidden } = settings;
  const fresh = createDecoder({ kind, ...(hidden !== undefined && { hidden }) }, dimension, sizeOf(shapes), key, flat);
  disposeParameters(fresh.parameters);
  return {
    name: method,
    shapes,
    start,
    decoder: { ...fresh, parameters: trained },
    ...modelOf(tuned),
    ...(encoder !== undefined && activation !== null && { encoder: { activation, parameters: encoder } }),
  };
}
