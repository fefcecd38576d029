import { ConfigError, nearest, parseConfig } from "@cambium/base";
import { cloneParameters, type Model, onWeight, type Parameters } from "@cambium/core";
import * as z from "zod";
import type { Delta } from "../delta.ts";

/** Settings of `whole`. */
export interface WholeOptions {
  /** Modules to train, by the start of their parameters' names, such as `"pooler"`. @default every one */
  readonly modules?: readonly string[] | undefined;
}

/** A whole-weight delta as JSON. */
export interface WholeConfig {
  readonly modules?: readonly string[];
}

const schema = z.strictObject({ modules: z.array(z.string()).min(1).readonly().exactOptional() });

/**
 * Weights trained as they are: the delta's parameters take the place of the model's, which they start as.
 *
 * @param names - Which of the model's parameters.
 */
export function replaceWeights<Config>(
  kind: string,
  config: Config,
  model: Model<never, unknown>,
  names: readonly string[],
): Delta<Config> {
  return {
    kind,
    name: kind,
    config,
    parameters: cloneParameters(new Map(names.map((name) => [name, model.parameters.get(name)!]))),
    hooks: (current) => [
      onWeight(
        (name) => current.has(name),
        (name) => current.get(name)!,
      ),
    ],
    merge: (_, current) => cloneParameters(current),
  };
}

/**
 * Full fine-tuning as one more delta: trains every weight, or those of some modules. No values are copied until they
 * are trained. Edits of the same weights by deltas before it are hidden; put it first.
 *
 * @throws {ConfigError} For a module that the model does not have; names the nearest.
 * @example
 * const tuned = attach(base, whole(base));
 */
export function whole(model: Model<never, unknown>, options: WholeOptions = {}): Delta<WholeConfig> {
  const config = parseConfig("whole", schema, options);
  const { modules } = config;
  if (modules === undefined) return replaceWeights("whole", config, model, [...model.parameters.keys()]);
  return replaceWeights("whole", config, model, namesUnder(model.parameters, modules));
}

/** Parameters whose names start with one of the modules. */
function namesUnder(parameters: Parameters, modules: readonly string[]): readonly string[] {
  const names = [...parameters.keys()];
  const isUnder = (name: string, module: string): boolean => name === module || name.startsWith(`${module}.`);
  for (const module of modules) {
    if (names.some((name) => isUnder(name, module))) continue;
    const near = nearest(module, [
      ...new Set(names.flatMap((name) => name.split(".").map((_, i, parts) => parts.slice(0, i + 1).join(".")))),
    ]);
    throw new ConfigError({
      message: `whole: the model has no module "${module}"${near === undefined ? "" : `; did you mean "${near}"?`}`,
      module,
    });
  }
  return names.filter((name) => modules.some((module) => isUnder(name, module)));
}
