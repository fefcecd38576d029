/**
 * PEFT's `modules_to_save`: modules that are trained whole beside a method. A name there means every module whose path ends with
 * it, with or without a dot before it, and all parameters below.
 */
import type { LanguageModel } from "@cambium/models";
import { hostOf, tablesOf } from "../host.ts";
import type { Inexpressible } from "./peft-format.ts";
import { theirName } from "./peft-names.ts";

/** Paths of all modules that a parameter lies in, the innermost first. */
function modulesAbove(name: string): readonly string[] {
  const parts = name.split(".");
  return parts.slice(1).map((_, i) => parts.slice(0, parts.length - 1 - i).join("."));
}

const isUnder = (name: string, module: string): boolean => name.startsWith(`${module}.`);

/** Our names of the parameters that PEFT means by a name of a module. */
export function parametersUnder(base: LanguageModel, module: string, isTask: boolean): readonly string[] {
  return [...base.parameters.keys()].filter((name) =>
    modulesAbove(theirName(base, name, isTask)).some((path) => path.endsWith(module)),
  );
}

/**
 * Names of modules by which PEFT means exactly these parameters, or why there are none.
 *
 * @param names - Our names.
 */
export function nameModules(
  base: LanguageModel,
  names: readonly string[],
): { readonly modules: readonly string[] } | Inexpressible {
  const all = [...base.parameters.keys()].map((name) => base.fileName(name));
  const saved = new Set(names.map((name) => base.fileName(name)));
  const isWhole = (module: string): boolean => all.every((name) => !isUnder(name, module) || saved.has(name));
  const chosen = new Set<string>();
  for (const name of saved) {
    const above = modulesAbove(name);
    const [own] = above;
    if (own === undefined || !isWhole(own))
      return { reason: `PEFT trains whole modules, and ${name} is a part of one` };
    chosen.add(above.findLast(isWhole)!);
  }
  const others = [...new Set(all.flatMap(modulesAbove))].filter((module) => !chosen.has(module));
  return { modules: [...new Set([...chosen].map((module) => shortestEnd(module, others)))] };
}

/** The shortest end of a path, from a name on, with which no other path ends. */
function shortestEnd(path: string, others: readonly string[]): string {
  const parts = path.split(".");
  const ends = parts.map((_, i) => parts.slice(parts.length - 1 - i).join(".")).filter((end) => !/^\d/.test(end));
  return ends.find((end) => !others.some((other) => other.endsWith(end))) ?? path;
}

/**
 * Why PEFT computes something else when it trains these parameters whole: it trains a copy of one module. Others that share the
 * matrix, such as a language model's head and a second stack, keep theirs, and prompts are joined to the words that the former
 * table gives.
 */
export function copyProblem(base: LanguageModel, names: readonly string[], isPrompt: boolean): string | undefined {
  const readers = base
    .sites()
    .flatMap(({ weight, part }) => (weight === undefined || part !== undefined ? [] : [weight.name]));
  const shared = names.find((name) => readers.indexOf(name) !== readers.lastIndexOf(name));
  if (shared !== undefined)
    return `PEFT trains a copy of ${shared}, and other layers that share it keep the former one`;
  const tables = tablesOf(hostOf(base).sites());
  const table = isPrompt ? names.find((name) => tables.has(name)) : undefined;
  return table === undefined ? undefined : `PEFT's prompts stand before words that the former ${table} gives`;
}
