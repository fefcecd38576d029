/**
 * Trees of parameters in a folder, with what they belong to and what they were made from: `<kind>.json` beside `<kind>.safetensors`.
 * Points, curves, subspaces and whatever else is made of points are stored alike.
 */
import {
  ConfigError,
  canonicalJson,
  type Files,
  FormatError,
  type JsonObject,
  nearest,
  openFiles,
  parseConfig,
  readJson,
  sha256,
} from "@cambium/base";
import { disposeParameters, fingerprint, loadSafetensors, type Parameters, saveSafetensors } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as z from "zod";
import { listed } from "../points/point.ts";
import { type Backbone, describeBackbone, differencesOf } from "./backbone.ts";

/** One thing that was done on the way to an artefact. */
export interface LineageStep {
  /** What did it, such as `"train"` or `"mergePoints"`. */
  readonly made: string;
  /** Artefacts that it was made from, by their ids. */
  readonly from: readonly string[];
  /** With which settings. */
  readonly settings: JsonObject;
}

/** Trees with what is known of them. */
export interface Artefact {
  /** A hash of the trees: what lineages name. */
  readonly id: string;
  /** What the trees are, such as `"point"`. */
  readonly kind: string;
  /** Settings of the kind. */
  readonly settings: JsonObject;
  /** What was done to make it, the first step first. */
  readonly lineage: readonly LineageStep[];
  /** Trees by name. The caller owns them. */
  readonly trees: ReadonlyMap<string, Parameters>;
}

/** What is stored, before there is an id. */
export type Unsaved = Omit<Artefact, "id">;

const FORMAT = "cambium artefact";
const json = z.record(z.string(), z.json());
const schema = z.object({
  format: z.literal(FORMAT),
  version: z.literal(1),
  id: z.string(),
  kind: z.string(),
  settings: json,
  lineage: z.array(z.strictObject({ made: z.string(), from: z.array(z.string()), settings: json })),
  trees: z.array(z.string()),
  backbone: z.custom<Backbone>((value) => Object(value) === value, "must say what it belongs to"),
});

/** The id of trees: equal for equal names and values. */
export async function artefactId(trees: ReadonlyMap<string, Parameters>): Promise<string> {
  const hashes: [string, string][] = [];
  for (const [name, tree] of trees) hashes.push([name, await fingerprint(tree)]);
  return sha256(canonicalJson(Object.fromEntries(hashes)));
}

/**
 * Writes trees that belong to a tuned model. The tensors are written first, so that a crash leaves no artefact whose tensors are of
 * another one.
 *
 * @param to - A folder. One kind has one place in it.
 * @returns The id.
 */
export async function saveArtefact(tuned: Tuned, to: string | Files, artefact: Unsaved): Promise<string> {
  const files = openFiles(to);
  const { kind, settings, lineage, trees } = artefact;
  const id = await artefactId(trees);
  const all = new Map<string, Tensor>();
  for (const [name, tree] of trees) for (const [key, tensor] of tree) all.set(`${name}:${key}`, tensor);
  await saveSafetensors(files, `${kind}.safetensors`, all, { metadata: { id } });
  const backbone = await describeBackbone(tuned);
  const about = { format: FORMAT, version: 1, id, kind, settings, lineage, trees: [...trees.keys()], backbone };
  await files.write(`${kind}.json`, `${JSON.stringify(about, null, 1)}\n`);
  return id;
}

/**
 * Reads trees for a tuned model.
 *
 * @param kind - What the folder must hold.
 * @throws {ConfigError} When they belong to another backbone, to other deltas or to other settings of these; lists all that differs.
 * @throws {FileError} When there is no such artefact.
 * @throws {FormatError} When it is damaged, or half of another one.
 */
export async function loadArtefact(tuned: Tuned, from: string | Files, kind: string): Promise<Artefact> {
  const files = openFiles(from);
  const about = await readAbout(files, kind);
  const differences = differencesOf(about.backbone, await describeBackbone(tuned));
  if (differences.length > 0) {
    throw new ConfigError({
      message: `loadArtefact: the ${kind} in ${files.location} belongs to another model: ${listed(differences)}`,
      differences,
    });
  }
  const all = await loadSafetensors(files, `${kind}.safetensors`);
  const trees = new Map<string, Map<string, Tensor>>(about.trees.map((name) => [name, new Map()]));
  for (const [name, tensor] of all) {
    const cut = name.indexOf(":");
    trees.get(name.slice(0, cut))?.set(name.slice(cut + 1), tensor);
  }
  const { settings, lineage } = about;
  const id = await artefactId(trees);
  if (id === about.id) return { id, kind, settings, lineage, trees };
  disposeParameters(all);
  throw new FormatError({
    message: `loadArtefact: ${kind}.json and ${kind}.safetensors in ${files.location} are not of one artefact, or were changed`,
    kind,
  });
}

async function readAbout(files: Files, kind: string): Promise<z.infer<typeof schema>> {
  let content: unknown;
  try {
    content = await readJson(files, `${kind}.json`);
  } catch (error) {
    if ((error as { readonly code?: string }).code !== "FILE") throw error;
    const present = (await files.list()).map(({ name }) => name).filter((name) => name.endsWith(".json"));
    const near = nearest(`${kind}.json`, present);
    const hint = near === undefined ? `it has ${present.join(", ") || "no artefact"}` : `is ${near} meant?`;
    throw new ConfigError({
      message: `loadArtefact: there is no ${kind} in ${files.location}; ${hint}`,
      cause: error,
    });
  }
  try {
    return parseConfig("loadArtefact", schema, content);
  } catch (cause) {
    throw new FormatError({
      message: `loadArtefact: ${kind}.json in ${files.location} is no artefact of version 1: ${(cause as Error).message}`,
      cause,
    });
  }
}
