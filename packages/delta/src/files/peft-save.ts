/**
 * From deltas to a PEFT folder, where PEFT has words for them.
 *
 * `describePeft` tells the one method from what is trained whole beside it, and refuses with a reason what PEFT would read
 * differently. The method itself says its own fields and keys.
 */
import { disposeParameters, type Parameters } from "@cambium/core";
import { type HeadKind, hasTaskModel, type LanguageModel, poolOf } from "@cambium/models";
import type { Tuned } from "../attach.ts";
import type { Delta } from "../delta.ts";
import { tablesOf } from "../host.ts";
import { storedOf } from "./draft.ts";
import type { Inexpressible, PeftFormat } from "./peft-format.ts";
import { copyProblem, nameModules } from "./peft-modules.ts";
import { matchPeftTargets } from "./peft-targets.ts";

/** A PEFT folder's content. */
export interface PeftFolder {
  /** `adapter_config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** `adapter_model.safetensors`. */
  readonly tensors: Parameters;
  /** Those of the tensors that were made for the folder. The caller disposes of them. */
  readonly made: Parameters;
}

/** The method of a PEFT folder, and what is trained whole beside it: the head, and other modules. */
interface Parts {
  readonly main: Delta;
  readonly format: PeftFormat;
  readonly saved: readonly Delta[];
}

/**
 * The PEFT folder that says the same as these deltas, or why there is none.
 *
 * @param baseName - Where Python finds the base.
 */
export function describePeft({ base, deltas }: Tuned<LanguageModel>, baseName: string): PeftFolder | Inexpressible {
  const parts = divide(deltas);
  if ("reason" in parts) return parts;
  const { main, format, saved } = parts;
  const { isPrompt = false, keys = {} } = format;
  const names = saved.flatMap((part) => [...part.parameters.keys()]);
  const trainsHead = base.headParameters.length > 0 && base.headParameters.every((name) => names.includes(name));
  if (trainsHead && hasTiedHead(base)) return { reason: "PEFT keeps a language model's head with its tied matrix" };
  const pool = base.head === undefined ? undefined : poolOf(base.head);
  if (trainsHead && pool !== undefined)
    return { reason: `transformers has no head that reads "${pool}" on this model` };
  if (isPrompt && isClassifier(base) && !trainsHead) {
    return { reason: "PEFT wants a head in the file when prompts stand before a task model" };
  }
  if (new Set(names).size < names.length) return { reason: "PEFT keeps one copy of a module" };
  const twice = names.find((name) => main.parameters.has(name));
  if (twice !== undefined) return { reason: `PEFT trains one copy of ${twice}, and two deltas have it` };
  const copied = copyProblem(base, names, isPrompt);
  if (copied !== undefined) return { reason: copied };
  const named = nameModules(base, names);
  if ("reason" in named) return named;
  const { modules } = named;
  const written = format.write(main, base);
  if ("reason" in written) return written;
  const made = written.more ?? new Map();
  if (modules.length > 0 && "modules_to_save" in written.fields) {
    disposeParameters(made);
    return { reason: `PEFT trains no other modules beside ${format.type}` };
  }
  const clash = moduleOfTarget(base, written.fields["target_modules"] as readonly string[] | undefined, modules);
  if (clash !== undefined) {
    disposeParameters(made);
    return { reason: `PEFT leaves out layers inside "${clash}", which is trained whole` };
  }
  const wrap = (name: string): string => `base_model.${isPrompt ? "" : "model."}${base.fileName(name)}`;
  const { write = (name: string) => wrap(name) } = keys;
  return {
    config: sortKeys({
      auto_mapping: null,
      base_model_name_or_path: baseName,
      inference_mode: true,
      modules_to_save: modules.length === 0 ? null : modules,
      peft_type: format.type,
      revision: null,
      task_type: taskType(base, trainsHead),
      ...written.fields,
    }),
    tensors: new Map([
      ...[...(written.isInstead === true ? [] : storedOf(main)), ...made].map(
        ([name, tensor]) => [write(name, wrap, main), tensor] as const,
      ),
      ...saved.flatMap((part) => [...part.parameters].map(([name, tensor]) => [wrap(name), tensor] as const)),
    ]),
    made,
  };
}

/** Tells the one method from what is trained whole beside it. */
function divide(deltas: readonly Delta[]): Parts | Inexpressible {
  const saved = deltas.filter(({ kind }) => kind === "head" || kind === "whole");
  const [main, ...others] = deltas.filter((delta) => !saved.includes(delta));
  if (main === undefined) return { reason: "PEFT has no file for modules that are trained whole, and nothing else" };
  if (others.length > 0) return { reason: "PEFT keeps one method in a folder" };
  const format = main.method.peft;
  if (format === undefined) return { reason: `PEFT has no method "${main.kind}"` };
  return { main, format, saved };
}

/** Whether the head reads the table of word embeddings. */
function hasTiedHead(base: LanguageModel): boolean {
  const tables = tablesOf(base.sites());
  return base
    .sites()
    .some(({ kind, role, weight }) => kind === "linear" && role === "head" && tables.has(weight!.name));
}

const taskTypes: { readonly [Kind in HeadKind]?: string } = {
  "sequence-classification": "SEQ_CLS",
  regression: "SEQ_CLS",
  "token-classification": "TOKEN_CLS",
  "question-answering": "QUESTION_ANS",
};

const generating: { readonly [Kind in HeadKind]?: string } = {
  "causal-lm": "CAUSAL_LM",
  "sequence-to-sequence": "SEQ_2_SEQ_LM",
};

const isClassifier = ({ head }: LanguageModel): boolean => hasTaskModel(head) && generating[head!.kind] === undefined;

/** A classifier that is not in the file must not be asked for: PEFT would want its tensors. */
function taskType({ head }: LanguageModel, trainsHead: boolean): string | null {
  if (!hasTaskModel(head)) return "FEATURE_EXTRACTION";
  const { kind } = head!;
  return generating[kind] ?? (trainsHead ? (taskTypes[kind] ?? null) : null);
}

/** The first of `modules` that has a targeted layer in it. */
function moduleOfTarget(
  base: LanguageModel,
  targets: readonly string[] | undefined,
  modules: readonly string[],
): string | undefined {
  if (targets === undefined) return undefined;
  const linear = base.sites().filter(({ kind, part }) => kind === "linear" && part === undefined);
  const { matched } = matchPeftTargets(
    linear.map(({ path }) => base.fileName(path)),
    { target_modules: targets },
  );
  return modules.find(
    (module) =>
      matchPeftTargets(matched, { target_modules: targets, modules_to_save: [module] }).matched.length < matched.length,
  );
}

/** PEFT writes its keys in this order. */
function sortKeys(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));
}
