/**
 * Recycling with training: the new model starts from the old delta, learns from the old tuned model, or both. `runRecycling` sets up a
 * student and its teacher's answers, reports where the two stand before the first step, and hands the rest to `train`.
 */
import { ConfigError, checkOptions } from "@cambium/base";
import { createEvaluator, type Evaluator } from "@cambium/connectivity";
import { disposeParameters, type Objective, type Random } from "@cambium/core";
import { attach, type Delta, method as makeMethod, named, type Tuned } from "@cambium/delta";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import {
  type Batches,
  type EndEvent,
  type EvaluationOptions,
  type TrainEvent,
  type TrainOptions,
  train,
} from "@cambium/train";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { baselineOf, metricsOf, type Score, scoreAt, scoreOf } from "../reports/score.ts";
import { teachingProblems } from "../transfer/compatibility.ts";
import { inOrderOf } from "../transfer/labels.ts";
import { type RecycleOptions, recycle } from "../transfer/recycle.ts";
import { distilled } from "./objective.ts";
import { type Distillation, type DistillationOptions, parseDistillation } from "./options.ts";
import { checkAsked, type PathOptions, pathRegulariser } from "./path.ts";
import { stateRowOf } from "./states.ts";
import { describeTeacher, type TaughtBatch, teach } from "./teacher.ts";
import { loweredAlpha } from "./weak-teacher.ts";

/** When a run is evaluated, and on what. */
export interface RecyclingEvaluation extends Pick<EvaluationOptions, "every" | "patience"> {
  /** Rows that no model learned from. */
  readonly data: Batches<TokenBatch>;
  /** What is compared. @default "accuracy" where the head has it, else "loss" */
  readonly metric?: "accuracy" | "loss";
  /** Whether the end carries the parameters of the best evaluation. @default true */
  readonly best?: boolean;
}

/** Settings of `runRecycling`: those of `train`, and what is recycled and how. */
export interface RunRecyclingOptions
  extends Pick<
      TrainOptions,
      | "optimiser"
      | "steps"
      | "epochs"
      | "accumulate"
      | "clipNorm"
      | "random"
      | "checkpoint"
      | "signal"
      | "keepOptimiser"
    >,
    Pick<RecycleOptions, "scale" | "classifier" | "lora" | "prompts" | "align" | "tokenizers"> {
  /** `"initialise"`: training starts from the old delta. `"distil"`: it starts afresh, and the old tuned model teaches. `"both"`. */
  readonly method: "initialise" | "distil" | "both";
  /** How the teacher teaches. */
  readonly distillation?: DistillationOptions;
  /** Asks for the teacher's answers along the line to it as well. @default of the student alone */
  readonly path?: PathOptions;
  /** What is trained, in place of deltas of the old one's methods and settings. Not for `"initialise"` and `"both"`. Not disposed of. */
  readonly student?: Tuned<LanguageModel>;
  /** Evaluations. A teacher worse than the student's start is noticed by them. @default none */
  readonly evaluate?: RecyclingEvaluation;
  /** Called when all answers of the teacher are known, before the first step: the old model is not used from here on. */
  readonly onTaught?: () => void;
}

/** What the old tuned model scores, and a constant answer. */
export interface TeacherEvent {
  readonly type: "teacher";
  readonly score: Score;
  /** Of heads on sequences. */
  readonly baseline?: Score;
}

/** What the student scores before the first step. */
export interface ZeroShotEvent {
  readonly type: "zero-shot";
  readonly score: Score;
}

/** The teacher is worse than the student's start, so that it counts less. */
export interface WeakTeacherEvent {
  readonly type: "weak-teacher";
  readonly alpha: number;
  /** What it was asked to count. */
  readonly asked: number;
  readonly message: string;
}

/** The teacher has answered every row. */
export interface TaughtEvent {
  readonly type: "taught";
  /** Rows that differ. */
  readonly rows: number;
  readonly durationMs: number;
}

/** The end of a run. */
export interface RecyclingEnd extends EndEvent {
  /** The student at the parameters of this event, which the receiver owns. */
  readonly tuned: Tuned<LanguageModel>;
  /** What the teacher counted, where there was one. */
  readonly alpha?: number;
}

/** What happens in a run of `runRecycling`. */
export type RecyclingEvent =
  | TeacherEvent
  | ZeroShotEvent
  | WeakTeacherEvent
  | TaughtEvent
  | Exclude<TrainEvent, EndEvent>
  | RecyclingEnd;

const OF_TRAIN = [
  "optimiser",
  "steps",
  "epochs",
  "accumulate",
  "clipNorm",
  "random",
  "checkpoint",
  "signal",
  "keepOptimiser",
] as const;
const OF_RECYCLE = ["scale", "classifier", "lora", "prompts", "align", "tokenizers"] as const;
const OWN = ["method", "distillation", "path", "student", "evaluate", "onTaught"] as const;

/**
 * Tunes a new model with what an old tuned one knows. Events: `teacher` and `zero-shot` (with `evaluate`), `weak-teacher` where the
 * teacher counts less therefore, `taught`, then those of `train`; the last is `end`, with the student.
 *
 * The teacher is asked about each row once, before the first step; with `onTaught` the old model can be let go of then. With `alpha: 1`
 * rows need no labels, so that who owns the old model hands on its answers and nothing else. With `checkpoint` a run that was stopped or
 * killed resumes to the same bits, as one of `train` does.
 *
 * @param old - The teacher, and what the student starts from.
 * @param newBase - Not changed.
 * @param data - Batches for the new model; both models have one tokenizer.
 * @throws {ConfigError} When the models do not fit, lists all reasons; for settings that there are not, or that do not go together.
 * @see Qin et al. 2023, Recyclable Tuning for Continual Pre-training, arXiv:2305.08702.
 * @example
 * const run = runRecycling(old, newBase, data, { method: "both", optimiser: adamW({ learningRate: 1e-3 }), steps: 100 });
 * const { tuned } = await result(run, console.log);
 */
export async function* runRecycling(
  old: Tuned<LanguageModel>,
  newBase: LanguageModel,
  data: Batches<TokenBatch>,
  options: RunRecyclingOptions,
): AsyncGenerator<RecyclingEvent, void, undefined> {
  checkOptions("runRecycling", options, [...OWN, ...OF_TRAIN, ...OF_RECYCLE]);
  const { method, evaluate, onTaught } = options;
  checkMethod(options);
  const settings =
    method === "initialise"
      ? undefined
      : parseDistillation("runRecycling", options.distillation ?? {}, newBase.head, stateRowOf(newBase));
  if (onTaught !== undefined && (settings?.cache !== true || options.path !== undefined))
    throw new ConfigError({
      message: `runRecycling: onTaught is for when the teacher is not needed any more: with ${method === "initialise" ? "a teacher" : "kept answers and without path"}`,
    });
  if (evaluate !== undefined) checkOptions("runRecycling", evaluate, ["every", "patience", "data", "metric", "best"]);
  checkStates(old, newBase, settings);
  if (settings !== undefined) {
    const problems = teachingProblems(old, newBase, options.tokenizers);
    if (problems.length > 0)
      throw new ConfigError({
        message: `runRecycling: the old model cannot teach the new one: ${problems.join("; ")}`,
        problems,
      });
  }
  if (options.student !== undefined && options.student.base !== newBase)
    throw new ConfigError({
      message: "runRecycling: the student is on another model than newBase; attach its deltas to newBase",
    });
  const teacher = inOrderOf(old, newBase.head);
  if (options.path !== undefined && teacher !== old)
    throw new ConfigError({
      message:
        "runRecycling: the labels are in another order, so that there is no line between the heads; load both models with one order, or leave path out",
    });
  const owned = options.student === undefined ? await startStudent(old, newBase, options) : undefined;
  const student = options.student ?? owned!;
  let evaluator: Evaluator | undefined;
  let path: { dispose(): void } | undefined;
  try {
    let alpha = settings?.alpha;
    if (evaluate !== undefined) {
      evaluator = await createEvaluator(student as unknown as Objective<TokenBatch>, evaluate.data);
      const score = await scoreAt(evaluator, student.parameters);
      if (settings !== undefined) {
        const known = await scoreOf(teacher as unknown as Objective<TokenBatch>, evaluate.data);
        const baseline = await baselineOf(newBase, evaluate.data);
        yield { type: "teacher", score: known, ...(baseline !== undefined && { baseline }) };
        yield { type: "zero-shot", score };
        alpha = loweredAlpha(settings.alpha, known, score, baseline);
        if (alpha < settings.alpha) {
          const isLabelled = await hasLabels(data);
          yield weakTeacher(alpha, settings.alpha, isLabelled);
          if (!isLabelled) alpha = settings.alpha;
        }
      } else yield { type: "zero-shot", score };
    }
    const training = trainingOf(options, evaluator, newBase);
    if (settings === undefined) {
      yield* ends(train(student as unknown as Objective<TokenBatch>, data, training), student, undefined);
      return;
    }
    const used: Distillation = { ...settings, alpha: alpha! };
    const startedAt = performance.now();
    const taught = await teach(data, teacher, {
      states: used.hidden > 0 ? used.row : undefined,
      cache: used.cache,
      signal: options.signal,
    });
    let objective: Objective<TaughtBatch>;
    if (options.path === undefined) objective = distilled(student, used, await describeTeacher(teacher));
    else {
      const { cache: _, ...distillation } = used;
      const isAsked = options.path.term !== "labels";
      const regularised = pathRegulariser(student, old, { ...options.path, ...(isAsked && { distillation }) });
      path = regularised;
      objective = regularised;
    }
    if (used.cache) {
      yield { type: "taught", rows: taught.rows, durationMs: performance.now() - startedAt };
      if (onTaught !== undefined) {
        taught.release();
        onTaught();
      }
    }
    yield* ends(train(objective, taught.data, training), student, used.alpha);
  } finally {
    path?.dispose();
    evaluator?.dispose();
    if (owned !== undefined) disposeParameters(owned.parameters);
  }
}

function checkMethod({ method, distillation, path, student, ...rest }: RunRecyclingOptions): void {
  const fail = (message: string): ConfigError => new ConfigError({ message: `runRecycling: ${message}` });
  if (method !== "initialise" && method !== "distil" && method !== "both")
    throw fail(`method must be "initialise", "distil" or "both", got ${JSON.stringify(method)}`);
  if (method === "initialise" && (distillation !== undefined || path !== undefined))
    throw fail(
      `"initialise" has no teacher, so no ${path === undefined ? "distillation" : "path"}; is method "both" meant?`,
    );
  if (path !== undefined) checkAsked("runRecycling", { ...path, ...(distillation !== undefined && { distillation }) });
  if (method !== "distil" && student !== undefined)
    throw fail(`"${method}" starts from the old delta, so it takes no student; is method "distil" meant?`);
  const given = OF_RECYCLE.filter((key) => key !== "tokenizers" && rest[key] !== undefined);
  if (method === "distil" && given.length > 0)
    throw fail(`"distil" starts afresh, so ${given.join(", ")} would do nothing; is method "both" meant?`);
}

/** Hidden states are compared one by one. */
function checkStates(old: Tuned<LanguageModel>, newBase: LanguageModel, settings: Distillation | undefined): void {
  if (settings === undefined || settings.hidden === 0) return;
  const formOf = (model: Pick<LanguageModel, "sites">): string =>
    model
      .sites()
      .filter(({ kind, stack }) => kind === "block" && stack !== "decoder")
      .map(({ width }) => width)
      .join(", ");
  if (formOf(old) === formOf(newBase)) return;
  throw new ConfigError({
    message: `runRecycling: hidden states are compared block by block, and blocks of the models are ${formOf(old)} and ${formOf(newBase)} wide; leave hidden out`,
  });
}

/** The student at its start. The caller owns its parameters. */
async function startStudent(
  old: Tuned<LanguageModel>,
  newBase: LanguageModel,
  options: RunRecyclingOptions,
): Promise<Tuned<LanguageModel>> {
  const { method, random } = options;
  const given = Object.fromEntries(
    OF_RECYCLE.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])),
  );
  if (method !== "distil") return recycle(old, newBase, { method: "initialise", ...given });
  return attach(newBase, ...old.deltas.map((delta) => afresh(delta, newBase, random)));
}

/** A delta of the same method and settings, at its start. */
function afresh(delta: Delta, newBase: LanguageModel, random: Random | undefined): Delta {
  const { method, config, name } = delta;
  try {
    const made = makeMethod(method)(newBase, config as never, random?.at("student").at(name) as Random);
    const parameters = new Map([...made.parameters].map(([key, value]) => [key, value.clone()]));
    disposeParameters(made.parameters);
    return named(name, { ...made, parameters });
  } catch (cause) {
    const { code, message } = cause as { readonly code?: string; readonly message: string };
    if (code !== "CONFIG") throw cause;
    throw new ConfigError({
      message: `runRecycling: no new "${name}" (${delta.kind}) for the new model: ${message}; give random, or a student`,
      cause,
    });
  }
}

async function hasLabels(data: Batches<TokenBatch>): Promise<boolean> {
  for await (const { batch } of data.epoch(0)) {
    const { labels } = batch;
    dispose(batch as unknown as Tensor[]);
    return labels !== undefined;
  }
  return false;
}

function weakTeacher(alpha: number, asked: number, isLabelled: boolean): WeakTeacherEvent {
  const why = "the old tuned model scores less than the student does before its first step";
  const what = isLabelled
    ? `the teacher counts ${alpha.toPrecision(2)} and not ${asked}`
    : "the rows have no labels to learn from in its place, so that it counts all the same";
  return { type: "weak-teacher", alpha: isLabelled ? alpha : asked, asked, message: `${why}: ${what}` };
}

function trainingOf(
  options: RunRecyclingOptions,
  evaluator: Evaluator | undefined,
  { head }: Pick<LanguageModel, "head">,
): TrainOptions {
  const { evaluate } = options;
  const given = Object.fromEntries(
    OF_TRAIN.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])),
  );
  if (evaluate === undefined || evaluator === undefined) return given as unknown as TrainOptions;
  const { every, patience, best = true } = evaluate;
  const metric = evaluate.metric ?? (head?.kind === "sequence-classification" ? "accuracy" : "loss");
  return {
    ...(given as unknown as TrainOptions),
    evaluate: {
      every,
      run: async (parameters) => metricsOf(await scoreAt(evaluator, parameters)),
      ...(best && { best: { metric, direction: metric === "loss" ? "lowest" : "highest" } }),
      ...(patience !== undefined && { patience }),
    },
  };
}

/** The events of a run, with the student at its end. */
async function* ends(
  run: AsyncIterable<TrainEvent>,
  student: Tuned<LanguageModel>,
  alpha: number | undefined,
): AsyncGenerator<RecyclingEvent, void, undefined> {
  for await (const event of run) {
    if (event.type !== "end") {
      yield event;
      continue;
    }
    const { parameters, state } = event;
    const tuned = student.with(parameters, state === undefined ? {} : { state });
    yield { ...event, tuned, ...(alpha !== undefined && { alpha }) };
  }
}
