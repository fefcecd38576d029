import { meanInterval } from "./comparison-table.ts";

/** One run. */
export interface FewShotRow {
  readonly model: string;
  /** Of the model's weights, so that another one of its name is not taken for it. */
  readonly print: string;
  readonly task: string;
  readonly perClass: number;
  readonly seed: number;
  /** On the test rows. */
  readonly accuracy: number;
}

/** What a run's model is there for. */
export type Role = "grown" | "shipped" | "words";

/** Runs that are compared. */
export type Comparison = readonly (FewShotRow & { readonly role: Role })[];

/** Points that a grown model must be ahead of a shipped one to replace it. */
const LEAST_POINTS = 5;

/** Differences of a grown model from another, in points: mean over tasks, seed by seed. */
export function differences(comparison: Comparison, other: Role, perClass: number): number[] {
  const own = comparison.filter((row) => row.perClass === perClass);
  const seeds = [...new Set(own.map(({ seed }) => seed))];
  const mean = (role: Role, seed: number): number => {
    const rows = own.filter((row) => row.role === role && row.seed === seed);
    return rows.reduce((sum, { accuracy }) => sum + accuracy, 0) / rows.length;
  };
  return seeds.map((seed) => 100 * (mean("grown", seed) - mean(other, seed)));
}

function show(values: readonly number[], factor: number): string {
  const { mean, margin } = meanInterval(values.map((value) => factor * value));
  return Number.isNaN(margin) ? mean.toFixed(1) : `${mean.toFixed(1)} ± ${margin.toFixed(1)}`;
}

/** A table in Markdown, the differences over all tasks, and whether the grown model is to replace the shipped one. */
export function formatFewShot(comparison: Comparison): string {
  const roles = (["grown", "shipped", "words"] as const).filter((role) => comparison.some((row) => row.role === role));
  const sizes = [...new Set(comparison.map(({ perClass }) => perClass))];
  const columns = sizes.flatMap((perClass) => roles.map((role) => ({ perClass, role })));
  const name = (role: Role): string => comparison.find((row) => row.role === role)!.model;
  const lines = [...new Set(comparison.map(({ task }) => task))].map((task) => {
    const cells = columns.map(({ perClass, role }) =>
      show(
        comparison
          .filter((row) => row.task === task && row.perClass === perClass && row.role === role)
          .map(({ accuracy }) => accuracy),
        100,
      ),
    );
    return `| ${task} | ${cells.join(" | ")} |`;
  });
  const title = ({ perClass, role }: (typeof columns)[number]): string =>
    `${role === "words" ? role : `${role}: ${name(role)}`}, ${perClass} a class`;
  const others = roles.filter((role) => role !== "grown");
  const ahead = sizes.flatMap((perClass) =>
    others.map((other) => ({ perClass, other, points: differences(comparison, other, perClass) })),
  );
  const summary = ahead.map(
    ({ perClass, other, points }) => `against ${other}, ${perClass} a class, over all tasks: ${show(points, 1)} points`,
  );
  const isAhead = ({ other, points }: (typeof ahead)[number]): boolean => {
    const { mean, margin } = meanInterval(points);
    return other === "shipped" ? mean >= LEAST_POINTS && mean - margin > 0 : mean - margin > 0;
  };
  const verdict = !roles.includes("shipped")
    ? []
    : [
        `${name("grown")} ${ahead.every(isAhead) ? "is to replace" : "is not to replace"} ${name("shipped")} (asked for: at least ${LEAST_POINTS} points ahead of it, and ahead of words, beyond the interval)`,
      ];
  return [
    `| task | ${columns.map(title).join(" | ")} |`,
    `|---|${columns.map(() => "---:").join("|")}|`,
    ...lines,
    "",
    ...summary,
    ...verdict,
  ].join("\n");
}
