/** Many deltas at once: each gets as much training as its development rows say that it needs, out of one budget. */
import { ConfigError, checkOptions } from "@cambium/base";
import { disposeParameters, type Objective, type Random } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import type { Batches, Optimiser } from "@cambium/train";
import type { DistillationOptions } from "../distillation/options.ts";
import { runRecycling } from "../distillation/run.ts";
import { type Score, scoreOf } from "../reports/score.ts";
import { inOrderOf } from "../transfer/labels.ts";
import { recycle } from "../transfer/recycle.ts";

/** A delta to be recycled, with rows. */
export interface RecyclingTask {
  readonly name: string;
  /** The delta on its own model. Not disposed of. */
  readonly old: Tuned<LanguageModel>;
  /** The new model under this task's head. Not disposed of. */
  readonly newBase: LanguageModel;
  /** A few rows to learn from; without labels where `distillation.alpha` is 1. */
  readonly data: Batches<TokenBatch>;
  /** Labelled rows to judge by, which nothing learns from. */
  readonly dev: Batches<TokenBatch>;
}

/** Settings of `recycleAll`. */
export interface RecycleAllOptions {
  /** Steps of training for all tasks together, from 0. */
  readonly budget: number;
  readonly optimiser: Optimiser;
  /** By how much less than on its own model a delta may score: accuracy, or share of the loss where there is none. @default 0.01 */
  readonly tolerance?: number;
  /** Of the training with a teacher. @default as in `runRecycling` */
  readonly distillation?: DistillationOptions;
  readonly random?: Random;
  /** Ends the run after the step under way; tasks that are left come as they are. */
  readonly signal?: AbortSignal;
}

/** What was done for a task. */
export interface RecycledTask {
  readonly type: "task";
  readonly name: string;
  /** `"direct"`: nothing but applied; `"steps"`: trained from there; `"distil"`: taught by the old model as well. */
  readonly choice: "direct" | "steps" | "distil";
  /** On its own model, applied without training, and at last, on the development rows. */
  readonly scores: { readonly old: Score; readonly direct: Score; readonly final: Score };
  readonly steps: number;
  /** Whether the last score is within the tolerance. */
  readonly met: boolean;
  /** The new model with the delta. The receiver owns its parameters. */
  readonly tuned: Tuned<LanguageModel>;
}

/** What happens in a run over many tasks. */
export type RecycleAllEvent =
  | { readonly type: "progress"; readonly name: string; readonly step: number; readonly steps: number }
  | RecycledTask
  | {
      readonly type: "end";
      /** Steps that were taken. */
      readonly spent: number;
      /** Names of tasks within the tolerance. */
      readonly met: readonly string[];
      readonly missed: readonly string[];
      readonly reason: "finished" | "stopped";
    };

const isEnough = (score: Score, goal: Score, tolerance: number): boolean =>
  score.accuracy !== undefined && goal.accuracy !== undefined
    ? score.accuracy >= goal.accuracy - tolerance
    : score.loss <= goal.loss * (1 + tolerance);

const isBetter = (a: Score, b: Score): boolean =>
  a.accuracy !== undefined && b.accuracy !== undefined && a.accuracy !== b.accuracy
    ? a.accuracy > b.accuracy
    : a.loss < b.loss;

/**
 * Carries deltas to their new models by the cheapest way that keeps their score: applied as they are where that is enough; else a quarter
 * of the task's share of the budget by training alone; else the rest of it with the old model as the teacher. What a task leaves over goes
 * to those after it. The best of all that was tried is kept.
 *
 * @throws {ConfigError} When there are no tasks, a name comes twice, or a setting cannot be meant; as `recycle` does, with the task's name.
 */
export async function* recycleAll(
  tasks: readonly RecyclingTask[],
  options: RecycleAllOptions,
): AsyncGenerator<RecycleAllEvent, void, undefined> {
  checkOptions("recycleAll", options, ["budget", "optimiser", "tolerance", "distillation", "random", "signal"]);
  const { budget, tolerance = 0.01, signal } = options;
  const fail = (message: string): ConfigError => new ConfigError({ message: `recycleAll: ${message}` });
  if (!Number.isInteger(budget) || budget < 0) throw fail(`budget must be a number of steps from 0, got ${budget}`);
  if (!(tolerance >= 0 && Number.isFinite(tolerance))) throw fail(`tolerance must be from 0, got ${tolerance}`);
  if (tasks.length === 0) throw fail("there are no tasks");
  const names = tasks.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw fail(`there are two tasks "${twice}"`);
  let left = budget;
  const [met, missed]: [string[], string[]] = [[], []];
  for (const [i, task] of tasks.entries()) {
    if (signal?.aborted === true && i > 0) break;
    const share = Math.floor(left / (tasks.length - i));
    let done: RecycledTask | undefined;
    for await (const event of recycleTask(task, share, tolerance, options)) {
      if (event.type === "task") done = event;
      yield event;
    }
    left -= done!.steps;
    (done!.met ? met : missed).push(task.name);
  }
  const reason = signal?.aborted === true ? "stopped" : "finished";
  yield {
    type: "end",
    spent: budget - left,
    met,
    missed: [...missed, ...names.slice(met.length + missed.length)],
    reason,
  };
}

async function* recycleTask(
  { name, old, newBase, data, dev }: RecyclingTask,
  share: number,
  tolerance: number,
  options: RecycleAllOptions,
): AsyncGenerator<Exclude<RecycleAllEvent, { readonly type: "end" }>, void, undefined> {
  const { optimiser, distillation, random, signal } = options;
  const goal = await scoreOf(inOrderOf(old, newBase.head) as unknown as Objective<TokenBatch>, dev);
  let best = await recycle(old, newBase, { method: "initialise" });
  const direct = await scoreOf(best as unknown as Objective<TokenBatch>, dev);
  let [final, spent, choice]: [Score, number, RecycledTask["choice"]] = [direct, 0, "direct"];
  const few = Math.ceil(share / 4);
  const plans = [
    { kind: "steps", method: "initialise", steps: few },
    { kind: "distil", method: "both", steps: share - few },
  ] as const;
  try {
    for (const { kind, method, steps } of plans) {
      if (steps < 1 || isEnough(final, goal, tolerance) || signal?.aborted === true) continue;
      const run = runRecycling(old, newBase, data, {
        method,
        optimiser,
        steps,
        ...(method === "both" && distillation !== undefined && { distillation }),
        ...(random !== undefined && { random: random.at(name).at(kind) }),
        ...(signal !== undefined && { signal }),
        evaluate: { every: Math.max(1, Math.ceil(steps / 5)), data: dev },
      });
      for await (const event of run) {
        if (event.type === "step") {
          spent += 1;
          yield { type: "progress", name, step: spent, steps: share };
        }
        if (event.type !== "end") continue;
        const score = await scoreOf(event.tuned as unknown as Objective<TokenBatch>, dev);
        const [kept, dropped] = isBetter(score, final) ? [event.tuned, best] : [best, event.tuned];
        if (kept === event.tuned) [final, choice] = [score, kind];
        best = kept;
        disposeParameters(dropped.parameters);
      }
    }
  } catch (error) {
    disposeParameters(best.parameters);
    throw error;
  }
  const scores = { old: goal, direct, final };
  yield { type: "task", name, choice, scores, steps: spent, met: isEnough(final, goal, tolerance), tuned: best };
}
