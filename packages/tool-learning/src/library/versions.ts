import { parameterName } from "./schemas.ts";

/** What decides how much a change breaks. */
export interface Change {
  readonly name: string;
  readonly parameters: readonly string[];
  /** Whether all tests of the version before pass. */
  readonly keepsTests: boolean;
}

const isOptional = (parameter: string): boolean => parameter.includes("=") || /^(\.\.\.|\*)/.test(parameter);

/**
 * The version after a change of the source: a patch when name, parameters and tests are kept; a minor version when optional
 * parameters were added at the end; a major one otherwise.
 *
 * @see Semantic Versioning 2.0.0, §6-8.
 */
export function nextVersion(
  before: { readonly version: string; readonly name: string; readonly parameters: readonly string[] },
  { name, parameters, keepsTests }: Change,
): string {
  const [major = 0, minor = 0, patch = 0] = before.version.split(".").map(Number);
  const keepsParameters = before.parameters.every(
    (parameter, i) => parameters[i] !== undefined && parameterName(parameters[i], i) === parameterName(parameter, i),
  );
  const added = parameters.slice(before.parameters.length);
  if (!keepsTests || name !== before.name || !keepsParameters || !added.every(isOptional)) return `${major + 1}.0.0`;
  return added.length > 0 ? `${major}.${minor + 1}.0` : `${major}.${minor}.${patch + 1}`;
}
