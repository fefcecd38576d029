import { ConfigError, nearest, parseConfig } from "@cambium/base";
import { cloneParameters, onWeight } from "@cambium/core";
import { add, sub } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { Host } from "../host.ts";
import { type DeltaTensors, type MethodDefinition, type SeedlessMethod, seedlessMethod } from "../method.ts";
import { tidyParameters } from "../trees.ts";

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

/** Weights trained as they are: the tensors take the place of the model's, which they start as. */
export function replacements({ tensors }: Host, names: readonly string[]): DeltaTensors {
  return {
    trained: new Map(
      names.map((name) => [
        name,
        {
          shape: tensors.get(name)!.shape,
          start: { kind: "weights", names: [name], make: (weights) => weights.get(name)!.clone() },
        },
      ]),
    ),
  };
}

/** What a method does whose tensors take the place of the model's. */
export const replacing: Pick<MethodDefinition<unknown, unknown>, "hooks" | "merge" | "replaces"> = {
  replaces: true,
  hooks: ({ parameters }) => [
    onWeight(
      (name) => parameters.has(name),
      (name) => parameters.get(name)!,
    ),
  ],
  merge: (_, { parameters }) => cloneParameters(parameters),
};

/** On another base: what training changed, added to its weights; of a head, the head itself. */
export const rebaseChanges: NonNullable<MethodDefinition<unknown, unknown>["rebase"]> = (
  { parameters, shape },
  from,
  to,
) =>
  tidyParameters(
    () =>
      new Map(
        [...parameters].map(([name, value]) => [
          name,
          shape.headParameters?.includes(name) ? value.clone() : add(sub(value, from.get(name)!), to.get(name)!),
        ]),
      ),
  );

/**
 * Full fine-tuning as one more delta: trains every weight, or those of some modules. No values are copied until they
 * are trained. Edits of the same weights by deltas before it are hidden; put it first.
 *
 * On another base it is what training changed, added to that base's weights; a head comes along as it is.
 *
 * @throws {ConfigError} For a module that the model does not have; names the nearest.
 * @example
 * const tuned = attach(base, whole(base));
 */
export const whole: SeedlessMethod<WholeOptions, WholeConfig> = seedlessMethod<WholeOptions, WholeConfig>({
  kind: "whole",
  parse(options, shape) {
    const config = parseConfig("whole", schema, options);
    namesOf(shape, config);
    return config;
  },
  tensors: (shape, config) => replacements(shape, namesOf(shape, config)),
  ...replacing,
  rebase: rebaseChanges,
});

function namesOf({ tensors }: Host, { modules }: WholeConfig): readonly string[] {
  const names = [...tensors.keys()];
  return modules === undefined ? names : namesUnder(names, modules);
}

/** Parameters whose names start with one of the modules. */
function namesUnder(names: readonly string[], modules: readonly string[]): readonly string[] {
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
