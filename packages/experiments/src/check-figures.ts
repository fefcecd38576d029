import { ConfigError } from "@cambium/base";
import type { Claim } from "./claim-options.ts";
import { checkFilter, checkWord, type Known } from "./known-words.ts";
import type { StudyFigure } from "./study.ts";

/** Figures that were asked for, or one for each metric that a claim is about. */
export function checkFigures(
  figures: readonly StudyFigure[] | undefined,
  claims: readonly Claim[],
  known: Known & { readonly replicate: string },
): readonly StudyFigure[] {
  if (figures === undefined) {
    const series = Object.keys(known.factors).filter((factor) => factor !== known.replicate);
    const metrics = [...new Set(claims.map(({ metric }) => metric))];
    return series.length === 0 ? [] : metrics.map((metric) => ({ title: metric, metric, series: [series[0]!] }));
  }
  for (const { title, metric, where = {}, x, series } of figures) {
    const place = `the figure "${title}"`;
    checkWord(place, "metric", metric, Object.keys(known.metrics));
    checkFilter(place, where, known);
    for (const factor of [...series, ...(x === undefined ? [] : [x])]) {
      checkWord(place, "factor", factor, Object.keys(known.factors));
    }
    if (x !== undefined && known.factors[x]!.some((level) => typeof level !== "number")) {
      throw new ConfigError({ message: `defineStudy: ${place} has x "${x}", whose levels must all be numbers` });
    }
  }
  return figures;
}
