/** `adapter_config.json` as PEFT writes it, as far as it is the same for all methods. */
import { FormatError } from "@cambium/base";
import type { Role } from "@cambium/core";
import type { HeadKind, LanguageModel } from "@cambium/models";
import * as z from "zod";
import { hostOf } from "../host.ts";
import type { Method } from "../method.ts";
import { endsWithName, findTargets, type GoesTo, valuesOf } from "../targets.ts";
import type { PeftFormat, PeftLayers, PeftSource, Refusal } from "./peft-format.ts";
import { theirName } from "./peft-names.ts";
import { matchPeftTargets } from "./peft-targets.ts";

type Json = Readonly<Record<string, unknown>>;

/** Methods by the kinds of their deltas. */
export type MethodTable = Readonly<Record<string, Method>>;

const names = z.array(z.string()).readonly();
const layerFields = z.looseObject({
  target_modules: z.union([z.string(), names]).nullish(),
  exclude_modules: z.union([z.string(), names]).nullish(),
  layers_to_transform: z.union([z.int(), z.array(z.int()).readonly()]).nullish(),
  layers_pattern: z.union([z.string(), names]).nullish(),
  task_type: z.string().nullish(),
});
const savedFields = z.looseObject({ modules_to_save: names.nullish() });

/** Whether a setting holds anything. */
export function isGiven(value: unknown): boolean {
  return value !== null && value !== undefined && !(typeof value === "object" && Object.keys(value).length === 0);
}

/** A config's object, or one without fields. */
export function asFields(json: unknown): Json {
  return (typeof json === "object" && json !== null ? json : {}) as Json;
}

/** The error of a config that cannot be read. */
function failure(location: string, problem: string): FormatError {
  return new FormatError({ message: `loadAdapter: adapter_config.json in ${location} ${problem}`, location });
}

/**
 * The method that a config is of.
 *
 * @throws {FormatError} For another library's config, and a method that is not in the table.
 */
export function methodOf(json: Json, methods: MethodTable, location: string): Method & { readonly peft: PeftFormat } {
  const type = json["peft_type"];
  if (type === undefined)
    throw failure(
      location,
      'has no "peft_type", so it is not PEFT\'s, nor of another library whose adapters are read (adapters, MLX)',
    );
  const known = Object.values(methods).filter(
    (method): method is Method & { readonly peft: PeftFormat } => method.peft !== undefined,
  );
  const ofType = known.filter(({ peft }) => peft.type === type);
  const method =
    ofType.find(({ peft }) => peft.is?.(json) === true) ?? ofType.find(({ peft }) => peft.is === undefined);
  if (method !== undefined) return method;
  const types = [...new Set(known.map(({ peft }) => peft.type))];
  throw failure(location, `has the peft_type ${JSON.stringify(type)}; ${types.join(", ")} are read`);
}

/** A config that is being read, and which of its keys were asked for so far. */
export interface OpenedConfig extends PeftSource {
  readonly asked: ReadonlySet<string>;
}

/**
 * A config, with what helps to read it.
 *
 * @param isTask - Whether the file was made on a task model.
 */
export function openPeftConfig(base: LanguageModel, json: Json, isTask: boolean, location: string): OpenedConfig {
  const asked = new Set<string>();
  const fail = (problem: string): FormatError => failure(location, problem);
  function fields<Fields>(schema: z.ZodType<Fields>): Fields {
    if (schema instanceof z.ZodObject) for (const key of Object.keys(schema.shape)) asked.add(key);
    const parsed = schema.safeParse(json);
    if (parsed.success) return parsed.data;
    const issues = parsed.error.issues.map((issue) => `"${issue.path.join(".")}": ${issue.message}`);
    throw fail(`holds values that cannot be meant: ${issues.join("; ")}`);
  }
  function refuse(refusals: readonly Refusal[]): void {
    for (const { key } of refusals) asked.add(key);
    const refused = refusals.filter(({ key, refuses }) => json[key] !== undefined && refuses(json[key]));
    const list = refused.map(({ key, reason }) => `"${key}" ${JSON.stringify(json[key])} (${reason})`);
    if (list.length > 0) throw fail(`asks for ${list.join("; ")}`);
  }
  const modulesToSave = fields(savedFields).modules_to_save ?? [];
  return {
    base,
    json,
    asked,
    fields,
    refuse,
    fail,
    theirName: (path) => theirName(base, path, isTask),
    layers: (usual, goesTo) => layersOf(base, fields(layerFields), usual, isTask, modulesToSave, fail, goesTo),
    modulesToSave,
  };
}

/** What a body finds; where an expression or a setting of the file stops it, the error says which file. */
export function explaining<Result>(fail: PeftSource["fail"], body: () => Result): Result {
  try {
    return body();
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== "FORMAT" && code !== "CONFIG") throw error;
    throw fail(`cannot be read: ${(error as Error).message}`);
  }
}

/** PEFT targets whole modules. */
function layersOf(
  base: LanguageModel,
  { target_modules: targets, task_type: task, ...more }: z.infer<typeof layerFields>,
  usual: readonly Role[],
  isTask: boolean,
  modulesToSave: readonly string[],
  fail: PeftSource["fail"],
  goesTo: GoesTo = "layers",
): PeftLayers {
  const { layers_to_transform: layers, layers_pattern: pattern } = more;
  if (isGiven(layers) && typeof targets === "string")
    throw fail('has "layers_to_transform" beside one expression for "target_modules", which PEFT refuses');
  if (isGiven(pattern) && pattern !== "" && !isGiven(layers))
    throw fail('has "layers_pattern" without "layers_to_transform", which PEFT refuses');
  const tables = base.sites().filter(({ kind }) => kind === "embed");
  const linear = base.sites().filter(({ kind, part }) => kind === "linear" && part === undefined);
  const sites = goesTo === "layers" ? linear : [...tables, ...linear];
  const all = new Map(sites.map(({ path }) => [theirName(base, path, isTask), path]));
  const usually = targets == null ? usualNames(base, usual, isTask) : undefined;
  const { matched, unused } = explaining(fail, () =>
    matchPeftTargets(usually ?? [...all.keys()], {
      ...more,
      target_modules:
        targets == null
          ? usually!.map((name) => name.split(".").at(-1)!)
          : isAllLinear(targets)
            ? allLinear(base, isTask, task)
            : targets,
      modules_to_save: modulesToSave,
    }),
  );
  const isTable = (name: string): boolean =>
    tables.some(({ path }) => endsWithName(theirName(base, path, isTask), name));
  const byName = new Map(matched.map((name) => [name, all.get(name)!]));
  const paths = new Set(byName.values());
  return {
    byName,
    problems: unused.map(
      (name) =>
        `the target "${name}" is no ${isTable(name) ? "linear layer, but a table of embeddings, to which only LoRA goes here" : "layer"}`,
    ),
    isTarget: ({ path }) => paths.has(path),
    resolve(patterns) {
      const valueAt = explaining(fail, () => valuesOf(patterns));
      return Object.fromEntries(
        [...byName].flatMap(([name, path]) => {
          const value = valueAt(name);
          return value === undefined ? [] : [[path, value]];
        }),
      );
    },
  };
}

const isAllLinear = (targets: string | readonly string[]): boolean =>
  typeof targets === "string" && targets.toLowerCase() === "all-linear";

/** What PEFT takes for every linear layer: all but the layer that gives scores of words, or a classifier that is one layer. */
function allLinear(base: LanguageModel, isTask: boolean, task: string | null | undefined): readonly string[] {
  const linear = base.sites().filter(({ kind, part }) => kind === "linear" && part === undefined);
  const isOfWords = base.head !== undefined && wordHeads.includes(base.head.kind);
  const output = isOfWords ? linear.findLast(({ role }) => role === "head") : undefined;
  return linear
    .filter((site) => site !== output)
    .map(({ path }) => theirName(base, path, isTask))
    .filter((name) => task !== "SEQ_CLS" || !["score", "classifier"].includes(name));
}

/** Heads that score words. */
export const wordHeads: readonly HeadKind[] = ["masked-lm", "causal-lm", "sequence-to-sequence"];

/** Names of the layers of some roles; of a fused projection, for any of its parts, the whole. */
function usualNames(base: LanguageModel, roles: readonly Role[], isTask: boolean): string[] {
  const places = findTargets("loadAdapter", hostOf(base), { targets: roles });
  return [...new Set(places.map(({ site }) => theirName(base, site.part?.of ?? site.path, isTask)))];
}
