import type { ZodType } from "zod";
import { ConfigError } from "./errors.ts";

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

/** The known word nearest to `word`, if it is near enough to have been meant. */
function nearestWord(word: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(word.length, candidate.length) / 3)
    .sort((a, b) => a.distance - b.distance);
  return best?.candidate;
}

/** The keys of an object schema. */
const keysOf = (schema: ZodType): string[] => Object.keys((schema.def as { shape?: object }).shape ?? {});

/**
 * Checks options against a flat schema made by `z.strictObject`.
 *
 * @param caller - Function to name in the message.
 * @throws {ConfigError} Listing everything that is wrong; an unknown key comes with the nearest known one.
 */
export function checkOptions(caller: string, schema: ZodType, options: unknown): void {
  const parsed = schema.safeParse(options);
  if (parsed.success) return;
  const problems = parsed.error.issues.flatMap((issue) => {
    const path = issue.path.map(String).join(".");
    if (issue.code !== "unrecognized_keys") return [`${path === "" ? "" : `"${path}": `}${issue.message}`];
    const known = keysOf(schema);
    return issue.keys.map((key) => {
      const close = path === "" ? nearestWord(key, known) : undefined;
      const advice = close === undefined ? `known are ${known.join(", ")}` : `is "${close}" meant?`;
      return `unknown key "${path === "" ? key : `${path}.${key}`}"; ${advice}`;
    });
  });
  throw new ConfigError({ message: `${caller}: ${problems.join("; ")}`, problems });
}
