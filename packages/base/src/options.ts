import { ConfigError } from "./errors.ts";
import { nearest } from "./nearest.ts";

/**
 * Throws for an option that does not exist, and names the nearest: a typing error must not be ignored.
 *
 * It looks at the names only and allocates nothing but their list, so that it may stand in front of a hot function.
 *
 * @param caller - Function to name in the message.
 * @param options - What the user gave.
 * @param known - Every key that the function has.
 * @throws {ConfigError} When `options` is no object, or has another key.
 * @example
 * checkOptions("embed", options, ["pooling", "normalise"]);
 */
export function checkOptions<Options extends object>(
  caller: string,
  options: Options,
  known: readonly (keyof Options & string)[],
): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    const came = options === null ? "null" : Array.isArray(options) ? "a list" : `a ${typeof options}`;
    throw new ConfigError({ message: `${caller}: options must be an object, got ${came}` });
  }
  for (const key of Object.keys(options)) {
    if ((known as readonly string[]).includes(key)) continue;
    const near = nearest(key, known);
    throw new ConfigError({
      message: `${caller}: unknown option "${key}"${near === undefined ? `; known are ${known.join(", ")}` : `; is "${near}" meant?`}`,
      key,
    });
  }
}
