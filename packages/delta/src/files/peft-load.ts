/**
 * From a PEFT folder to deltas.
 *
 * Methods make the deltas that the config means, at any starting point (`draft…`); that says which tensors the file must
 * hold, and `fillParts` compares, reads and puts them in place.
 */
import type { Files } from "@cambium/base";
import { openSafetensors, type Parameters, random, type Safetensors } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import type { Delta } from "../delta.ts";
import { head } from "../methods/head.ts";
import { ia3 } from "../methods/ia3.ts";
import { lora } from "../methods/lora.ts";
import { prefix } from "../methods/prefix.ts";
import { prompt } from "../methods/prompt.ts";
import { whole } from "../methods/whole.ts";
import { valueFor } from "../targets.ts";
import { fillParts } from "./fill.ts";
import { type PeftConfig, type PeftIa3, type PeftLora, parsePeftConfig } from "./peft-config.ts";
import { isBackbone, WEIGHTS_FILE } from "./peft-names.ts";
import { matchPeftTargets, type PeftTargeting } from "./peft-targets.ts";

/** The deltas that a config stands for, and what in it fits nothing. */
interface Draft {
  readonly parts: readonly Delta[];
  readonly problems: readonly string[];
}

/**
 * The deltas of a PEFT folder.
 *
 * @throws {FormatError} When the config is not one that can be read, or the tensors do not fit the model; lists everything.
 */
export async function loadPeft(base: LanguageModel, files: Files, json: unknown): Promise<Delta> {
  const config = parsePeftConfig(json, files.location);
  const file = await openSafetensors(files, WEIGHTS_FILE);
  const root = rootOf(base, file);
  const main = draftMain(base, config, root);
  const modules = draftModules(base, config, root);
  return fillParts(
    [...main.parts, ...modules.parts],
    file,
    { keyOf: (_, name) => name, simplify: (key) => simplifyKey(key, base.prefix) },
    [...main.problems, ...modules.problems],
    files.location,
  );
}

/** A key without PEFT's wrappers, the task model's prefix and an adapter name in the middle. */
function simplifyKey(key: string, modelPrefix: string): string {
  const inside = key
    .replace(/^base_model\.(model\.)?/, "")
    .replace(/\.modules_to_save\.[^.]+\./, ".")
    .replace(/\.(lora_[AB])\.[^.]+\.weight$/, ".$1.weight")
    .replace(/\.ia3_l\.[^.]+$/, ".ia3_l");
  return inside.startsWith(`${modelPrefix}.`) ? inside.slice(modelPrefix.length + 1) : inside;
}

/** What stands before the encoder's names in the model that the file was made on: its prefix, or nothing for a bare one. */
function rootOf(base: LanguageModel, file: Safetensors): string {
  const isBare = [...file.entries.keys()].some((key) => isBackbone(key.replace(/^base_model\.(model\.)?/, "")));
  return isBare ? "" : `${base.prefix}.`;
}

function draftMain(base: LanguageModel, config: PeftConfig, root: string): Draft {
  switch (config.peft_type) {
    case "LORA":
      return draftLora(base, config, root);
    case "IA3":
      return draftIa3(base, config, root);
    case "PROMPT_TUNING":
      return { parts: [prompt(base, { length: config.num_virtual_tokens, init: "uniform" }, random(0))], problems: [] };
    case "PREFIX_TUNING":
      return { parts: [prefix(base, { length: config.num_virtual_tokens }, random(0))], problems: [] };
  }
}

/** Paths of the targeted layers by their names in the file's model. */
function findLayers(
  base: LanguageModel,
  root: string,
  targeting: PeftTargeting,
): { readonly layers: ReadonlyMap<string, string>; readonly problems: readonly string[] } {
  const paths = base.sites().flatMap(({ kind, path }) => (kind === "linear" ? [path] : []));
  const byName = new Map(paths.map((path) => [isBackbone(path) ? `${root}${path}` : path, path]));
  const { matched, unused } = matchPeftTargets([...byName.keys()], targeting);
  return {
    layers: new Map(matched.map((name) => [name, byName.get(name)!])),
    problems: unused.map((name) => `the target "${name}" is no layer`),
  };
}

function draftLora(base: LanguageModel, config: PeftLora, root: string): Draft {
  const targeting = { ...config, target_modules: config.target_modules ?? ["query", "value"] };
  const { layers, problems } = findLayers(base, root, targeting);
  if (layers.size === 0) return { parts: [], problems };
  const resolve = (patterns: Readonly<Record<string, number>>): Record<string, number> =>
    Object.fromEntries(
      [...layers].flatMap(([name, path]) => {
        const value = valueFor(patterns, name);
        return value === undefined ? [] : [[path, value]];
      }),
    );
  const paths = new Set(layers.values());
  const options = {
    targets: ({ path }: { readonly path: string }) => paths.has(path),
    rank: config.r,
    alpha: config.lora_alpha,
    dropout: config.lora_dropout,
    rsLora: config.use_rslora,
    rankPattern: resolve(config.rank_pattern),
    alphaPattern: resolve(config.alpha_pattern),
  };
  return { parts: [lora(base, options, random(0))], problems };
}

/** PEFT's default for BERT and RoBERTa. */
const IA3_TARGETS = ["key", "value", "output.dense"];

function draftIa3(base: LanguageModel, config: PeftIa3, root: string): Draft {
  const targeting = { ...config, target_modules: config.target_modules ?? IA3_TARGETS };
  const { layers, problems } = findLayers(base, root, targeting);
  if (layers.size === 0) return { parts: [], problems };
  const feedForward = config.feedforward_modules ?? (config.target_modules == null ? ["output.dense"] : []);
  const scalesInput = (name: string): boolean =>
    typeof feedForward === "string"
      ? matchPeftTargets([name], { target_modules: feedForward }).matched.length > 0
      : feedForward.some((end) => name.endsWith(end)); // PEFT looks for no dot here
  const paths = new Set(layers.values());
  const inputScaled = [...layers].flatMap(([name, path]) => (scalesInput(name) ? [path] : []));
  return { parts: [ia3(base, { targets: ({ path }) => paths.has(path), feedForward: inputScaled })], problems };
}

/** What `modules_to_save` means: the head, and other modules trained whole. */
function draftModules(base: LanguageModel, config: PeftConfig, root: string): Draft {
  const asked = new Set(config.modules_to_save ?? []);
  const found = new Map([...asked].map((module) => [module, parametersUnder(base.parameters, module, root)]));
  const names = new Set([...found.values()].flat());
  // For classifiers PEFT asks for both of its usual names, of which a model has one.
  const isUsual = (module: string): boolean => module === "classifier" || module === "score";
  const hasUsual = [...found].some(([module, under]) => isUsual(module) && under.length > 0);
  const unknown = [...found].filter(([module, under]) => under.length === 0 && !(isUsual(module) && hasUsual));
  const touchesHead = base.headParameters.some((name) => names.has(name));
  const others = [...names].filter((name) => !(touchesHead && base.headParameters.includes(name)));
  const modules = [...new Set(others.map((name) => name.replace(/\.[^.]+$/, "")))];
  return {
    parts: [...(touchesHead ? [head(base)] : []), ...(modules.length > 0 ? [whole(base, { modules })] : [])],
    problems: unknown.map(([module]) =>
      isUsual(module) && base.head === undefined
        ? `it holds the head "${module}", and the model was loaded without one: give loadModel a head`
        : `the trained module "${module}" is not in the model`,
    ),
  };
}

/** Names of the parameters in the modules whose path ends with `module`. */
function parametersUnder(parameters: Parameters, module: string, root: string): readonly string[] {
  return [...parameters.keys()].filter((name) => `.${isBackbone(name) ? root : ""}${name}`.includes(`.${module}.`));
}
