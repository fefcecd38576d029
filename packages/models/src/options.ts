import { ConfigError, nearest } from "@cambium/base";

/**
 * Throws for an option that does not exist, and names the nearest: a typing error must not be ignored.
 *
 * @param known - Every key that the function has.
 * @throws {ConfigError} When `options` is no object, or has another key.
 */
export function parseOptions<Options extends object>(
  caller: string,
  options: Options,
  known: readonly (keyof Options & string)[],
): void {
  if (typeof options !== "object" || options === null) {
    throw new ConfigError({ message: `${caller}: options must be an object, got ${String(options)}` });
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
