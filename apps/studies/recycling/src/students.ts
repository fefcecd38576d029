/** What training on the new version gains from the old tuning. */
import { setImmediate } from "node:timers/promises";
import { StateError } from "@cambium/base";
import { disposeParameters, type Parameters } from "@cambium/core";
import { attach, type Tuned } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { chooseScale, convergenceReport, type RunRecyclingOptions, recycle, runRecycling } from "@cambium/recycling";
import { adamW, linear } from "@cambium/train";
import { type Bench, free, oldOf, openBench, openScorer, rateOf, type Scorer, type Tuning, tune } from "./bench.ts";
import { type Cell, FEW_LOOKS } from "./plan.ts";

/** A way of tuning the new version on few rows. */
type Way = Pick<RunRecyclingOptions, "method" | "student" | "distillation">;

/** Tunes on few rows; gives the percent of the test rows that are right, at the end that the development rows choose. */
async function tuneOnFew(
  { cell, context, data, key }: Bench,
  old: Tuned<LanguageModel>,
  base: LanguageModel,
  scorer: Scorer,
  way: Way,
): Promise<number> {
  const { fewSteps: steps } = cell;
  const run = runRecycling(old, base, data.few, {
    ...way,
    optimiser: adamW({ learningRate: linear(rateOf(cell), { warmUp: Math.ceil(steps / 10), steps }) }),
    steps,
    clipNorm: 1,
    random: key.at("few"),
    signal: context.signal,
    evaluate: { every: Math.max(1, Math.floor(steps / FEW_LOOKS)), data: data.chosenBy },
  });
  for await (const event of run) {
    if (event.type === "step") await setImmediate(); // lets a stop in
    if (event.type !== "end") continue;
    if (event.reason === "stopped") throw context.signal.reason;
    const score = await scorer.score(event.parameters);
    disposeParameters(event.parameters);
    return score;
  }
  throw new StateError({ message: "internal: the run ended without an end event" });
}

/** Scores on the test rows after tuning on few rows, in percent, and differences in points of it. */
export interface Few extends Record<string, number> {
  readonly scratch: number;
  readonly init: number;
  readonly distil: number;
  readonly both: number;
  readonly initGain: number;
  readonly distilGain: number;
  /** The combination less the better of its parts. */
  readonly bothGain: number;
}

/** The new version tuned on few rows: afresh, from the old delta, by the old model's answers, by both. */
export async function onFew(bench: Bench, old: Tuned<LanguageModel>, fresh: Tuned<LanguageModel>): Promise<Few> {
  const scorer = await openScorer(fresh, bench.data.test);
  const by = (way: Way): Promise<number> => tuneOnFew(bench, old, fresh.base, scorer, way);
  try {
    const scratch = await by({ method: "distil", student: fresh, distillation: { alpha: 0 } });
    const init = await by({ method: "initialise" });
    const distil = await by({ method: "distil", student: fresh });
    const both = await by({ method: "both" });
    return {
      ...{ scratch, init, distil, both },
      initGain: init - scratch,
      distilGain: distil - scratch,
      bothGain: both - Math.max(init, distil),
    };
  } finally {
    scorer.dispose();
  }
}

/** What no step of training gives: the share of the old change that few rows choose, in percent of the test rows. */
export async function scaled({ data }: Bench, old: Tuned<LanguageModel>, fresh: Tuned<LanguageModel>): Promise<number> {
  const { scale } = await chooseScale(old, fresh.base, data.chosenBy);
  const moved = await recycle(old, fresh.base, { method: "initialise", scale });
  const scorer = await openScorer(fresh, data.test);
  try {
    return await scorer.score(moved.parameters);
  } finally {
    scorer.dispose();
    disposeParameters(moved.parameters);
  }
}

/** A new version tuned on many rows from the old delta. The caller owns the parameters. */
export async function tuneRecycled(bench: Bench, old: Tuned<LanguageModel>, base: LanguageModel): Promise<Tuning> {
  const moved = await recycle(old, base, { method: "initialise" });
  try {
    return await tune(bench, "recycled", moved);
  } finally {
    disposeParameters(moved.parameters);
  }
}

/**
 * Steps from the old delta to 95 % of the best that training afresh reaches, as a share of its steps to there. A run that never comes there
 * counts as one that does right after its end.
 */
export function shareOfSteps(scratch: Tuning, recycled: Tuning): number {
  const curves = Object.entries({ scratch, recycled }).map(([name, { curve }]) => ({ name, points: curve }));
  const [own, other] = convergenceReport(curves, "scratch");
  const last = scratch.curve.at(-1)!.step;
  const interval = last - scratch.curve.at(-2)!.step;
  const needed = Math.max(own!.stepsTo["95"]!, interval); // before the first look nothing is known
  return (other!.stepsTo["95"] ?? last + interval) / needed;
}

/** A delta of another task as the start: the body of the change, with a new head. The caller owns it. */
async function bodyOfOther(bench: Bench, task: string, fresh: Tuned<LanguageModel>): Promise<Parameters> {
  const other = await openBench({ ...bench.cell, task }, bench.context);
  const old = await oldOf(other);
  const base = await other.versions.open(bench.versions.second, other.head, other.key.at("head"));
  const moved = await recycle(old, base, { method: "initialise" });
  const isBody = (name: string): boolean => fresh.base.isBody(name.slice(name.indexOf("/") + 1));
  const tree = new Map(
    [...fresh.parameters].map(([name, value]) => {
      const theirs = name.startsWith("head/") || !isBody(name) ? undefined : moved.parameters.get(name);
      return [name, (theirs ?? value).clone()] as const;
    }),
  );
  free(moved);
  free(old);
  return tree;
}

/** The new version tuned on few rows from the delta of another task, in percent of the test rows. */
export async function fromOther(
  bench: Bench,
  old: Tuned<LanguageModel>,
  fresh: Tuned<LanguageModel>,
  task: string,
): Promise<number> {
  const tree = await bodyOfOther(bench, task, fresh);
  const scorer = await openScorer(fresh, bench.data.test);
  try {
    const student = attach(fresh.base, ...fresh.deltas).with(tree) as Tuned<LanguageModel>;
    return await tuneOnFew(bench, old, fresh.base, scorer, { method: "distil", student, distillation: { alpha: 0 } });
  } finally {
    scorer.dispose();
    disposeParameters(tree);
  }
}

/** The task whose delta is another's: the next one, which has other texts and other classes. */
export function otherTask({ task }: Pick<Cell, "task">, tasks: readonly string[]): string {
  return tasks[(tasks.indexOf(task) + 1) % tasks.length]!;
}
