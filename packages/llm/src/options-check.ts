import type { ZodType } from "zod";
import { UsageError } from "./errors.ts";

/** Insertions, deletions and replacements between two words. `O(a · b)`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The known word that differs from `word` in the fewest letters, at most a third of them. */
function nearestWord(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((other) => ({ other, distance: editDistance(word.toLowerCase(), other.toLowerCase()) }))
    .filter(({ other, distance }) => distance <= Math.max(word.length, other.length) / 3)
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.other;
}

/** Keys of the object that a schema describes at a path, as far as they are known. */
function keysAt(schema: ZodType, path: readonly PropertyKey[]): string[] {
  const { shape, innerType, element, options } = schema.def as {
    readonly shape?: Readonly<Record<string, ZodType>>;
    readonly innerType?: ZodType;
    readonly element?: ZodType;
    readonly options?: readonly ZodType[];
  };
  if (innerType !== undefined) return keysAt(innerType, path);
  if (options !== undefined) return options.flatMap((option) => keysAt(option, path));
  const [first, ...rest] = path;
  if (shape !== undefined && first === undefined) return Object.keys(shape);
  const inner = shape === undefined ? element : shape[String(first)];
  return inner === undefined ? [] : keysAt(inner, rest);
}

/**
 * Checks what a user gave against a schema.
 *
 * @param caller - Function to name in the message.
 * @throws {UsageError} Listing everything that is wrong; an unknown key comes with the nearest known one.
 */
export function checkOptions(caller: string, schema: ZodType, value: unknown): void {
  const parsed = schema.safeParse(value);
  if (parsed.success) return;
  const problems = parsed.error.issues.flatMap((issue) => {
    const path = issue.path.map(String).join(".");
    if (issue.code !== "unrecognized_keys") return [`${path === "" ? "" : `"${path}": `}${issue.message}`];
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) => {
      const close = nearestWord(key, known);
      return `unknown key "${path === "" ? key : `${path}.${key}`}"; ${close === undefined ? `known are ${known.join(", ")}` : `is "${close}" meant?`}`;
    });
  });
  throw new UsageError({ message: `${caller}: ${problems.join("; ")}`, problems });
}
