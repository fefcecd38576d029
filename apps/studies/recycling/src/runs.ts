/** The runs of all parts, as worker processes find them. */
import { disposeParameters } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import type { RunContext, StepCost } from "@cambium/experiments";
import type { LanguageModel } from "@cambium/models";
import { fitProjection, recycle } from "@cambium/recycling";
import { adamW, linear, train } from "@cambium/train";
import { free, oldOf, openBench, openScorer, rateOf, tune } from "./bench.ts";
import { medianStep, processorMs } from "./continuation.ts";
import { direct, dropBetween, inside, robust } from "./pilots.ts";
import { type Cell, FEW_LOOKS, LOOKS } from "./plan.ts";
import { fromOther, onFew, otherTask, scaled, shareOfSteps, tuneRecycled } from "./students.ts";

export { makeVersions, versionsStep } from "./continuation.ts";

/** Tasks of a part, of which each run has one; in the cell as one text, since the others come in. */
const tasksOf = ({ tasks }: { readonly tasks: string }): readonly string[] => tasks.split(" ");

/** A cell that knows the other tasks. */
export interface TaskCell extends Cell {
  /** Names with spaces between them. */
  readonly tasks: string;
}

const withoutTasks = ({ tasks: _, ...cell }: TaskCell): Cell => cell;

/** What the decoder is asked: without a second end at the control, heads, learning curves and other tasks. */
export async function few(cell: Cell, context: RunContext): Promise<Record<string, number>> {
  const bench = await openBench(cell, context);
  const old = await oldOf(bench);
  context.progress(0.2);
  const applied = await direct(bench, old);
  context.progress(0.4);
  const fresh = await bench.start(bench.versions.second);
  const { parameters } = await tune(bench, "scratch", fresh);
  const drop = await dropBetween(bench, old, fresh.with(parameters));
  disposeParameters(parameters);
  context.progress(0.6);
  const trained = await onFew(bench, old, fresh);
  free(fresh);
  free(old);
  return { ...applied, drop, ...trained };
}

/** A task on the versions of an encoder: the pilots, and all ways of recycling. */
export async function task(cell: TaskCell, context: RunContext): Promise<Record<string, number>> {
  const bench = await openBench(withoutTasks(cell), context);
  const old = await oldOf(bench);
  context.progress(0.1);
  const applied = await direct(bench, old);
  context.progress(0.2);
  const fresh = await bench.start(bench.versions.second);
  const scratch = await tune(bench, "scratch", fresh);
  context.progress(0.3);
  const current = fresh.with(scratch.parameters);
  const drop = await dropBetween(bench, old, current);
  const atControl = await bench.start("control");
  const { parameters: controlled } = await tune(bench, "control", atControl);
  context.progress(0.4);
  const control = atControl.with(controlled);
  const dropToControl = await dropBetween(bench, old, control);
  const alike = await inside(bench, old, current, control);
  disposeParameters(controlled);
  free(atControl);
  context.progress(0.5);
  const recycled = await tuneRecycled(bench, old, fresh.base);
  context.progress(0.6);
  const trained = await onFew(bench, old, fresh);
  context.progress(0.9);
  const otherStart = await fromOther(bench, old, fresh, otherTask(cell, tasksOf(cell)));
  const robustScore = await robust(bench);
  const result = {
    ...applied,
    robust: robustScore,
    robustGain: robustScore - applied.direct,
    drop,
    dropToControl,
    ...alike,
    ...trained,
    scaled: await scaled(bench, old, fresh),
    stepsShare: shareOfSteps(scratch, recycled),
    otherStart,
    otherGain: otherStart - trained.scratch,
  };
  for (const tree of [scratch.parameters, recycled.parameters]) disposeParameters(tree);
  free(fresh);
  free(old);
  return result;
}

const KINDS = ["mean-shift", "scale-shift", "ridge"] as const;

/** Maps between versions, fitted on all other tasks and applied to this one: gains over its delta as it is, in points of percent. */
export async function projection(cell: TaskCell, context: RunContext): Promise<Record<string, number>> {
  const others = [];
  const names = tasksOf(cell).filter((name) => name !== cell.task);
  for (const [i, name] of names.entries()) {
    const bench = await openBench({ ...withoutTasks(cell), task: name }, context);
    const old = await oldOf(bench);
    const fresh = await bench.start(bench.versions.second);
    const { parameters } = await tuneRecycled(bench, old, fresh.base);
    disposeParameters(fresh.parameters);
    others.push({ old, current: fresh.with(parameters) });
    context.progress((0.8 * (i + 1)) / names.length);
  }
  const bench = await openBench(withoutTasks(cell), context);
  const old = await oldOf(bench);
  const fresh = await bench.start(bench.versions.second);
  const scorer = await openScorer(fresh, bench.data.test);
  const score = async (moved: Tuned<LanguageModel> | Promise<Tuned<LanguageModel>>): Promise<number> => {
    const { parameters } = await moved;
    const found = await scorer.score(parameters);
    disposeParameters(parameters);
    return found;
  };
  const identity = await score(recycle(old, fresh.base, { method: "initialise" }));
  const gains: number[] = [];
  for (const kind of KINDS) {
    const map = await fitProjection(others, { kind });
    gains.push((await score(recycle(old, fresh.base, { method: "project", projection: map }))) - identity);
    map.dispose();
  }
  scorer.dispose();
  for (const tuned of [...others.flatMap((pair) => [pair.old, pair.current]), old, fresh]) free(tuned);
  const [meanShift, scaleShift, ridge] = gains as [number, number, number];
  return { identity, meanShift, scaleShift, ridge };
}

/** Steps that are looked at for the plan, of which the first also compile: one for each length. */
const PLANNED = 9;

/** What a step of tuning costs, what a look at the test rows costs, and what comes before both. In ms. */
async function costs(cell: Cell, context: RunContext) {
  const startedAt = processorMs();
  const bench = await openBench(cell, context);
  const start = await bench.start(0); // versions cost what the first one costs, and may not be there yet
  const opened = processorMs();
  const marks: number[] = [];
  for await (const event of train(start as never, bench.data.many, {
    optimiser: adamW({ learningRate: linear(rateOf(cell), { warmUp: 1, steps: PLANNED }) }),
    steps: PLANNED,
    clipNorm: 1,
    random: bench.key.at("dropout"),
    signal: context.signal,
  })) {
    if (event.type === "step") marks.push(processorMs());
    if (event.type === "end") disposeParameters(event.parameters);
  }
  const trained = processorMs();
  const scorer = await openScorer(start, bench.data.test);
  await scorer.score(start.parameters);
  const first = processorMs();
  await scorer.score(start.parameters);
  const lookMs = processorMs() - first;
  scorer.dispose();
  const stepMs = medianStep(marks);
  free(start);
  return {
    stepMs,
    lookMs,
    openMs: opened - startedAt,
    compileMs: Math.max(0, trained - opened - PLANNED * stepMs) + Math.max(0, first - trained - lookMs),
    versions: bench.versions.steps.length,
  };
}

/** Rows of the curve and of the choice are about half of those of the test. */
const HALF = 0.5;

/** The plan of `task`. */
export async function taskStep(cell: TaskCell, context: RunContext): Promise<StepCost> {
  const { stepMs, lookMs, openMs, compileMs, versions } = await costs(withoutTasks(cell), context);
  const looks = 2 * cell.points + versions + 5 + 5 * HALF * LOOKS + HALF * 5 * FEW_LOOKS + HALF * 7;
  const compiled = 13 + versions / 2; // programs that are traced: trainings, evaluators, and versions, of which an evaluation is half of one
  return {
    stepMs,
    steps: 5 * cell.steps + 5 * cell.fewSteps,
    setupMs: 2 * openMs + compiled * compileMs + looks * lookMs,
  };
}

/** The plan of `few`. */
export async function fewStep(cell: Cell, context: RunContext): Promise<StepCost> {
  const { stepMs, lookMs, openMs, compileMs, versions } = await costs(cell, context);
  const looks = cell.points + versions + 4 + 2 * HALF * LOOKS + HALF * 4 * FEW_LOOKS;
  return {
    stepMs,
    steps: 2 * cell.steps + 4 * cell.fewSteps,
    setupMs: (versions + 3) * openMs + (7 + versions / 2) * compileMs + looks * lookMs,
  };
}

/** The plan of `projection`, whose tunings are those of `task`, which comes before it. */
export async function projectionStep(cell: TaskCell, context: RunContext): Promise<StepCost> {
  const { lookMs, openMs, compileMs } = await costs(withoutTasks(cell), context);
  return { stepMs: lookMs, steps: 1 + KINDS.length, setupMs: tasksOf(cell).length * 2 * openMs + compileMs };
}
