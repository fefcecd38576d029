/** What the commands of `probe` read and write: JSON, labels, RDMs, activations, and what a result was made from. */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson, openFiles, sha256 } from "@cambium/base";
import { fingerprint } from "@cambium/core";
import {
  averageConditions,
  type ConditionActivations,
  type NeuronSite,
  openActivations,
  type Rdm,
  rdmOf,
} from "@cambium/emotion-probing";
import type { Unit } from "@cambium/models";
import { getBackend, version_core } from "@tensorflow/tfjs-core";
import { UseError } from "../io.ts";
import type { Opened, OpenFlags } from "../models/open-model.ts";
import { utf8Text } from "../utf8.ts";

/** Reads a JSON file that the user names. */
export async function readJsonFile(verb: string, path: string): Promise<unknown> {
  try {
    return JSON.parse(utf8Text(verb, path, await readFile(path)));
  } catch (cause) {
    throw new UseError(`${verb}: ${path} cannot be read as JSON: ${(cause as Error).message}`);
  }
}

/** Reads a JSON file that must hold an object with no other keys than these. */
export async function readSettings(
  verb: string,
  path: string,
  keys: readonly string[],
): Promise<Readonly<Record<string, unknown>>> {
  const value = await readJsonFile(verb, path);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UseError(`${verb}: ${path} must hold an object with ${keys.join(", ")}`);
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown === undefined) return value as Readonly<Record<string, unknown>>;
  throw new UseError(`${verb}: ${path} has "${unknown}"; it may hold ${keys.join(", ")}`);
}

/** Reads an RDM: `{ conditions, values }`. */
export async function readRdm(verb: string, path: string): Promise<Rdm> {
  const value = await readJsonFile(verb, path);
  if (!isRdm(value)) throw new UseError(`${verb}: ${path} must hold { "conditions": […], "values": […] }`);
  return rdmIn(verb, path, value);
}

/** An RDM out of JSON. */
export function rdmIn(verb: string, what: string, given: unknown): Rdm {
  const { conditions, values, metric } = given as Readonly<Record<string, unknown>>;
  try {
    return rdmOf(conditions as string[], values as number[], typeof metric === "string" ? metric : "given");
  } catch (cause) {
    throw new UseError(`${verb}: ${what}: ${(cause as Error).message}`);
  }
}

/** Whether JSON means an RDM. */
export function isRdm(value: unknown): boolean {
  const { conditions, values } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return Array.isArray(conditions) && Array.isArray(values);
}

/** Labels of captured texts: a JSON list, or one a line, without the blanks around it. */
async function readLabels(verb: string, path: string): Promise<readonly string[]> {
  if (path.endsWith(".json")) {
    const value = await readJsonFile(verb, path);
    if (Array.isArray(value) && value.every((label) => typeof label === "string")) return value;
    throw new UseError(`${verb}: ${path} must hold a list of labels`);
  }
  let content: string;
  try {
    content = utf8Text(verb, path, await readFile(path));
  } catch (cause) {
    throw new UseError(`${verb}: ${path} cannot be read: ${(cause as Error).message}`);
  }
  const labels = content
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.trim());
  const empty = labels.indexOf("");
  if (empty < 0) return labels;
  // Labels belong to texts by their places: one that is passed over would shift all that follow.
  throw new UseError(`${verb}: line ${empty + 1} of ${path} is empty; every text needs a label`);
}

/** What `probe capture` writes beside the activations: its manifest. */
const CAPTURED = "capture.json";

/** Captured activations with the label of each text. */
export interface Labelled {
  readonly sites: readonly NeuronSite[];
  readonly rows: ReadonlyMap<string, readonly Float32Array[]>;
  readonly labels: readonly string[];
  /** Of the activations' index, what they were made from, and the labels. */
  readonly hash: string;
  /** What the activations were made from, where `probe capture` says so. */
  readonly from?: Manifest;
}

/** Opens what `probe capture` wrote, with a file of labels in the order of the texts. Of few sites, where `site` names one. */
export async function openLabelled(
  verb: string,
  folder: string,
  labelsFile: string,
  site: string | undefined,
): Promise<Labelled> {
  const stored = await openActivations(folder);
  const labels = await readLabels(verb, labelsFile);
  if (labels.length !== stored.texts)
    throw new UseError(`${verb}: ${folder} holds ${stored.texts} texts, and ${labelsFile} ${labels.length} labels`);
  const chosen = stored.sites.filter(({ path }) => site === undefined || path === site);
  if (chosen.length === 0) {
    throw new UseError(
      `${verb}: ${folder} holds no site "${site}"; it holds ${stored.sites.map(({ path }) => path).join(", ")}`,
    );
  }
  const rows = new Map<string, readonly Float32Array[]>();
  for (const { path } of chosen) rows.set(path, await stored.read(path));
  const index = await readFile(join(folder, "activations.json"), "utf8");
  const from = existsSync(join(folder, CAPTURED)) ? await readJsonFile(verb, join(folder, CAPTURED)) : undefined;
  const { manifest } = (from ?? {}) as { readonly manifest?: Manifest };
  const hash = sha256(canonicalJson({ index, labels, manifest: (manifest ?? null) as never }));
  return { sites: chosen, rows, labels, hash, ...(manifest !== undefined && { from: manifest }) };
}

/** What a result of labelled activations was made from. */
export const sourceOf = ({ hash, from }: Labelled): Pick<Manifest, "data" | "activations"> => ({
  data: hash,
  ...(from !== undefined && { activations: from }),
});

/** Means over the labels. */
export function conditionsOf(verb: string, { sites, rows, labels }: Labelled, folds: number): ConditionActivations {
  if (new Set(labels).size < 2) throw new UseError(`${verb}: all texts have the label "${labels[0]}"; two are needed`);
  return averageConditions(sites, rows, labels, { folds });
}

/** Units out of JSON: `[{ "layer": 3, "unit": 17 }, …]`. */
export function unitsOf(verb: string, value: unknown, what: string): readonly Unit[] {
  const isUnit = (one: unknown): boolean => {
    const { layer, unit, stack, ...rest } = (one ?? {}) as Readonly<Record<string, unknown>>;
    return (
      Object.keys(rest).every((key) => key === "score" || key === "site") && // as results of probe name neurons
      Number.isInteger(layer) &&
      Number.isInteger(unit) &&
      (stack === undefined || stack === "encoder" || stack === "decoder")
    );
  };
  if (Array.isArray(value) && value.length > 0 && value.every(isUnit)) return value as readonly Unit[];
  throw new UseError(`${verb}: ${what} must be a list of neurons, such as { "layer": 3, "unit": 17 }`);
}

/** A neuron as tables name it. */
export const neuronName = ({ stack, layer, unit }: Unit): string =>
  `${stack === undefined ? "" : `${stack} `}L${layer ?? ""}.${unit}`;

/** What a result was made from, as JSON. */
export interface Manifest {
  readonly command: string;
  readonly options: unknown;
  readonly seed?: number;
  readonly versions: { readonly cambium: string; readonly node: string; readonly tfjs: string };
  readonly backend?: string;
  /** Hashes of weights and tokenizer, of the texts or activations, and of interventions. */
  readonly model?: {
    readonly name: string;
    readonly weights: string;
    readonly tokenizer: string;
    readonly frozen?: string;
    readonly adapter?: { readonly name: string; readonly weights: string };
  };
  readonly data?: string;
  /** Of the command that wrote the activations. */
  readonly activations?: Manifest;
  readonly interventions?: string;
}

const VERSION = "0.0.0";

/** The manifest of a command's result. */
export const manifestOf = (
  command: string,
  options: unknown,
  rest: Pick<Manifest, "seed" | "model" | "data" | "activations" | "interventions"> = {},
): Manifest => ({
  command,
  options,
  versions: { cambium: VERSION, node: process.versions.node, tfjs: version_core },
  ...(rest.model !== undefined && { backend: getBackend() }),
  ...rest,
});

/** What tells one model from another. */
export async function modelMark(
  name: string,
  { adapter, frozen }: OpenFlags,
  { base, tuned, tokenizer }: Opened,
): Promise<NonNullable<Manifest["model"]>> {
  return {
    name,
    weights: await fingerprint(base.parameters),
    tokenizer: tokenizer.fingerprint,
    ...(frozen !== undefined && { frozen }),
    ...(tuned !== undefined && { adapter: { name: adapter!, weights: await fingerprint(tuned.parameters) } }),
  };
}

/** Makes the folder of a result before the work begins. What stands there under the result's name must be such a result. */
export async function openOut(verb: string, folder: string, kind: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw new UseError(`${verb}: --out ${folder} cannot be made: ${(cause as Error).message}`);
  }
  const path = join(folder, `${kind}.json`);
  if (!existsSync(path)) return;
  const there = (await readJsonFile(verb, path)) as { readonly kind?: unknown } | null;
  if (there?.kind !== kind) throw new UseError(`${verb}: ${path} is no result of this command; choose another folder`);
}

/** Writes a result with its manifest into a folder: `<kind>.json`. */
export async function writeResult(folder: string, kind: string, manifest: Manifest, result: object): Promise<string> {
  await openFiles(folder).write(`${kind}.json`, `${JSON.stringify({ kind, manifest, ...result })}\n`);
  return join(folder, `${kind}.json`);
}
