/** Whether a delta of one model can be put onto another, and how much is known to speak for it. */
import { ConfigError, canonicalJson, checkOptions } from "@cambium/base";
import type { Site } from "@cambium/core";
import type { Delta, Tuned } from "@cambium/delta";
import { type LanguageModel, labelsOf, type Tokenizer } from "@cambium/models";
import { fingerprintModel, type Lineage, pathBetween } from "../lineage/lineage.ts";

/** How sure it is that a delta fits. */
export type Verdict = "exact" | "lineage" | "shape-only" | "incompatible";

/** Settings of `checkCompatibility`. */
export interface CheckCompatibilityOptions {
  /** Of all models that are known: they tell whether the new one descends from the old one. @default none */
  readonly lineages?: readonly Lineage[];
  /** What both models are called there, as `lineage.json` beside each says. @default by `fingerprintModel` */
  readonly models?: readonly [old: string, current: string];
  /** Of both models. Without them, tokenizers are compared by the sizes of their vocabularies alone. @default not compared */
  readonly tokenizers?: readonly [old: Tokenizer, current: Tokenizer];
}

/** What was found of a delta and another model. */
export interface Compatibility {
  /**
   * - `"exact"`: the model has the same body as the one that the delta was trained on;
   * - `"lineage"`: it was trained on from that one, and the delta fits;
   * - `"shape-only"`: the delta fits, and nothing is known of where the model comes from;
   * - `"incompatible"`: the delta does not fit; `problems` says why.
   */
  readonly verdict: Verdict;
  /** Why it does not fit; none otherwise. */
  readonly problems: readonly string[];
  /** What differs and does not keep the delta from fitting, such as dropout or the order of labels. */
  readonly notes: readonly string[];
  /** Steps from the old model to the new one, where they are known. */
  readonly path?: readonly Lineage[];
  /** Coverage of what the delta touches, both ways. */
  readonly coverage: {
    /** Places that the delta touches and that the new model has in the same form. */
    readonly found: readonly string[];
    /** Places that the delta touches and that the new model lacks, or has in another form. */
    readonly lost: readonly string[];
    /** Places of the new model of a kind that the delta touches throughout, and that it does not reach. */
    readonly unreached: readonly string[];
  };
}

/** Settings that say how a file was stored, or how much is dropped while training. */
const STORED_ONLY = new Set(["_name_or_path", "torch_dtype", "dtype", "transformers_version", "architectures"]);
const isHarmless = (key: string): boolean => /dropout|use_cache|id2label|label2id|problem_type|num_labels/.test(key);

/**
 * Compares what a delta was trained on with another model: places and widths, settings, labels, tokenizers, and where the model comes
 * from. Nothing is computed but hashes of the weights.
 *
 * @param old - A model with deltas on it.
 * @param newBase - What they are to be put on.
 * @throws {ConfigError} For options that there are not.
 * @example
 * const { verdict, problems } = await checkCompatibility(old, newBase, { lineages: [await loadLineage("models/v2")] });
 */
export async function checkCompatibility(
  old: Tuned<LanguageModel>,
  newBase: LanguageModel,
  options: CheckCompatibilityOptions = {},
): Promise<Compatibility> {
  checkOptions("checkCompatibility", options, ["lineages", "models", "tokenizers"]);
  const { lineages = [], tokenizers } = options;
  if (!Array.isArray(lineages) || lineages.some((each) => typeof each?.model !== "string"))
    throw new ConfigError({
      message: "checkCompatibility: lineages must be a list of lineages, such as loadLineage gives",
    });
  const { problems, notes, coverage } = compareModels(old, newBase, tokenizers);
  if (problems.length > 0) return { verdict: "incompatible", problems, notes, coverage };
  const [before, after] = [await fingerprintModel(old.base), await fingerprintModel(newBase)];
  const path = pathBetween(...(options.models ?? [before, after]), lineages);
  const verdict = before === after ? "exact" : path !== undefined ? "lineage" : "shape-only";
  return { verdict, problems, notes, coverage, ...(path !== undefined && { path }) };
}

/** What `checkCompatibility` finds without looking at any value. */
export function compareModels(
  old: Tuned<LanguageModel>,
  newBase: LanguageModel,
  tokenizers?: CheckCompatibilityOptions["tokenizers"],
): Pick<Compatibility, "problems" | "notes" | "coverage"> {
  const problems: string[] = [];
  const notes: string[] = [];
  const isOneTokenizer = compareTokenizers(tokenizers, problems);
  compareSettings(old.base, newBase, isOneTokenizer, problems, notes);
  compareHeads(old, newBase, problems, notes);
  const coverage = coverageOf(old, newBase);
  if (coverage.lost.length > 0) problems.push(`the new model has no ${listed(coverage.lost)}`);
  if (coverage.unreached.length > 0)
    problems.push(
      `the delta was not made for ${listed(coverage.unreached)} of the new model, which it would leave alone`,
    );
  return { problems, notes, coverage };
}

const listed = (names: readonly string[]): string =>
  names.slice(0, 6).join(", ") + (names.length > 6 ? ` and ${names.length - 6} more` : "");

const show = (value: unknown): string => (value === undefined ? "nothing" : canonicalJson(value));

function compareSettings(
  old: LanguageModel,
  current: LanguageModel,
  isOneTokenizer: boolean,
  problems: string[],
  notes: string[],
): void {
  const [was, is] = [old.config, current.config].map(
    (config) => JSON.parse(JSON.stringify(config)) as Readonly<Record<string, unknown>>,
  ) as [Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>];
  for (const key of new Set([...Object.keys(was), ...Object.keys(is)])) {
    if (STORED_ONLY.has(key) || show(was[key]) === show(is[key])) continue;
    const what = `${key} was ${show(was[key])} and is ${show(is[key])}`;
    // Tables of words may have rows that no token has.
    if (isHarmless(key) || (key === "vocab_size" && isOneTokenizer)) notes.push(what);
    else problems.push(key === "vocab_size" ? `${what}; where the tokenizers are one all the same, pass both` : what);
  }
}

/** Whether both models are known to have one tokenizer. */
function compareTokenizers(tokenizers: CheckCompatibilityOptions["tokenizers"], problems: string[]): boolean {
  if (tokenizers === undefined) return false;
  const [old, current] = tokenizers;
  if (old.fingerprint === current.fingerprint) return true;
  problems.push(
    "the tokenizers differ, so that rows of embeddings stand for other pieces of text; let the old model label text, and train on that",
  );
  return false;
}

/** Why an old tuned model cannot teach a new one: other tokens, or other labels. */
export function teachingProblems(
  old: Tuned<LanguageModel>,
  newBase: LanguageModel,
  tokenizers: CheckCompatibilityOptions["tokenizers"],
): readonly string[] {
  const problems: string[] = [];
  const isOneTokenizer = compareTokenizers(tokenizers, problems);
  const [was, is] = [old.base.config.vocab_size, newBase.config.vocab_size];
  if (was !== is && !isOneTokenizer)
    problems.push(`vocab_size was ${was} and is ${is}; where the tokenizers are one all the same, pass both`);
  compareHeads(old, newBase, problems, []);
  return problems;
}

/** Whether two heads score the same things, in whatever order. */
function compareHeads(old: Tuned<LanguageModel>, current: LanguageModel, problems: string[], notes: string[]): void {
  const [was, is] = [old.head ?? old.base.head, current.head];
  if (show(was) === show(is)) return;
  if (was === undefined || is === undefined || was.kind !== is.kind) {
    problems.push(`the head was ${was?.kind ?? "none"} and is ${is?.kind ?? "none"}`);
    return;
  }
  const [labels, others] = [labelsOf(was), labelsOf(is)];
  if (labels === undefined || others === undefined || [...labels].sort().join("\n") !== [...others].sort().join("\n")) {
    problems.push(`the head was ${show(was)} and is ${show(is)}`);
    return;
  }
  notes.push(`the labels are in another order: ${labels.join(", ")} and ${others.join(", ")}`);
}

/** Sites and weights that hooks of a delta apply to, with what must agree there. */
function touched(
  model: LanguageModel,
  delta: Delta,
): ReadonlyMap<string, { readonly form: string; readonly role?: string }> {
  const sites = model.sites();
  const found = new Map<string, { readonly form: string; readonly role?: string }>();
  for (const hook of delta.hooks(delta)) {
    if (hook.kind === "weight") {
      for (const [name, { shape }] of model.parameters)
        if (hook.at(name)) found.set(`parameter ${name}`, { form: `[${shape}]` });
      continue;
    }
    const at = hook.at as (site: Site) => boolean;
    for (const site of sites)
      if (site.kind === hook.kind && at(site)) found.set(`site ${site.path}`, { form: formOf(site), role: site.role });
  }
  return found;
}

const formOf = ({ width, input, keyHeads, weight, bias, part }: Site): string =>
  JSON.stringify({ width, input, keyHeads, weight, bias, columns: part?.columns });

function coverageOf(old: Tuned<LanguageModel>, current: LanguageModel): Compatibility["coverage"] {
  const [found, lost, unreached]: [Set<string>, Set<string>, Set<string>] = [new Set(), new Set(), new Set()];
  for (const delta of old.deltas) {
    const [before, after] = [touched(old.base, delta), touched(current, delta)];
    for (const [place, { form }] of before) (after.get(place)?.form === form ? found : lost).add(place);
    for (const place of after.keys()) if (!before.has(place)) unreached.add(place);
    // A role that the delta covers everywhere in the old model, and only in part in the new one.
    for (const role of new Set([...before.values()].flatMap(({ role }) => (role === undefined ? [] : [role])))) {
      const paths = (model: LanguageModel): string[] =>
        model.sites().flatMap((site) => (site.role === role ? [`site ${site.path}`] : []));
      if (!paths(old.base).every((path) => before.has(path))) continue;
      for (const path of paths(current)) if (!after.has(path)) unreached.add(path);
    }
  }
  return { found: [...found], lost: [...lost], unreached: [...unreached] };
}
