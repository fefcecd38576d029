import type { Parameters } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import type { Delta } from "../delta.ts";
import { hostOf } from "../host.ts";
import type { DeltaTensor, MethodDefinition } from "../method.ts";

/** A delta before its tensors are read. */
export interface Draft {
  readonly name: string;
  readonly method: MethodDefinition<never, unknown>;
  readonly config: unknown;
  readonly trained: ReadonlyMap<string, DeltaTensor>;
  readonly frozen: ReadonlyMap<string, DeltaTensor>;
}

/**
 * The delta that a method makes of options, as far as it can be told without tensors.
 *
 * @throws {ConfigError} As the method.
 */
export function draft(
  base: LanguageModel,
  method: MethodDefinition<never, unknown>,
  options: unknown,
  name: string = method.kind,
): Draft {
  const shape = hostOf(base);
  const config = method.parse(options as never, shape);
  const { trained, frozen = new Map<string, DeltaTensor>() } = method.tensors(shape, config);
  return { name, method, config, trained, frozen };
}

/** Those tensors that files hold. */
export function storedTensors({
  trained,
  frozen,
}: Pick<Draft, "trained" | "frozen">): ReadonlyMap<string, DeltaTensor> {
  return new Map([...trained, ...frozen].filter(([, { isStored = true }]) => isStored));
}

/** The tensors of a delta that files hold. */
export function storedOf({ method, shape, config, parameters, buffers }: Delta): Parameters {
  const { trained, frozen = new Map<string, DeltaTensor>() } = method.tensors(shape, config as never);
  const names = [...storedTensors({ trained, frozen }).keys()];
  return new Map(names.map((name) => [name, parameters.get(name) ?? buffers.get(name)!]));
}

/** Whether drafts hold weights of the model's head, as they are. */
export function holdsHead({ headParameters }: LanguageModel, drafts: readonly Draft[]): boolean {
  return drafts.some(
    ({ method, trained }) => method.replaces === true && headParameters.some((name) => trained.has(name)),
  );
}
