/**
 * Names in files. A file of a task model (a body with a head) puts the wrapper's name before the body's parameters, a file
 * of a bare body does not; our own names do one of the two for all.
 */
import type { Wrapper } from "./architecture.ts";
import type { HeadKind } from "./head-config.ts";

/** What of a model decides its names. */
export interface Named {
  readonly wrapper: Wrapper | undefined;
  /** What stands on the body, under which files may call it otherwise. @default nothing */
  readonly kind?: HeadKind | undefined;
  /** Whether a parameter or module belongs to the body rather than to a head. */
  isBody(name: string): boolean;
}

/** A name without the wrapper's, whichever form it has. */
export function bareName(wrapper: Wrapper | undefined, name: string): string {
  if (wrapper === undefined) return name;
  const prefix = [wrapper.name, ...Object.values(wrapper.under ?? {})].find((each) => name.startsWith(`${each}.`));
  return prefix === undefined ? name : name.slice(prefix.length + 1);
}

/** Our name of what a file of either form calls `name`. */
export function ownName({ wrapper, isBody }: Named, name: string): string {
  if (wrapper === undefined) return name;
  const bare = bareName(wrapper, name);
  const wrapped = `${wrapper.name}.${bare}`;
  return isBody(wrapped) || isBody(bare) ? (wrapper.inNames ? wrapped : bare) : bare;
}

/**
 * What a file calls our `name`, of a parameter or of a module.
 *
 * @param isTask - Whether the file holds a task model.
 */
export function fileName({ wrapper, kind, isBody }: Named, name: string, isTask: boolean): string {
  if (wrapper === undefined || !isBody(name)) return name;
  const bare = bareName(wrapper, name);
  const prefix = (kind === undefined ? undefined : wrapper.under?.[kind]) ?? wrapper.name;
  return isTask ? `${prefix}.${bare}` : bare;
}
