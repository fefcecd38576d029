/**
 * Names in files. A file of a task model (a body with a head) puts the wrapper's name before the body's parameters, a file
 * of a bare body does not; our own names do one of the two for all.
 */
import type { Wrapper } from "./architecture.ts";

/** What of a model decides its names. */
export interface Named {
  readonly wrapper: Wrapper | undefined;
  /** Whether a parameter or module belongs to the body rather than to a head. */
  isBody(name: string): boolean;
}

/** A name without the wrapper's, whichever form it has. */
export function bareName(wrapper: Wrapper | undefined, name: string): string {
  return wrapper !== undefined && name.startsWith(`${wrapper.name}.`) ? name.slice(wrapper.name.length + 1) : name;
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
export function fileName({ wrapper, isBody }: Named, name: string, isTask: boolean): string {
  if (wrapper === undefined || !isBody(name)) return name;
  const bare = bareName(wrapper, name);
  return isTask ? `${wrapper.name}.${bare}` : bare;
}
