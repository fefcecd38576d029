/** What the commands of `probe` read and write: JSON, labels, RDMs, activations, and what a result was made from. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson, sha256 } from "@cambium/base";
import { fingerprint } from "@cambium/core";
import {
  averageConditions,
  type ConditionActivations,
  type NeuronSite,
  openActivations,
  type Rdm,
  rdmOf,
} from "@cambium/emotion-probing";
import type { LanguageModel, Tokenizer, Unit } from "@cambium/models";
import { getBackend, version_core } from "@tensorflow/tfjs-core";
import { UseError } from "../io.ts";
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
  const { conditions, values, metric } = ((await readJsonFile(verb, path)) ?? {}) as Readonly<Record<string, unknown>>;
  if (!Array.isArray(conditions) || !Array.isArray(values))
    throw new UseError(`${verb}: ${path} must hold { "conditions": […], "values": […] }`);
  return rdmOf(conditions as string[], values as number[], typeof metric === "string" ? metric : "given");
}

/** Labels of captured texts: a JSON list, or one a line. */
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
  return content.split(/\r?\n/).filter((line) => line.trim() !== "");
}

/** Captured activations with the label of each text. */
export interface Labelled {
  readonly sites: readonly NeuronSite[];
  readonly rows: ReadonlyMap<string, readonly Float32Array[]>;
  readonly labels: readonly string[];
  /** Of the activations' index and the labels. */
  readonly hash: string;
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
  return { sites: chosen, rows, labels, hash: sha256(canonicalJson({ index, labels })) };
}

/** Means over the labels. */
export const conditionsOf = ({ sites, rows, labels }: Labelled, folds: number): ConditionActivations =>
  averageConditions(sites, rows, labels, { folds });

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

/** What a result was made from, as JSON. */
export interface Manifest {
  readonly command: string;
  readonly options: unknown;
  readonly seed?: number;
  readonly versions: { readonly cambium: string; readonly node: string; readonly tfjs: string };
  readonly backend?: string;
  /** Hashes of weights and tokenizer, of the texts or activations, and of interventions. */
  readonly model?: { readonly name: string; readonly weights: string; readonly tokenizer: string };
  readonly data?: string;
  readonly interventions?: string;
}

const VERSION = "0.0.0";

/** The manifest of a command's result. */
export const manifestOf = (
  command: string,
  options: unknown,
  rest: Pick<Manifest, "seed" | "model" | "data" | "interventions"> = {},
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
  { base, tokenizer }: { readonly base: LanguageModel; readonly tokenizer: Tokenizer },
): Promise<NonNullable<Manifest["model"]>> {
  return { name, weights: await fingerprint(base.parameters), tokenizer: tokenizer.fingerprint };
}

/** Writes a result with its manifest into a folder: `<kind>.json`. */
export async function writeResult(folder: string, kind: string, manifest: Manifest, result: object): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${kind}.json`);
  await writeFile(path, `${JSON.stringify({ kind, manifest, ...result })}\n`);
  return path;
}
