import { finishedRuns, markdownTable, type PartState, type StudyProgram } from "@cambium/study-kit";
import type { Measured } from "./measure.ts";
import {
  ALPHA,
  BATCH_SIZE,
  type Cell,
  type Extent,
  FULL,
  isUnseen,
  LEARNING_RATE,
  MAX_LENGTH,
  OFFERED,
  RANK,
  SHOTS,
  SMOKE,
} from "./plan.ts";
import { toolUse } from "./study.ts";
import { testsOf } from "./tests.ts";

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
  return markdownTable(["kit", "no tool", "zero-shot", "few-shot", "tuned, kit seen", "tuned, kit unseen"], rows);
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
  return markdownTable(["way", "seeds", ...FIGURES.map(([head]) => head)], rows);
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

/** What tests and lessons gave, by setting and by kit. */
function resultText({ state }: PartState, extent: Extent): readonly string[] {
  const done = finishedRuns(state) as unknown as readonly Done[];
  const lessons = done
    .filter(({ cell }) => cell.state === "tuned")
    .map(
      ({ cell, result: { rows, tooLong, loss } }) =>
        `seed ${cell.seed} from ${rows} rows (${tooLong} were too long), to a loss of ${loss?.toFixed(3)} nats`,
    );
  return [
    "### By setting",
    "Means over the seeds, and per test. Misfits are calls with an unknown name or arguments that do not fit the tool.",
    wayTable(done),
    "How tests ended, over all seeds:",
    outcomeLines(done),
    "### By kit",
    "Solved tests, over all seeds.",
    kitTable(done, extent),
    ...(lessons.length === 0 ? [] : [`Learnt: ${lessons.join("; ")}.`]),
  ];
}

function aboutText({ each, worlds, perWorld, steps, seeds, turns }: Extent): readonly string[] {
  return [
    `SmolLM2-135M-Instruct, its weights as its Q4_1 file has them, works on each task by \`runAgent\` with \`react()\`, at most ${turns} turns, through \`local()\`: the likeliest token each time, every call made to fit a declared tool. A task is offered at most ${OFFERED} tools of its kit, those that fit its words best, as signatures. A test is a task of a card, ${each} of each kind, in a world of another seed than any that was learnt from and with an instruction that no lesson has; code says whether it is solved, by answer and state. The settings are those of the survey (Qin et al. 2024, arXiv:2304.08354): no tool, descriptions alone (zero-shot), and ${SHOTS} worked examples from other worlds (few-shot).`,
    `The tuned model has a LoRA of rank ${RANK} (alpha ${ALPHA}) on every linear layer, after ${steps} steps of ${BATCH_SIZE} conversations at a rate of ${LEARNING_RATE} that rises over a tenth of them and falls to 0. They are what the scripted experts of two thirds of the kits did in ${worlds} worlds, ${perWorld} of each kind and world; rows of more than ${MAX_LENGTH} tokens are left out. What the model says counts in the loss, and nothing else. Each of the ${seeds.length} seeds leaves out another third of the kits, so that each kit was unseen once. It is asked in the zero-shot setting. No setting was tuned.`,
  ];
}

/** The study as a command. A run may take long to come to a place where it can stop: it finishes the tasks under way. */
export const toolUseProgram: StudyProgram<Extent> = {
  name: "tool-use",
  about: "Tests what a small model makes of eighteen kits of tools, before and after it learnt from scripted experts.",
  notes:
    "The model is SmolLM2-135M-Instruct, from models/smollm2-135m-instruct.gguf or the path that CAMBIUM_SMOLLM2 names.",
  smokeAbout: "a tiny model of random weights and hardly any steps",
  example: "run --minutes 5",
  full: FULL,
  smoke: SMOKE,
  graceMs: 600_000,
  partsOf: (extent, folder) => [
    {
      name: "tool-use",
      title: "Claims",
      about: "Stated before any run. Intervals are 95 % t intervals over the seeds.",
      study: toolUse(extent),
      folder,
    },
  ],
  planNotes: (extent) =>
    Promise.all(extent.seeds.map(async (seed) => `seed ${seed}: ${(await testsOf(extent, seed)).size} tests`)),
  page: {
    title: "A small model uses tools",
    lead: ({ kits }) =>
      `What does a model of 135 million weights make of the ${kits.length} kits of \`@cambium/toolbox\`, and what when it has learnt from what scripted experts did?`,
    about: (extent) => ["## What is done", ...aboutText(extent)],
    partText: resultText,
    closing: ["The survey's own table of scores could not be had, so no number is compared with it."],
  },
};
