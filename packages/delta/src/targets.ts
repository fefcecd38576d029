/**
 * Which layers a delta goes to: by role, by name, by regular expression or by predicate.
 *
 * `findTargets` answers with sites and the shapes of their weights; `shortestNames` writes an answer down again as
 * the few module names that select exactly it, which is what a config holds and what PEFT reads.
 */
import { ConfigError, nearest } from "@cambium/base";
import type { Site, SiteWeight } from "@cambium/core";
import * as z from "zod";
import { defaultRoles, type Host, oncePerPair, tablesOf } from "./host.ts";
import { pythonPattern } from "./python-pattern/match.ts";

/**
 * One way to name layers.
 *
 * - a role, `"attn.q"`: the same word in every architecture. Where a model projects to queries, keys and values in one layer,
 *   it is the part of that layer, and the layer as a whole is `"attn.qkv"`;
 * - a module name or the end of one from a dot on, `"query"`, `"attention.output.dense"`;
 * - `"all-linear"`: every linear layer outside the head, as a whole;
 * - a regular expression, in JavaScript's syntax, that must match the path of a whole module.
 *
 * A table of embeddings, for methods that go there, answers to its role `"embed"` and its name alone.
 */
export type Target = string | RegExp;

/** Targets, or a predicate on sites. */
export type Targets = Target | readonly Target[] | ((site: Site) => boolean);

/** Where a delta goes. */
export interface TargetOptions {
  /** Layers to change. @default the method's own, by role */
  readonly targets?: Targets | undefined;
  /** Layers to leave alone even when `targets` names them. @default none */
  readonly exclude?: Targets | undefined;
  /** Keep to these layers, counted from 0. @default all */
  readonly layers?: readonly number[] | undefined;
}

/** A linear layer that a delta changes, its part of one, or a table of embeddings: a layer whose input are words one-hot. */
export interface LinearTarget {
  readonly site: Site;
  /** Width of what flows in. */
  readonly input: number;
  /** Width of what flows out. */
  readonly output: number;
  /** The stored matrix, of the whole layer. */
  readonly weight: SiteWeight;
  /** Name of the stored bias, of the whole layer, where there is one. */
  readonly bias?: string;
  /** The layer's own columns of what the whole layer gives, where it is a part. */
  readonly columns?: readonly [from: number, to: number];
}

/** Whether a path is `name` or ends with it on a dot boundary. */
export function endsWithName(path: string, name: string): boolean {
  return path === name || path.endsWith(`.${name}`);
}

/**
 * What JavaScript and Python write alike, and mean alike for paths of modules: letters, escaped signs, classes, sets, groups,
 * alternatives, looks ahead and counts.
 */
const SHARED =
  /^(?:[\w\s"'#%&,/:;<=>@`~!.-]|\\[.dwsDWSbB*+?^$()[\]{}|/\\-]|\((?:\?[:=!])?|[)|^$]|\[\^?(?:[^\\[\]]|\\[.dwsDWS*+?^$()[\]{}|/\\-])+\]|[*+?]\??|\{\d+(?:,\d*)?\}\??)*$/;

/**
 * Whether a regular expression matches the whole text. One that says nothing that Python does not is matched in bounded time,
 * so that an expression such as `/(.*)+query/` cannot hang; any other is left to JavaScript's engine.
 */
export function matchesWhole(pattern: RegExp, text: string): boolean {
  const flags = pattern.flags.replace(/[gydu]/g, "");
  if (SHARED.test(pattern.source) && /^[ims]*$/.test(flags)) {
    try {
      return pythonPattern(`(?a${flags})${pattern.source}`).matchesWhole(text);
    } catch {
      // Sets such as [a-\d], which Python refuses, and counts above those that are read.
    }
  }
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gy]/g, "")).test(text);
}

/** Heads are trained whole, by `head(model)`: only their role, their full path or a predicate selects their layers. */
function matches(target: Target, site: Site): boolean {
  if (target === site.role || target === site.path) return true;
  if (site.role === "head") return false;
  if (typeof target !== "string")
    return site.part === undefined && site.kind !== "embed" && matchesWhole(target, site.path);
  if (target.toLowerCase() === "all-linear") return site.kind === "linear" && site.part === undefined;
  return endsWithName(site.path, target);
}

const listOf = (targets: Target | readonly Target[]): readonly Target[] =>
  Array.isArray(targets) ? targets : [targets as Target];

/** A predicate for targets. Throws for one that no candidate answers to. */
function compile(caller: string, targets: Targets, candidates: readonly Site[]): (site: Site) => boolean {
  if (typeof targets === "function") return (site) => site.kind !== "embed" && targets(site);
  const list = listOf(targets);
  for (const target of list) {
    if (candidates.some((site) => matches(target, site))) continue;
    throw new ConfigError({
      message: `${caller}: no layer answers to the target ${typeof target === "string" ? `"${target}"` : target}${suggestion(target, candidates)}`,
      target: String(target),
    });
  }
  return (site) => list.some((target) => matches(target, site));
}

/** Names near to one that was not found, then every role and last name there is. */
function suggestion(target: Target, candidates: readonly Site[]): string {
  const roles = [...new Set(candidates.map((site) => site.role as string))];
  const names = [...new Set(candidates.map((site) => site.path.split(".").at(-1)!))];
  const near = typeof target === "string" ? nearest(target, [...roles, ...names]) : undefined;
  return `${near === undefined ? "." : `; did you mean "${near}"?`} There are the roles ${roles.join(", ")} and the names ${names.join(", ")}`;
}

/**
 * The sites among `candidates` that the options ask for, in the model's order.
 *
 * @param caller - Function to name in messages.
 * @throws {ConfigError} When a target matches nothing, a layer is none of the model's, or nothing is left; names what is near.
 */
export function selectSites(
  caller: string,
  candidates: readonly Site[],
  { targets = () => true, exclude, layers }: TargetOptions,
): readonly Site[] {
  const wanted = compile(caller, targets, candidates);
  const depth = 1 + Math.max(-1, ...candidates.map((site) => site.layer ?? -1));
  const beyond = layers?.find((layer) => layer >= depth);
  if (beyond !== undefined) {
    throw new ConfigError({
      message: `${caller}: the model has no layer ${beyond}; there are ${depth}, counted from 0`,
      layers,
    });
  }
  const unwanted = exclude === undefined ? () => false : compile(caller, exclude, candidates);
  const found = candidates.filter(
    (site) =>
      wanted(site) &&
      !unwanted(site) &&
      (layers === undefined || (site.layer !== undefined && layers.includes(site.layer))),
  );
  if (found.length === 0) {
    throw new ConfigError({
      message: `${caller}: nothing is left to change after "targets", "exclude" and "layers"; the model has ${depth} layers`,
      layers,
    });
  }
  return found;
}

/** Where the numbers of a linear site are, and how wide it is: by the shape of its weight, where the site does not say. */
function describeLinear(host: Host, site: Site): LinearTarget {
  const { part } = site;
  const whole = part === undefined ? site : host.sites().find(({ path }) => path === part.of)!;
  const weight = whole.weight!;
  const [first, second] = host.tensors.get(weight.name)!.shape as [number, number];
  return {
    site,
    input: site.input ?? (weight.layout === "out,in" ? second : first),
    output: site.width,
    weight,
    ...(whole.bias !== undefined && { bias: whole.bias }),
    ...(part !== undefined && { columns: part.columns }),
  };
}

/** Linear sites with their own matrix, and parts of such: not a decoder that reads the word embeddings' one. */
function linearSites(host: Host): readonly Site[] {
  const sites = host.sites();
  const tables = tablesOf(sites);
  return sites.filter(
    ({ kind, weight, part }) =>
      kind === "linear" && (part !== undefined || (weight !== undefined && !tables.has(weight.name))),
  );
}

/**
 * The linear layers that the options ask for, in the model's order.
 *
 * @param caller - Function to name in messages.
 * @param goesTo - Whether tables of word embeddings, which stand first, may be asked for as well. @default "layers"
 * @throws {ConfigError} When a target matches nothing, or nothing is left; names what is near.
 */
export function findTargets(
  caller: string,
  host: Host,
  options: TargetOptions,
  goesTo: GoesTo = "layers",
): readonly LinearTarget[] {
  const linear = linearSites(host);
  const candidates =
    goesTo === "layers" ? linear : host.sites().filter((site) => site.kind === "embed" || linear.includes(site));
  return selectSites(caller, candidates, options).map((site) => describeLinear(host, site));
}

/** Where a method goes: to linear layers, or to tables of word embeddings as well. */
export type GoesTo = "layers" | "layers and tables";

/**
 * The shortest module names that select exactly these layers, by the rule for names in `Target`.
 *
 * @param chosen - Paths of linear layers and tables of `host`.
 */
export function shortestNames(host: Host, chosen: readonly string[]): readonly string[] {
  const wanted = new Set(chosen);
  const linear = host.sites().filter((site) => site.kind === "linear" || site.kind === "embed");
  const heads = new Set(linear.filter((site) => site.role === "head").map((site) => site.path));
  const others = linear.map((site) => site.path).filter((path) => !wanted.has(path));
  const names = new Set<string>();
  for (const path of chosen) {
    const parts = path.split(".");
    const ends = heads.has(path) ? [] : parts.map((_, i) => parts.slice(parts.length - 1 - i).join("."));
    names.add(ends.find((end) => !others.some((other) => endsWithName(other, end))) ?? path);
  }
  return [...names];
}

const isTarget = (value: unknown): value is Target => typeof value === "string" || value instanceof RegExp;

const targetsKey: z.ZodOptional<z.ZodType<Targets>> = z
  .custom<Targets>(
    (value) => typeof value === "function" || isTarget(value) || (Array.isArray(value) && value.every(isTarget)),
    "must be names, regular expressions or a predicate",
  )
  .optional();

/** The keys of `TargetOptions` for a method's schema. */
export const targetKeys: {
  readonly targets: z.ZodOptional<z.ZodType<Targets>>;
  readonly exclude: z.ZodOptional<z.ZodType<Targets>>;
  readonly layers: z.ZodOptional<z.ZodType<readonly number[]>>;
} = {
  targets: targetsKey,
  exclude: targetsKey,
  layers: z.array(z.int().nonnegative()).readonly().optional(),
};

/**
 * The value that patterns give a path: of the first that matches its end, from its start or from a dot on. PEFT's rule, and
 * Python's regular expressions.
 *
 * @throws {FormatError} For an expression that Python refuses, or that is not read; names the construct.
 */
export function valuesOf(patterns: Readonly<Record<string, number>>): (path: string) => number | undefined {
  const rules = Object.entries(patterns).map(
    ([pattern, value]) => [pythonPattern(String.raw`(.*\.)?(${pattern})$`), value] as const,
  );
  return (path) => rules.find(([pattern]) => pattern.endsIn(path).length > 0)?.[1];
}

/**
 * Patterns with a value for each, checked: a key of a method's schema.
 *
 * @param value - What each may have.
 */
export function patternsKey(value: z.ZodType<number>): z.ZodDefault<z.ZodType<Readonly<Record<string, number>>>> {
  return z
    .record(z.string(), value)
    .superRefine((patterns, context) => {
      try {
        valuesOf(patterns);
      } catch (error) {
        context.addIssue({ code: "custom", message: (error as Error).message });
      }
    })
    .default({});
}

/** The layers of a config that names them. */
export const placesOf: (shape: Host, config: { readonly targets: readonly string[] }) => readonly LinearTarget[] =
  oncePerPair((shape, { targets }) => findTargets("delta", shape, { targets }, "layers and tables"));

/** The linear layers of a config by their paths. */
export const placesByPath: (
  shape: Host,
  config: { readonly targets: readonly string[] },
) => ReadonlyMap<string, LinearTarget> = oncePerPair(
  (shape, config) => new Map(placesOf(shape, config).map((place) => [place.site.path, place])),
);

/**
 * The module names that a config holds for what options ask for.
 *
 * @param caller - Function to name in messages.
 * @throws {ConfigError} As `findTargets`.
 */
export function nameTargets(caller: string, shape: Host, options: TargetOptions, goesTo?: GoesTo): readonly string[] {
  const paths = findTargets(caller, shape, options, goesTo).map(({ site }) => site.path);
  return shortestNames(shape, paths);
}

/** The same for a method that goes where LoRA goes, unless the family or the options say otherwise. */
export function nameTargetsLikeLora(
  kind: string,
  shape: Host,
  { targets, ...where }: TargetOptions,
): readonly string[] {
  const roles = targets ?? defaultRoles(shape, [kind, "lora"], ["attn.q", "attn.v"]);
  return nameTargets(kind, shape, { targets: roles, ...where });
}
