import { ConfigError } from "@cambium/base";
import { type Cell, cellText, type Level } from "./grid.ts";
import { roundsOf } from "./halving.ts";
import { checkWord, type Known } from "./known-words.ts";
import type { Tuning } from "./study.ts";

function refuse({ factor }: Tuning, problem: string): never {
  throw new ConfigError({ message: `defineStudy: the tuning of "${factor}" ${problem}`, factor });
}

/** Throws unless the tuning and the grid fit together: each factor either tells groups apart or has levels in `at`. */
export function checkTuning(tuning: Tuning, { factors, metrics }: Known): void {
  const { factor, per, at, from, to, metric } = tuning;
  const place = `the tuning of "${factor}"`;
  const names = Object.keys(factors);
  if (names.includes(factor)) refuse(tuning, "is of a factor of the grid; leave it out of `factors`");
  checkWord(place, "metric", metric, Object.keys(metrics));
  for (const name of [...per, ...Object.keys(at)]) checkWord(place, "factor", name, names);
  const open = names.filter((name) => per.includes(name) === Object.hasOwn(at, name));
  if (open.length > 0) {
    refuse(tuning, `must name ${open.join(", ")} either in \`per\` or in \`at\``);
  }
  if (to < from) refuse(tuning, `goes from ${from} to ${to} steps; the last round needs at least as many as the first`);
}

/** Throws unless every group has the same budget. */
export function checkGroups(
  groups: readonly { readonly group: Cell; readonly values: readonly Level[] }[],
  tuning: Tuning,
): void {
  const [first] = groups;
  for (const { group, values } of groups) {
    if (new Set(values).size !== values.length || values.length === 0) {
      refuse(tuning, `needs one level or more, each once, for ${cellText(group)}; got ${JSON.stringify(values)}`);
    }
    if (values.length !== first!.values.length) {
      refuse(
        tuning,
        `has ${first!.values.length} levels for ${cellText(first!.group)} and ${values.length} for ${cellText(group)}; every group needs as many, to have the same budget`,
      );
    }
  }
  const { from, to, eta = 3 } = tuning;
  const count = first?.values.length ?? 0;
  const last = roundsOf(count, { from, to, eta }).at(-1)!;
  if (last.budget < to) {
    refuse(
      tuning,
      `never comes to ${to} steps: of ${count} levels one is left at ${last.budget}; say \`to: ${last.budget}\`, start later, or try more levels`,
    );
  }
}
