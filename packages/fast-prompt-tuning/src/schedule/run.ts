/**
 * Prompt tuning in stages: each stage is a run of `train` on a part of the model, which begins where the one before ended: with its parameters, its
 * optimiser's memory, its number of steps and its place in the data.
 *
 * What is beside `train` here: counting what is spent, deciding when to grow, and a log by which a run that was killed in the middle of a stage finds it.
 */
import { ConfigError, canonicalJson, checkOptions, type Files, openFiles } from "@cambium/base";
import { disposeParameters, type Objective, type Parameters } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import {
  type Batches,
  type CheckpointOptions,
  type EndEvent,
  type Optimiser,
  type Position,
  type TrainEvent,
  type TrainOptions,
  train,
} from "@cambium/train";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { flops as countFlops, type FlopsOptions } from "../cost/flops.ts";
import { shortened } from "../extensions/shortened.ts";
import { checkScores } from "../partial/neuron-scores.ts";
import { checkPart, type HasParts, type PartialModel, type PartialOptions, partial } from "../partial/partial-model.ts";
import { checkEvaluation, evaluationOf, growthOf, type StageEvaluation, wantsToGrow } from "./evaluate-stage.ts";
import type { GrowthRule } from "./growth-rule.ts";
import { inFolder, type RunLog, readLog, type Spent, writeLog } from "./run-log.ts";
import type { CoordinateObjective, StageModel } from "./stage-model.ts";
import { isWhole, type PlannedStage, type Stages, stagesOf } from "./stages.ts";

/** What happens when a model grows. */
export interface Growth<M extends LanguageModel = LanguageModel> {
  readonly stage: PlannedStage;
  /** Steps taken before it. */
  readonly step: number;
  /** The model of the stage. */
  readonly tuned: StageModel<M>;
}

/** Settings of `runFastPromptTuning`: those of `train` and those of stages. */
export interface FastPromptTuningOptions<M extends LanguageModel = LanguageModel>
  extends Omit<TrainOptions, "epochs" | "steps" | "start" | "evaluate" | "keepOptimiser" | "checkpoint">,
    Pick<PartialOptions, "strategy" | "layerScores" | "random" | "decoder" | "neurons" | "multiple"> {
  /** How the model grows. @default "paper" */
  readonly stages?: Stages;
  /** Steps of the whole run. */
  readonly steps: number;
  /** A folder for checkpoints, as for `train`: a run with the same settings resumes. @default none */
  readonly checkpoint?: string | Files | Omit<CheckpointOptions, "note">;
  /** Evaluations. `best` is chosen among those of the whole model; `patience` ends a stage of a part early, and the run in the last. */
  readonly evaluate?: StageEvaluation<M>;
  /** Ends a stage of a part when it returns true after an evaluation; the steps that are left go to the last stage. @default stages end as planned */
  readonly grow?: GrowthRule;
  /** Whether the rates of the optimiser count the steps of the run, or begin again with each stage. @default "run" */
  readonly rates?: "run" | "stage";
  /** Whether the optimiser's memory is kept when the model grows. @default true */
  readonly keepMemory?: boolean;
  /** Called with the model of each stage before its first step, and when a run resumes in it. */
  readonly onGrow?: (growth: Growth<M>) => void | Promise<void>;
  /**
   * Trains a stage by what this gives for it, in place of the parameters themselves: few coordinates first is a schedule too. The tuned model is that of the
   * stage, at the point where the stage begins; what was trained is decoded at its end. The optimiser's memory of such a stage is not kept.
   *
   * @default all stages train the parameters
   */
  readonly coordinates?: (tuned: StageModel<M>, stage: PlannedStage) => CoordinateObjective | undefined;
  /** Operations of a step on one batch, where deltas other than prompts and heads train. @default `flops` */
  readonly flops?: (tuned: StageModel<M>, batch: TokenBatch) => number;
}

/** What every event of a stage has. */
export interface OfStage {
  /** Number of the stage, from 1. */
  readonly stage: number;
  /** Operations up to here. */
  readonly flops: number;
  /** Wall clock up to here, the making of parts and graphs and the evaluations included. */
  readonly elapsedMs: number;
}

/** The model has another size from here. */
export interface GrowEvent extends OfStage {
  readonly type: "grow";
  readonly step: number;
  readonly from: number;
  readonly to: number;
  /** As the stage states it. */
  readonly depth: number;
  /** As the stage states it. */
  readonly width: number;
  /** Layers that it has, of all: shares are rounded. */
  readonly layers: readonly [kept: number, all: number];
  /** Feed-forward neurons that these layers have, of theirs in the whole model. */
  readonly neurons: readonly [kept: number, all: number];
  /** Time of making the part. */
  readonly durationMs: number;
}

/** The end of a run in stages. */
export type FastPromptTuningEnd = EndEvent &
  OfStage & {
    /** Operations of as many steps on the whole model, over the same batches; what was saved is `1 − flops / wholeFlops`. */
    readonly wholeFlops: number;
  };

/** What happens in a run in stages. */
export type FastPromptTuningEvent = (Exclude<TrainEvent, EndEvent> & OfStage) | GrowEvent | FastPromptTuningEnd;

const OWN = [
  "stages",
  "steps",
  "evaluate",
  "grow",
  "rates",
  "keepMemory",
  "onGrow",
  "coordinates",
  "flops",
  "strategy",
  "layerScores",
  "decoder",
  "neurons",
  "multiple",
] as const;
const OF_TRAIN = ["optimiser", "accumulate", "clipNorm", "random", "checkpoint", "signal"] as const;

/**
 * Trains a prompt on a model that grows: on a few layers and neurons first, on all of them at last.
 *
 * Events are those of `train`, with the stage and what was spent, and `grow` at each beginning of a stage; the last is `end`. Steps count on through the stages, and so do the
 * order of the data, the randomness of steps and, with `rates: "run"`, the schedule of rates. With `checkpoint`, a run that was stopped or killed in the
 * middle of a stage resumes there, to the same bits.
 *
 * @param tuned - On the whole model. Its deltas must sit outside of what is left out: prompts, heads.
 * @param data - As for `train`.
 * @throws {ConfigError} For settings that there are not, stages that do not fit the steps, and deltas that do not fit a part.
 * @see Huang et al. 2022, FPT: Improving Prompt Tuning Efficiency via Progressive Training, arXiv:2211.06840.
 * @example
 * const run = runFastPromptTuning(tuned, data, { stages: "paper", steps: 1500, optimiser: adafactor({ learningRate: 0.3 }) });
 * for await (const event of run) console.log(event);
 */
export async function* runFastPromptTuning<M extends LanguageModel>(
  tuned: Tuned<M>,
  data: Batches<TokenBatch>,
  options: FastPromptTuningOptions<M>,
): AsyncGenerator<FastPromptTuningEvent, void, undefined> {
  checkOptions("runFastPromptTuning", options, [...OWN, ...OF_TRAIN]);
  const { stages = "paper", steps, rates = "run", keepMemory = true, optimiser } = options;
  if (rates !== "run" && rates !== "stage")
    throw new ConfigError({
      message: `runFastPromptTuning: rates must be "run" or "stage", got ${JSON.stringify(rates)}`,
    });
  const planned = stagesOf(stages, steps);
  checkEvaluation(options.evaluate);
  checkIdle(planned, options as never);
  const isCut = planned.map((stage) => checkStage(tuned, stage, options));
  const canEndEarly = options.grow !== undefined || options.evaluate?.patience !== undefined;
  checkRates(optimiser, rates, steps, planned, canEndEarly);
  if (options.neurons !== undefined) await checkScores("runFastPromptTuning", tuned.base, options.neurons);
  const checkpoint = checkpointOf(options.checkpoint);
  const growth = growthOf(options, checkpoint !== undefined);
  const log = await readLog(checkpoint?.files, canonicalJson({ stages: planned as never, rates, keepMemory, growth }));
  const meter = createMeter(options.flops as FastPromptTuningOptions["flops"]);
  let before: EndEvent | undefined;
  const last = planned.at(-1)!;
  try {
    if (isCut.at(-1)!)
      yield warning(meter, 0, "the last stage is a part of the model: the prompt never sees the whole model");
    let from = 0;
    for (const [index, plannedStage] of planned.entries()) {
      const isLast = plannedStage === last;
      // What an early end leaves over goes to the last stage.
      const length = plannedStage.to - plannedStage.from;
      const stage = { ...plannedStage, from, to: isLast ? last.to : from + length };
      const known = log.ended[index];
      // Decided before the run was killed, and not yet done.
      const decided =
        index === log.ended.length && !isLast && wantsToGrow(options, log.history)
          ? log.history.at(-1)!.step
          : undefined;
      const startedAt = performance.now();
      const model: StageModel<M> = isWhole(stage) ? tuned : partial(tuned, partOptions(stage, options));
      try {
        meter.begin(stage.number, model as unknown as StageModel, tuned as unknown as StageModel);
        await options.onGrow?.({ stage, step: from, tuned: model });
        const durationMs = performance.now() - startedAt;
        if (known === undefined)
          yield {
            type: "grow",
            step: from,
            from: stage.from,
            to: stage.to,
            depth: stage.depth,
            width: stage.width,
            ...sizesOfPart(model as unknown as StageModel),
            durationMs,
            ...meter.now(),
          };
        const run = runStage({
          stage: { ...stage, to: known ?? decided ?? stage.to },
          model,
          isLast,
          isDone: known !== undefined,
          data,
          options,
          rates,
          optimiser,
          keepMemory,
          before,
          checkpoint,
          log,
          meter,
        });
        let end: EndEvent | undefined;
        for await (const event of run) {
          if (event.type === "end") end = event;
          else if (known === undefined && (event.type !== "warning" || index === 0))
            yield { ...event, ...meter.now() } as FastPromptTuningEvent;
        }
        release(before);
        before = end!;
      } finally {
        if (model !== tuned) (model.base as unknown as PartialModel).dispose();
      }
      const isStopped =
        before.reason === "stopped" && options.signal?.aborted === true && before.step < (decided ?? stage.to);
      if (isStopped || isLast) break;
      if (known === undefined) {
        log.ended.push(before.step);
        log.history = [];
        await writeLog(checkpoint?.files, log);
      }
      from = before.step;
    }
    const { optimiser: memory, position: _, ...end } = before!;
    if (memory !== undefined) disposeParameters(memory.tensors);
    before = undefined;
    yield { ...end, ...meter.now(), wholeFlops: meter.whole() } as FastPromptTuningEnd;
  } finally {
    release(before);
  }
}

function release(end: EndEvent | undefined): void {
  if (end === undefined) return;
  disposeParameters(end.parameters);
  if (end.state !== undefined) disposeParameters(end.state);
  if (end.optimiser !== undefined) disposeParameters(end.optimiser.tensors);
}

/**
 * Whether a stage has less than the model: numbers of layers and neurons may name all of them.
 *
 * @throws {ConfigError} When its part cannot be made, or a delta does not fit: before the first step, and not in the middle of the run.
 */
function checkStage<M extends LanguageModel>(
  tuned: Tuned<M>,
  stage: PlannedStage,
  options: FastPromptTuningOptions<M>,
): boolean {
  if (isWhole(stage)) return false;
  const all = partOptions(stage, options as never);
  const { width: _, neurons, multiple, ...ofDepth } = all;
  const isCut = checkPart(tuned.base as unknown as LanguageModel, all);
  partial(tuned, ofDepth); // copies nothing
  return isCut;
}

/** Layers and neurons of a stage. */
function sizesOfPart(model: StageModel): Pick<GrowEvent, "layers" | "neurons"> {
  const base = model.base as unknown as LanguageModel & Partial<HasParts>;
  if (base.part !== undefined) return { layers: base.part.depth, neurons: base.part.width };
  const sites = base.sites();
  const layers = sites.filter(({ kind }) => kind === "block").length;
  const neurons = sites.reduce((sum, { role, width }) => sum + (role === "ff.act" ? width : 0), 0);
  return { layers: [layers, layers], neurons: [neurons, neurons] };
}

/**
 * Throws for settings of parts that no stage reads.
 *
 * @throws {ConfigError} Names them.
 */
function checkIdle(planned: readonly PlannedStage[], options: FastPromptTuningOptions): void {
  const [cutsDepth, cutsWidth] = [planned.some(({ depth }) => depth !== 1), planned.some(({ width }) => width !== 1)];
  const idle = [
    ...(["strategy", "layerScores"] as const).filter((key) => options[key] !== undefined && !cutsDepth),
    ...(["neurons", "multiple"] as const).filter((key) => options[key] !== undefined && !cutsWidth),
    ...(["decoder"] as const).filter((key) => options[key] !== undefined && !cutsDepth && !cutsWidth),
  ];
  if (idle.length === 0) return;
  throw new ConfigError({
    message: `runFastPromptTuning: no stage leaves out ${cutsDepth ? "neurons" : cutsWidth ? "layers" : "layers or neurons"}, so ${idle.map((key) => `"${key}"`).join(", ")} would do nothing`,
    idle,
  });
}

/** A schedule that is over too soon would end the run in the middle, at the stage in which it is. */
function checkRates(
  { learningRate }: Optimiser,
  rates: "run" | "stage",
  steps: number,
  planned: readonly PlannedStage[],
  canEndEarly: boolean,
): void {
  const inStage = Math.max(...planned.map(({ from, to }) => to - from));
  // The last stage takes what early ends leave over, and each stage takes a step at least.
  const longest = rates === "run" ? steps : canEndEarly ? steps - (planned.length - 1) : inStage;
  if (learningRate.steps === undefined || longest <= learningRate.steps) return;
  const what =
    rates === "run"
      ? `the run takes ${steps}`
      : longest === inStage
        ? `the longest stage takes ${longest}`
        : `the last stage, which takes the steps that early ends leave over, may take ${longest}`;
  throw new ConfigError({
    message: `runFastPromptTuning: the learning rate's schedule ends after step ${learningRate.steps}, and ${what}; give the schedule as many steps`,
    scheduleSteps: learningRate.steps,
    steps: longest,
  });
}

const warning = (meter: Meter, step: number, message: string): FastPromptTuningEvent => ({
  type: "warning",
  step,
  message,
  ...meter.now(),
});

interface Checkpoint {
  readonly files: Files;
  readonly every: number;
  readonly keep: number;
}

function checkpointOf(given: FastPromptTuningOptions["checkpoint"]): Checkpoint | undefined {
  if (given === undefined) return undefined;
  const options = typeof given === "object" && "files" in given ? given : { files: given };
  checkOptions("runFastPromptTuning: checkpoint", options, ["files", "every", "keep"]); // what was spent is the note
  const { files, ...rest } = options;
  return { every: 100, keep: 1, ...rest, files: openFiles(files) };
}

function partOptions(
  { depth, width }: PlannedStage,
  options: Pick<FastPromptTuningOptions, "strategy" | "layerScores" | "random" | "decoder" | "neurons" | "multiple">,
): PartialOptions {
  const { strategy, layerScores, random, decoder, neurons, multiple } = options;
  return {
    depth,
    width,
    ...(strategy !== undefined && { strategy }),
    ...(layerScores !== undefined && { layerScores }),
    ...(random !== undefined && strategy === "random" && { random: random.at("layers") }),
    ...(decoder !== undefined && { decoder }),
    ...(neurons !== undefined && width !== 1 && { neurons }),
    ...(multiple !== undefined && { multiple }),
  };
}

interface StageRun<M extends LanguageModel> {
  readonly stage: PlannedStage;
  readonly model: StageModel<M>;
  readonly isLast: boolean;
  /** Whether its end is in the checkpoint. */
  readonly isDone: boolean;
  readonly data: Batches<TokenBatch>;
  readonly options: FastPromptTuningOptions<M>;
  readonly rates: "run" | "stage";
  readonly optimiser: Optimiser;
  readonly keepMemory: boolean;
  readonly before: EndEvent | undefined;
  readonly checkpoint: Checkpoint | undefined;
  readonly log: RunLog;
  readonly meter: Meter;
}

/** One stage, as a run of `train` that begins where the last one ended. */
async function* runStage<M extends LanguageModel>(run: StageRun<M>): AsyncGenerator<TrainEvent, void, undefined> {
  const { stage, model, isLast, isDone, options, before, checkpoint, meter } = run;
  const small = options.coordinates?.(before === undefined ? model : atPoint(model, before.parameters), stage);
  const growing = new AbortController();
  const { evaluate, signal, accumulate, clipNorm, random } = options;
  const data = stage.length === undefined ? run.data : shortened(run.data, stage.length);
  const objective: Objective<TokenBatch> = small ?? (model as unknown as Tuned<LanguageModel>);
  const events = train(objective, isDone ? data : meter.counting(data), {
    optimiser: run.rates === "run" ? run.optimiser : shifted(run.optimiser, stage.from),
    steps: stage.to,
    keepOptimiser: true,
    signal: signal === undefined ? growing.signal : AbortSignal.any([signal, growing.signal]),
    ...(accumulate !== undefined && { accumulate }),
    ...(clipNorm !== undefined && { clipNorm }),
    ...(random !== undefined && { random }),
    ...(evaluate !== undefined && { evaluate: evaluationOf(evaluate, !isLast, { stage, tuned: model }, small) }),
    ...(checkpoint !== undefined && {
      checkpoint: {
        files: inFolder(checkpoint.files, `stage-${stage.number}`),
        every: checkpoint.every,
        keep: checkpoint.keep,
        note: { write: () => ({ ...meter.spent() }), read: (note) => meter.resume(note as unknown as Spent) },
      },
    }),
    ...(before !== undefined && { start: startAt(before, run.keepMemory, small !== undefined) }),
  });
  try {
    yield* stageEvents(run, events, growing, small);
  } finally {
    small?.dispose();
  }
}

/** The events of a stage, which are counted and judged on the way. */
async function* stageEvents<M extends LanguageModel>(
  { isLast, isDone, options, checkpoint, log, meter }: StageRun<M>,
  events: AsyncGenerator<TrainEvent, void, undefined>,
  growing: AbortController,
  small: CoordinateObjective | undefined,
): AsyncGenerator<TrainEvent, void, undefined> {
  const mayGrow = !isLast && !isDone;
  for await (const event of events) {
    if (event.type === "step") meter.step();
    yield event.type === "end" && small !== undefined ? decoded(event, small) : event;
    if (event.type === "evaluation" && mayGrow) {
      log.history = [
        ...log.history.filter(({ step }) => step < event.step),
        { step: event.step, flops: meter.now().flops, metrics: event.metrics },
      ];
      const isReady = wantsToGrow(options, log.history);
      await writeLog(checkpoint?.files, log);
      if (isReady) growing.abort();
    }
  }
}

/** A stage's model at a point. */
const atPoint = <M extends LanguageModel>(model: StageModel<M>, parameters: Parameters): StageModel<M> =>
  (model as unknown as Tuned<LanguageModel>).with(parameters) as unknown as StageModel<M>;

/** The end of a stage in the tuned model's parameters. */
function decoded({ optimiser, ...end }: EndEvent, small: CoordinateObjective): EndEvent {
  const parameters = small.decode(end.parameters);
  disposeParameters(end.parameters);
  if (optimiser !== undefined) disposeParameters(optimiser.tensors);
  return { ...end, parameters };
}

function startAt(before: EndEvent, keepMemory: boolean, inCoordinates: boolean): NonNullable<TrainOptions["start"]> {
  const { parameters, state, optimiser, step, position } = before;
  if (inCoordinates) return { step, position: position as Position }; // the point is where the coordinates begin
  return {
    parameters,
    step,
    position: position as Position,
    ...(state !== undefined && { state }),
    ...(optimiser !== undefined && keepMemory && { optimiser }),
  };
}

/** An optimiser whose rates begin after `from` steps. */
function shifted(optimiser: Optimiser, from: number): Optimiser {
  const { learningRate } = optimiser;
  const rate = (step: number): number => learningRate(step - from);
  return {
    ...optimiser,
    learningRate: Object.assign(rate, learningRate.steps === undefined ? {} : { steps: from + learningRate.steps }),
  };
}

/** Counts what a run spends. */
interface Meter {
  /** A stage on a model, beside the whole one. */
  begin(stage: number, model: StageModel, whole: StageModel): void;
  /** The same data, whose batches are counted when they are taken. */
  counting(data: Batches<TokenBatch>): Batches<TokenBatch>;
  /** The batches that were taken made a step. */
  step(): void;
  /** Takes up what was spent up to the checkpoint in which the run begins. */
  resume(spent: Spent): void;
  now(): OfStage;
  whole(): number;
  spent(): Spent;
}

function createMeter(count: FastPromptTuningOptions["flops"]): Meter {
  const costOf =
    count ??
    ((tuned: StageModel, batch: TokenBatch) => countFlops(tuned as Tuned<LanguageModel>, sizesOf(tuned, batch)).step);
  let [stage, flops, whole, pending, pendingWhole, elapsedBefore] = [0, 0, 0, 0, 0, 0];
  let startedAt = performance.now();
  let models: readonly [StageModel, StageModel] | undefined;
  const now = (): OfStage => ({ stage, flops, elapsedMs: elapsedBefore + performance.now() - startedAt });
  return {
    begin(number, model, all) {
      stage = number;
      models = [model, all];
    },
    counting: (data) => ({
      ...data,
      async *epoch(epoch, from, options) {
        for await (const item of data.epoch(epoch, from, options)) {
          const [model, all] = models!;
          try {
            pending += checkedCost(costOf(model, item.batch));
            pendingWhole += checkedCost(costOf(all, item.batch));
          } catch (error) {
            dispose(item.batch as unknown as Record<string, Tensor>);
            throw error;
          }
          yield item;
        }
      },
    }),
    step() {
      flops += pending;
      whole += pendingWhole;
      [pending, pendingWhole] = [0, 0];
    },
    resume(spent) {
      flops = spent.flops;
      whole = spent.wholeFlops;
      elapsedBefore = spent.elapsedMs;
      startedAt = performance.now();
    },
    now,
    whole: () => whole,
    spent: () => ({ flops, elapsedMs: now().elapsedMs, wholeFlops: whole }),
  };
}

/** @throws {ConfigError} For a cost that cannot be one: rules of growth divide by it. */
function checkedCost(flops: number): number {
  if (flops > 0 && Number.isFinite(flops)) return flops;
  throw new ConfigError({ message: `runFastPromptTuning: flops must give a number above 0, got ${flops}`, flops });
}

function sizesOf(tuned: StageModel, batch: TokenBatch): FlopsOptions {
  const [rows, length] = batch.ids.shape;
  const { architecture } = (tuned as unknown as Tuned<LanguageModel>).base;
  const target = architecture.batch === "source+target" ? (batch.targetIds ?? batch.labels)?.shape[1] : undefined;
  return {
    rows,
    length,
    ...(target !== undefined && { targetLength: target }),
    ...(batch.positions !== undefined && { places: batch.positions.shape[0] }),
  };
}
