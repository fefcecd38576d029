import type { Random } from "@cambium/core";
import type { AnyModel, Delta, MethodDefinition } from "@cambium/delta";
import * as exports from "@cambium/delta";

/** A method of tuning that does without settings. */
export type AnyMethod = MethodDefinition<object, unknown> &
  ((model: AnyModel, options: object, random: Random) => Delta);

const isMethod = (value: unknown): value is AnyMethod =>
  typeof value === "function" && typeof (value as Partial<AnyMethod>).tensors === "function";

/** Every method of `@cambium/delta` by its name. */
export const deltaMethods: ReadonlyMap<string, AnyMethod> = new Map(
  Object.entries(exports).flatMap(([name, value]: [string, unknown]) => (isMethod(value) ? [[name, value]] : [])),
);
