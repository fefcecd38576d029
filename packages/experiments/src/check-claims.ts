import { ConfigError, canonicalJson } from "@cambium/base";
import type { Claim, ClaimOptions } from "./claim-options.ts";
import { type Cell, type Filter, matches, projection } from "./grid.ts";
import { checkFilter, checkWord, type Known } from "./known-words.ts";

/** Claims with their defaults; each is checked against the grid that it speaks of. */
export function checkClaims(
  claims: readonly ClaimOptions[],
  known: Known & { readonly cells: readonly Cell[]; readonly replicate: string },
): Claim[] {
  const names = new Set<string>();
  return claims.map((options) => {
    const place = `the claim "${options.claim}"`;
    const refuse = (problem: string): never => {
      throw new ConfigError({ message: `defineStudy: ${place} ${problem}`, claim: options.claim });
    };
    const { where = {}, over = [known.replicate], interval = "t", level = 0.95, minus, ...rest } = options;
    if (names.has(options.claim)) refuse("is there twice; give each its own words");
    names.add(options.claim);
    checkWord(place, "metric", options.metric, Object.keys(known.metrics));
    for (const factor of over) checkWord(place, "factor", factor, Object.keys(known.factors));
    for (const filter of [where, minus ?? {}]) checkFilter(place, filter, known);
    if (options.atLeast === undefined && options.atMost === undefined) {
      refuse("has no criterion; state atLeast or atMost");
    }
    if (minus !== undefined && options.statistic !== undefined) {
      refuse("has both minus and a statistic; let the statistic compute the difference");
    }
    const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = options;
    if (atLeast > atMost) refuse(`asks for at least ${atLeast} and at most ${atMost}, which no number is`);
    const cellsOf = (filter: Filter): Cell[] => known.cells.filter((cell) => matches(cell, filter));
    if (minus !== undefined && canonicalJson(cellsOf(where)) === canonicalJson(cellsOf(minus))) {
      refuse("compares runs with themselves; `where` and `minus` name the same ones");
    }
    const units = [where, ...(minus === undefined ? [] : [minus])].map((filter) => [
      ...new Set(cellsOf(filter).map((cell) => canonicalJson(projection(cell, over)))),
    ]);
    if (units[0]!.length < 2) {
      refuse(`is over ${over.join(", ")}, which gives ${units[0]!.length} unit; an interval needs at least 2`);
    }
    const [one, other = one] = units;
    if (one!.some((unit) => !other!.includes(unit)) || one!.length !== other!.length) {
      refuse(`compares runs whose levels of ${over.join(", ")} differ; both sides need the same units`);
    }
    return { ...rest, where, over, interval, level, ...(minus === undefined ? {} : { minus }) };
  });
}
