import type { Delta } from "./delta.ts";

/** A base, as far as it is asked what of it is random. */
interface Created {
  readonly created?: readonly string[];
  readonly headParameters?: readonly string[];
}

/** Names of parameters that are random because the base's file lacks them, and whose values no delta carries. */
export function leftRandom(base: object, deltas: readonly Delta[]): readonly string[] {
  const { created = [] } = base as Created;
  return created.filter(
    (name) => !deltas.some(({ method, parameters }) => method.replaces === true && parameters.has(name)),
  );
}

/** What attaching these names would take. */
export function carrierOf(base: object, names: readonly string[]): string {
  const { headParameters = [] } = base as Created;
  const isHead = names.every((name) => headParameters.includes(name));
  return isHead ? "head(base)" : "whole(base, { modules })";
}

/** What is to be said before training, where parameters are random and no delta carries them. */
export function warnLeftRandom(base: object, deltas: readonly Delta[]): string | undefined {
  const left = leftRandom(base, deltas);
  if (left.length === 0) return undefined;
  return `${left.join(", ")}: random, because the base's file lacks ${left.length === 1 ? "it" : "them"}, and carried by no delta; what is trained here fits these values alone, and no adapter saves them. Attach ${carrierOf(base, left)} with the others`;
}
