import { ConfigError } from "@cambium/base";

/** Throws for a value that has no place on an axis, by its name. */
export function checkFinite(
  caller: string,
  values: Iterable<readonly [name: string, value: number | undefined]>,
): void {
  for (const [name, value] of values) {
    if (value === undefined || Number.isFinite(value)) continue;
    throw new ConfigError({ message: `${caller}: "${name}" is ${value}, which cannot be drawn; leave it out`, name });
  }
}
