/** The results as a page in Markdown: a function of what the folder holds. */
import { type FinishedRun, loadStudy, type MeasuredClaim, reportStudy, type Study } from "@cambium/experiments";
import type { Measured } from "./measure.ts";
import {
  ALPHA,
  BATCH_SIZE,
  type Cell,
  type Extent,
  isUnseen,
  LEARNING_RATE,
  MAX_LENGTH,
  OFFERED,
  RANK,
  SHOTS,
} from "./plan.ts";

/** A page and the figures that it shows, by file name. */
export interface Page {
  readonly markdown: string;
  readonly figures: ReadonlyMap<string, string>;
}

const row = (cells: readonly (string | number)[]): string =>
  `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;

const tableOf = (heads: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [row(heads), row(heads.map(() => "---")), ...rows.map(row)].join("\n");

function measuredText({ measured, units, missing, runs }: MeasuredClaim): string {
  if (measured === undefined) return "not run yet";
  const digits = (value: number | undefined): string => (value === undefined ? "–" : value.toFixed(1));
  const interval =
    measured.low === undefined ? "" : ` [${digits(measured.low)}, ${digits(measured.high)}], n = ${units}`;
  return `${digits(measured.mean)}${interval}${missing.length === 0 ? "" : `; ${missing.length} of ${runs} runs missing`}`;
}

const verdictText = ({ verdict, measured }: MeasuredClaim): string =>
  verdict === "open" && measured === undefined ? "not run yet" : verdict;

interface Done {
  readonly cell: Cell;
  readonly result: Measured;
}

/** The ways that are compared, by name. */
const WAYS = [
  ["no tool", "untuned", "no-tool"],
  ["zero-shot", "untuned", "zero-shot"],
  ["few-shot", "untuned", "few-shot"],
  ["tuned", "tuned", "zero-shot"],
] as const;

const ofWay = (done: readonly Done[], [, state, setting]: (typeof WAYS)[number]): readonly Done[] =>
  done.filter(({ cell }) => cell.state === state && cell.setting === setting);

/** Solved tests of one kit over the seeds that are kept, with their count. */
function shareOf(done: readonly Done[], kit: string, keeps: (seed: number) => boolean = () => true): string {
  const pairs = done.filter(({ cell }) => keeps(cell.seed)).map(({ result }) => result.kits[kit] ?? [0, 0]);
  const sum = (at: 0 | 1): number => pairs.reduce((total, pair) => total + pair[at], 0);
  return sum(1) === 0 ? "–" : `${sum(0)} of ${sum(1)}`;
}

function kitTable(done: readonly Done[], { kits }: Extent): string {
  const [none, zero, few, tuned] = WAYS.map((way) => ofWay(done, way)) as [Done[], Done[], Done[], Done[]];
  const rows = kits.map((kit) => [
    `\`${kit}\``,
    ...[none, zero, few].map((own) => shareOf(own, kit)),
    shareOf(tuned, kit, (seed) => !isUnseen(kits, kit, seed)),
    shareOf(tuned, kit, (seed) => isUnseen(kits, kit, seed)),
  ]);
  return tableOf(["kit", "no tool", "zero-shot", "few-shot", "tuned, kit seen", "tuned, kit unseen"], rows);
}

const FIGURES: readonly (readonly [head: string, of: (result: Measured) => number, digits: number])[] = [
  ["solved %", ({ success }) => success, 1],
  ["of seen kits %", ({ seen }) => seen, 1],
  ["of unseen kits %", ({ unseen }) => unseen, 1],
  ["right tool first %", ({ choice }) => choice, 1],
  ["misfits %", ({ misfit }) => misfit, 2],
  ["calls", ({ calls }) => calls, 1],
  ["tokens in", ({ inputTokens }) => inputTokens, 0],
  ["tokens out", ({ outputTokens }) => outputTokens, 0],
];

function wayTable(done: readonly Done[]): string {
  const rows = WAYS.flatMap((way) => {
    const own = ofWay(done, way);
    if (own.length === 0) return [];
    const mean = (of: (result: Measured) => number): number =>
      own.reduce((sum, { result }) => sum + of(result), 0) / own.length;
    return [[way[0], own.length, ...FIGURES.map(([, of, digits]) => mean(of).toFixed(digits))]];
  });
  return tableOf(["way", "seeds", ...FIGURES.map(([head]) => head)], rows);
}

function outcomeLines(done: readonly Done[]): string {
  const lines = WAYS.flatMap((way) => {
    const counts = new Map<string, number>();
    for (const { result } of ofWay(done, way))
      for (const [outcome, count] of Object.entries(result.outcomes))
        counts.set(outcome, (counts.get(outcome) ?? 0) + count);
    const told = [...counts].sort((a, b) => b[1] - a[1]).map(([outcome, count]) => `${outcome} ${count}`);
    return told.length === 0 ? [] : [`- ${way[0]}: ${told.join(", ")}`];
  });
  return lines.join("\n");
}

function finishedRuns({ board, records }: Awaited<ReturnType<typeof loadStudy>>): readonly Done[] {
  const runs = board.grid.flatMap(({ run }): FinishedRun[] => {
    const record = run === undefined ? undefined : records.get(run.key);
    return record?.status === "done" ? [{ cell: run!.cell, result: record.result }] : [];
  });
  return runs as unknown as readonly Done[];
}

function aboutText({ each, worlds, perWorld, steps, seeds, turns }: Extent): readonly string[] {
  return [
    `SmolLM2-135M-Instruct, its weights as its Q4_1 file has them, works on each task by \`runAgent\` with \`react()\`, at most ${turns} turns, through \`local()\`: the likeliest token each time, every call made to fit a declared tool. A task is offered at most ${OFFERED} tools of its kit, those that fit its words best, as signatures. A test is a task of a card, ${each} of each kind, in a world of another seed than any that was learnt from and with an instruction that no lesson has; code says whether it is solved, by answer and state. The settings are those of the survey (Qin et al. 2024, arXiv:2304.08354): no tool, descriptions alone (zero-shot), and ${SHOTS} worked examples from other worlds (few-shot).`,
    `The tuned model has a LoRA of rank ${RANK} (alpha ${ALPHA}) on every linear layer, after ${steps} steps of ${BATCH_SIZE} conversations at a rate of ${LEARNING_RATE} that rises over a tenth of them and falls to 0. They are what the scripted experts of two thirds of the kits did in ${worlds} worlds, ${perWorld} of each kind and world; rows of more than ${MAX_LENGTH} tokens are left out. What the model says counts in the loss, and nothing else. Each of the ${seeds.length} seeds leaves out another third of the kits, so that each kit was unseen once. It is asked in the zero-shot setting. No setting was tuned.`,
  ];
}

/** The page. The same results give the same bytes. */
export async function writePage(study: Study, extent: Extent, folder: string): Promise<Page> {
  const state = await loadStudy(study, folder);
  const report = reportStudy(study, state);
  const records = [...state.records.values()];
  const done = finishedRuns(state);
  const last = records
    .map(({ endedAt }) => endedAt)
    .toSorted()
    .at(-1);
  const claims = report.claims.map((each) => [each.claim.claim, each.criterion, measuredText(each), verdictText(each)]);
  const figures = [...report.figures].map(([name, figure]): [string, string] => [`${name}.svg`, figure.svg()]);
  const lessons = done
    .filter(({ cell }) => cell.state === "tuned")
    .map(
      ({ cell, result: { rows, tooLong, loss } }) =>
        `seed ${cell.seed} from ${rows} rows (${tooLong} were too long), to a loss of ${loss?.toFixed(3)} nats`,
    );
  const extra =
    done.length === 0
      ? []
      : [
          "## By setting",
          "Means over the seeds, and per test. Misfits are calls with an unknown name or arguments that do not fit the tool.",
          wayTable(done),
          "How tests ended, over all seeds:",
          outcomeLines(done),
          "## By kit",
          "Solved tests, over all seeds.",
          kitTable(done, extent),
          ...(lessons.length === 0 ? [] : [`Learnt: ${lessons.join("; ")}.`]),
          ...figures.map(([name]) => `![${name.replace(/\.svg$/, "").replaceAll("-", " ")}](tool-use/${name})`),
        ];
  const failed = records.filter(({ status }) => status === "failed").length;
  const far =
    last === undefined
      ? "**Nothing has been run yet.**"
      : `${done.length} of ${state.board.runs.length} runs have a result, the last of ${last.slice(0, 10)}${failed === 0 ? "" : `; ${failed} failed`}.`;
  const markdown = [
    "# A small model uses tools",
    "<!-- Written by `pnpm study:tool-use report`; do not edit. -->",
    `What does a model of 135 million weights make of the ${extent.kits.length} kits of \`@cambium/toolbox\`, and what when it has learnt from what scripted experts did? ${far}`,
    "```sh\npnpm study:tool-use plan              # runs, tests and claims\npnpm study:tool-use run --minutes 5   # resumes where it was stopped or killed\npnpm study:tool-use report            # writes this page\n```",
    "## What is done",
    ...aboutText(extent),
    "## Claims",
    "Stated before any run. Intervals are 95 % t intervals over the seeds; a claim holds when all of its interval meets the criterion.",
    tableOf(["claim", "criterion", "measured", "verdict"], claims),
    ...extra,
    "The survey's own table of scores could not be had, so no number is compared with it.",
  ].join("\n\n");
  return { markdown: `${markdown}\n`, figures: new Map(done.length === 0 ? [] : figures) };
}
