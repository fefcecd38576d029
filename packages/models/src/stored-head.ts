/**
 * Heads in `config.json`: what it says of the head that lies beside it, and whether that is the one that was asked for. Weights of
 * one shape can mean different things, and the config alone says which.
 */
import { ConfigError } from "@cambium/base";
import type { Architecture, ModelConfig } from "./architecture.ts";
import {
  type HeadConfig,
  type HeadKind,
  labelsOf,
  outputNames,
  outputsOf,
  type Pool,
  parseHeadConfig,
  poolOf,
} from "./head-config.ts";
import { type Layout, storedParameters } from "./layout.ts";

/** The key of what transformers has no words for. It does not read it. */
export const HEAD_KEY = "cambium_head";

/** What a `config.json` says of heads, as far as it is well formed. */
export interface HeadKeys {
  readonly architectures?: unknown;
  readonly id2label?: unknown;
  readonly num_labels?: unknown;
  readonly problem_type?: unknown;
  readonly [HEAD_KEY]?: { readonly pool?: Pool } | null;
}

/** A head that was found in a file. */
export interface StoredHead {
  readonly architecture: Architecture;
  readonly config: ModelConfig;
  /** What was asked for. */
  readonly head: HeadConfig;
  /** Of the model with its head. */
  readonly layout: Layout;
  /** Of the body alone. */
  readonly body: Layout;
  /** `config.json`. */
  readonly json: HeadKeys;
  readonly location: string;
}

/** transformers' words for what a head on whole sequences learns. */
type Problem = "single_label_classification" | "multi_label_classification" | "regression";

/** How a head is asked for that solves a problem. */
const asking: Readonly<Record<Problem, string>> = {
  single_label_classification: '{ kind: "sequence-classification", labels }',
  multi_label_classification: '{ kind: "sequence-classification", labels, multiLabel: true }',
  regression: '{ kind: "regression" }, with outputs where it gives several numbers',
};

function problemOf(head: HeadConfig): Problem | undefined {
  if (head.kind === "regression") return "regression";
  if (head.kind !== "sequence-classification") return undefined;
  return head.multiLabel === true ? "multi_label_classification" : "single_label_classification";
}

/**
 * Throws unless a file's head is the one that was asked for: of the same class, for the same problem, reading the same rows, with
 * the same labels in the same order. Where the config is silent, the user's word counts.
 *
 * @throws {ConfigError} Naming what the file says and what was asked for.
 */
export function checkStoredHead(stored: StoredHead): void {
  checkClass(stored);
  checkProblem(stored);
  checkPool(stored);
  checkLabels(stored);
}

/** Heads of several kinds have parameters of one name and shape. */
function checkClass({ architecture, config, head, layout, body, json, location }: StoredHead): void {
  if ([...storedParameters(layout).keys()].every((name) => body.parameters.has(name))) return;
  const { base: _, ...names } = architecture.classNames(config);
  const [stated] = ((json as { architectures?: readonly string[] | null }).architectures ?? []) as (
    | string
    | undefined
  )[];
  const kinds = (Object.keys(names) as HeadKind[]).filter((kind) => names[kind] === stated);
  if (stated === undefined || kinds.length === 0 || kinds.includes(head.kind)) return;
  throw new ConfigError({
    message: `loadModel: the head in ${location} is a ${stated}'s, so of the kind ${kinds.join(" or ")}; got "${head.kind}"`,
    stated,
    kind: head.kind,
  });
}

function checkProblem({ head, json, location }: StoredHead): void {
  const wanted = problemOf(head);
  const { problem_type: stated } = json;
  if (wanted === undefined || stated == null || stated === wanted) return;
  const known = Object.hasOwn(asking, stated as string) ? asking[stated as Problem] : undefined;
  throw new ConfigError({
    message: `loadModel: the head in ${location} has "problem_type": ${JSON.stringify(stated)}, and what was asked for is "${wanted}"; ${known === undefined ? `known are ${Object.keys(asking).join(", ")}` : `ask for ${known}`}`,
    problem_type: stated,
  });
}

function checkPool({ architecture, head, json, location }: StoredHead): void {
  const usual = architecture.heads[head.kind]?.pools?.[0];
  if (usual === undefined) return;
  const [stored, asked] = [json[HEAD_KEY]?.pool ?? usual, poolOf(head) ?? usual];
  if (stored === asked) return;
  throw new ConfigError({
    message: `loadModel: the head in ${location} was trained to read "${stored}" (pool), got "${asked}"; for a head of another pool, save the body alone and load that`,
    stored,
    asked,
  });
}

/** A stored classifier's labels have an order: asking for them in another one would silently swap the classes. */
function checkLabels({ head, json, location }: StoredHead): void {
  const asked = labelsOf(head) ?? outputNames(head);
  const stored = labelsIn(json);
  if (asked === undefined || stored === undefined || !isNamed(stored)) return;
  if (stored.join("\n") !== asked.join("\n")) {
    throw new ConfigError({
      message: `loadModel: the head in ${location} has the labels ${stored.join(", ")}, in this order; got ${asked.join(", ")}`,
      stored,
      asked,
    });
  }
}

/** Names of the outputs, by their indices; undefined where a config says nothing. */
function labelsIn({ id2label, num_labels: count }: HeadKeys): readonly string[] | undefined {
  if (typeof id2label === "object" && id2label !== null) {
    const entries = Object.entries(id2label).sort(([a], [b]) => Number(a) - Number(b));
    return entries.map(([, label]) => String(label));
  }
  return Number.isSafeInteger(count) ? Array.from({ length: count as number }, (_, i) => `LABEL_${i}`) : undefined;
}

const isNamed = (labels: readonly string[]): boolean => labels.some((label, i) => label !== `LABEL_${i}`);

/**
 * The head that a config says is in its file, by transformers' class name, its labels, and its problem; undefined for the body
 * alone. Where the config does not state the problem it is a number for one output and one of the labels for several, as
 * transformers' pipelines have it.
 *
 * @throws {ConfigError} When what the config says is no head.
 */
export function headIn(
  caller: string,
  json: HeadKeys,
  architecture: Architecture,
  config: ModelConfig,
): HeadConfig | undefined {
  const [className] = Array.isArray(json.architectures) ? (json.architectures as readonly unknown[]) : [];
  const { base: _, ...byKind } = architecture.classNames(config);
  const kinds = (Object.keys(byKind) as HeadKind[]).filter((kind) => byKind[kind] === className);
  if (kinds.length === 0) return undefined;
  const labels = labelsIn(json) ?? ["LABEL_0", "LABEL_1"]; // two where a config says nothing
  const { problem_type: problem } = json;
  const isNumber = problem === "regression" || (problem == null && labels.length === 1);
  const kind = kinds.length === 1 ? kinds[0]! : isNumber ? "regression" : "sequence-classification";
  const pool = json[HEAD_KEY]?.pool;
  const reads = pool === undefined ? {} : { pool };
  const isMultiLabel = kind === "sequence-classification" && problem === "multi_label_classification";
  const outputs = isNamed(labels) ? labels : labels.length;
  const keys: Readonly<Record<string, object>> = {
    "sequence-classification": { labels, ...(isMultiLabel && { multiLabel: true }), ...reads },
    "token-classification": { labels },
    regression: { ...(labels.length > 1 && { outputs }), ...reads },
  };
  return parseHeadConfig(caller, { kind, ...keys[kind] });
}

/** A config without what it says of a head in words of ours. */
export function withoutHeadKey<Json extends object>(json: Json): Omit<Json, typeof HEAD_KEY> {
  const { [HEAD_KEY]: _, ...rest } = json as Json & { readonly [HEAD_KEY]?: unknown };
  return rest;
}

/** What a config says of its head: under transformers' keys, and under `HEAD_KEY` what these have no words for. */
export function headKeys(head: HeadConfig | undefined): Readonly<Record<string, unknown>> {
  if (head === undefined) return {};
  const isOfNumbers = head.kind === "regression" || head.kind === "question-answering";
  const names =
    labelsOf(head) ??
    outputNames(head) ??
    (isOfNumbers ? Array.from({ length: outputsOf(head) }, (_, i) => `LABEL_${i}`) : undefined);
  if (names === undefined) return {};
  const problem = problemOf(head) ?? (head.kind === "token-classification" ? "single_label_classification" : undefined);
  return {
    id2label: Object.fromEntries(names.map((label, i) => [String(i), label])),
    label2id: Object.fromEntries(names.map((label, i) => [label, i])),
    ...(problem !== undefined && { problem_type: problem }),
    ...(poolOf(head) !== undefined && { [HEAD_KEY]: { pool: poolOf(head) } }),
  };
}
