import { sha256 } from "@cambium/base";

/** Longest name that providers take. */
const LONGEST = 64;

/** As sets of tools compare names. */
const keyOf = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, "");

/**
 * Names of foreign tools here, by their own: the name of where they come from, `_`, and their own with what providers refuse as
 * `_`. Names that are too long, or that would be taken for each other, end in a hash; which of them does not depend on the order.
 */
export function localNames(namespace: string, names: readonly string[]): ReadonlyMap<string, string> {
  const plainOf = (name: string): string => {
    const plain = name.replaceAll(/[^A-Za-z0-9_-]+/g, "_").replaceAll(/^_+|_+$/g, "");
    return `${namespace}_${plain === "" ? "tool" : plain}`;
  };
  const counts = new Map<string, number>();
  for (const name of new Set(names)) {
    const key = keyOf(plainOf(name));
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return new Map(
    names.map((name) => {
      const plain = plainOf(name);
      if (plain.length <= LONGEST && counts.get(keyOf(plain)) === 1) return [name, plain];
      return [name, `${plain.slice(0, LONGEST - 9)}_${sha256(name).slice(0, 8)}`];
    }),
  );
}
