import { ConfigError, nearest } from "@cambium/base";
import type { Architecture } from "./architecture.ts";

/**
 * The architecture that reads configs of this `model_type`.
 *
 * @throws {ConfigError} When there is none; names the nearest, and all that there are.
 */
export function findArchitecture(caller: string, config: unknown, among: readonly Architecture[]): Architecture {
  const type = (config as { readonly model_type?: unknown } | null)?.model_type;
  const found = among.find(({ types }) => types.includes(type as string));
  if (found !== undefined) return found;
  const known = among.flatMap(({ types }) => types);
  const near = typeof type === "string" ? nearest(type, known) : undefined;
  throw new ConfigError({
    message: `${caller}: "model_type" is ${type === undefined ? "absent" : JSON.stringify(type)}${near === undefined ? "" : `; did you mean "${near}"?`}; supported are ${known.join(", ")}`,
    model_type: type,
  });
}
