/** The page about a delta that was carried on. */
import { type Agreement, type Compatibility, plotFlips, type Score } from "@cambium/recycling";
import { plotLines, type Report, report, settings, table } from "@cambium/report";

/** What is known when a run has ended. */
export interface RecyclingResult {
  readonly old: string;
  readonly current: string;
  readonly adapter: string;
  readonly method: string;
  readonly compatibility: Compatibility;
  /** Of a constant answer. */
  readonly baseline?: Score;
  /** By what was measured, in the order of the table. */
  readonly scores: Readonly<Record<string, Score>>;
  /** Evaluations on the way. */
  readonly curve: readonly { readonly step: number; readonly score: number }[];
  readonly agreement?: Agreement;
  readonly warnings: readonly string[];
  readonly settings: Readonly<Record<string, string | number>>;
}

/** A score's share of right rows in percent, where it has one. */
export const percent = ({ accuracy }: Score): number | undefined =>
  accuracy === undefined ? undefined : 100 * accuracy;

/** Columns of the table of scores. */
export const SCORE_COLUMNS = [
  { name: "model" },
  { name: "right", unit: "%", digits: 1 },
  { name: "loss", digits: 4 },
] as const;

/** Rows of that table. */
export const scoreRows = ({
  scores,
  baseline,
}: Pick<RecyclingResult, "scores" | "baseline">): readonly (readonly [string, number | undefined, number])[] => [
  ...Object.entries(scores).map(([name, score]) => [name, percent(score), score.loss] as const),
  ...(baseline === undefined ? [] : [["a constant answer", percent(baseline), baseline.loss] as const]),
];

/** The page. */
export function recyclingPage(found: RecyclingResult): Report {
  const { compatibility, curve, agreement, warnings, ...rest } = found;
  const isAccuracy = Object.values(rest.scores).every(({ accuracy }) => accuracy !== undefined);
  return report({
    title: `An adapter on the next version of its model`,
    summary: `${rest.adapter}, trained on ${rest.old}, on ${rest.current}: ${rest.method}.`,
    sections: [
      {
        title: "Scores",
        blocks: [
          table({
            caption: "On rows that nothing learned from",
            columns: [...SCORE_COLUMNS],
            rows: scoreRows(rest).map((row) => [...row]),
          }),
          ...(curve.length < 2
            ? []
            : [
                plotLines({
                  title: "On the way",
                  x: { label: "steps" },
                  y: isAccuracy ? { label: "accuracy" } : { label: "loss" },
                  series: [{ name: rest.method, points: curve.map(({ step, score }) => ({ x: step, y: score })) }],
                }),
              ]),
        ],
      },
      ...(agreement?.flips === undefined
        ? []
        : [{ title: "What users will notice", blocks: [plotFlips(agreement.flips)] }]),
      {
        title: "Whether it fits",
        blocks: [
          `${compatibility.verdict}; ${compatibility.coverage.found.length} places found${compatibility.path === undefined ? "" : `; ${compatibility.path.map(({ corpus, steps }) => `${steps} steps on ${corpus}`).join(", then ")}`}.`,
          ...[...compatibility.notes, ...warnings],
          settings("Settings", rest.settings),
        ],
      },
    ],
  });
}
