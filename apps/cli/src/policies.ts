import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Policy, textOf } from "@cambium/llm";
import { rulePolicy } from "@cambium/problem-families";
import { UseError } from "./io.ts";

/** Policies that come with the command. */
const BUILT_IN: Readonly<Record<string, Policy>> = {
  /** Says what it was told: enough to see that a client is set up well. */
  echo: ({ messages }) => textOf(messages.at(-1)?.content ?? ""),
  /** Solves the synthetic problems by rules, in a model's place; breaks a share of its first tries. */
  rules: rulePolicy(),
};

/** Names of the policies that come with the command. */
export const policyNames: readonly string[] = Object.keys(BUILT_IN);

/** A policy by its name, or the default export of a JavaScript module by its path. */
export async function loadPolicy(name: string): Promise<Policy> {
  if (Object.hasOwn(BUILT_IN, name)) return BUILT_IN[name]!;
  if (!/[./\\]/.test(name)) {
    throw new UseError(`serve: no policy "${name}"; there are ${policyNames.join(", ")}, or give the path of a module`);
  }
  if (!existsSync(name)) throw new UseError(`serve: there is no file ${name}`);
  let module: { readonly default?: unknown };
  try {
    module = await import(pathToFileURL(resolve(name)).href);
  } catch (cause) {
    throw new UseError(`serve: ${name} cannot be loaded: ${(cause as Error).message}`, { cause });
  }
  if (typeof module.default !== "function") {
    throw new UseError(
      `serve: the default export of ${name} must be a function of a request, got ${typeof module.default}`,
    );
  }
  return module.default as Policy;
}
