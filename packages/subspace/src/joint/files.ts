/** Subspaces in files: one artefact for each method, which knows its backbone, its deltas and the fit that it is part of. */

import type { Files } from "@cambium/base";
import { ConfigError, canonicalJson, FormatError, type JsonObject, nearest, sha256 } from "@cambium/base";
import { loadArtefact, saveArtefact } from "@cambium/connectivity";
import { disposeParameters, fingerprint, type Parameters, random } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import { concat, reshape, type Tensor1D, tidy } from "@tensorflow/tfjs-core";
import { sizeOf } from "../projection/projection.ts";
import { type Activation, createDecoder, type DecoderSettings } from "./networks.ts";
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

const kindOf = (method: string): string => `subspace-${method.replaceAll(/[^\w.-]/g, "_")}`;

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
 * @throws {ConfigError} When a method has no model, or a model is of none.
 * @example
 * await saveSubspace(space, "spaces/mail", { lora: tunedByLora, adapter: tunedByAdapter });
 */
export async function saveSubspace(
  space: Subspace,
  to: string | Files,
  models: Readonly<Record<string, Tuned>>,
): Promise<void> {
  checkModels("saveSubspace", space.methods, models);
  const missing = space.methods.filter((name) => models[name] === undefined);
  if (missing.length > 0)
    throw new ConfigError({ message: `saveSubspace: there is no model of ${missing.join(", ")}`, missing });
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
      const stored = settings as unknown as Stored;
      first ??= stored;
      const [start, decoder] = [trees.get("start")!, trees.get("decoder")!];
      const loaded = [start, decoder, trees.get("encoder") ?? new Map()];
      if (stored.fit !== first.fit) {
        for (const tree of loaded) disposeParameters(tree);
        throw new FormatError({
          message: `loadSubspace: ${method} and ${first.method} are of different fits; save the whole subspace again`,
        });
      }
      spaces.push(restore(stored, tuned, start, decoder, trees.get("encoder")));
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
    deltas: tuned.deltas,
    ...(encoder !== undefined && activation !== null && { encoder: { activation, parameters: encoder } }),
  };
}
