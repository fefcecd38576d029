import { ConfigError, nearest } from "@cambium/base";
import type { Filter, Level } from "./grid.ts";

/** What the words of a study refer to. */
export interface Known {
  readonly factors: Readonly<Record<string, readonly Level[]>>;
  readonly metrics: Readonly<Record<string, unknown>>;
}

/** Throws unless `word` is known. */
export function checkWord(where: string, what: string, word: string, known: readonly string[]): void {
  if (known.includes(word)) return;
  const close = nearest(word, known);
  const hint = close === undefined ? `known are ${known.join(", ") || "none"}` : `is "${close}" meant?`;
  throw new ConfigError({ message: `defineStudy: ${where} names the unknown ${what} "${word}"; ${hint}`, word });
}

/** Throws unless each factor of a filter is known, with each of its levels. */
export function checkFilter(where: string, filter: Filter, { factors }: Known): void {
  for (const [factor, wanted] of Object.entries(filter)) {
    checkWord(where, "factor", factor, Object.keys(factors));
    const known = factors[factor]!;
    const missing = [wanted].flat().find((level) => !known.includes(level as Level));
    if (missing === undefined) continue;
    throw new ConfigError({
      message: `defineStudy: ${where} asks for ${factor} ${JSON.stringify(missing)}; its levels are ${known.map((level) => JSON.stringify(level)).join(", ")}`,
      factor,
    });
  }
}
