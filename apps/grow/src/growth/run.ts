/**
 * One run, the same for all kinds of saplings: a stage at a level rate, in which models are kept on the way, then one in which the rate
 * falls to zero (Hu et al. 2024, MiniCPM, arXiv:2404.06395, section 4).
 *
 * A run that was stopped or killed resumes from its last checkpoint and takes the very steps it would have taken. One that is given
 * more steps continues from the end of its level rate, and cools down again.
 */
import { appendFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Files, folder, hasFile } from "@cambium/base";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import { adamW, constant, linear, type Schedule, type StepEvent, type TrainEvent, train } from "@cambium/train";
import type { Growing, StageName } from "./growing.ts";
import { writeLineage } from "./lineage.ts";
import { readSteps } from "./metrics.ts";
import { createProgress } from "./progress.ts";

/** What a run is told. */
export interface RunOptions {
  readonly seed: number;
  readonly learningRate: number;
  /** Steps in all. */
  readonly steps: number;
  /** Shares of the steps after which the model is kept. */
  readonly kept: readonly number[];
  /** What the lineage of what is kept says. */
  readonly parent: string | null;
  readonly corpus: string;
  /** What the run is called there: models of one run descend from each other. */
  readonly run: string;
  /** Folder of the run in the cache: checkpoints and metrics. */
  readonly home: string;
  /** Folder of the model. */
  readonly target: string;
  /** Ends the run with a checkpoint. */
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
}

/** A run that came to its end. The receiver owns the parameters. */
export interface Finished {
  readonly parameters: Parameters;
  /** Every step that was taken. */
  readonly steps: readonly StepEvent[];
}

type EndEvent = Extract<TrainEvent, { readonly type: "end" }>;

/** Share of the steps that cool down. */
const COOLING_SHARE = 0.2;
const WARM_UP = 200;
const EVALUATE_EVERY = 2000;
const CHECKPOINT_EVERY = 200;

/** One stretch of training. */
interface Stage {
  readonly name: StageName;
  /** Of its files in the home. */
  readonly file: string;
  /** Steps before it. */
  readonly before: number;
  /** Steps of the stage, and up to where it is to go now. */
  readonly steps: number;
  readonly until: number;
  readonly from: Parameters;
  readonly rate: Schedule;
}

const metricsFile = (home: string, file: string): string => join(home, `${file}.jsonl`);

async function runStage<Batch>(growing: Growing<Batch>, options: RunOptions, stage: Stage): Promise<EndEvent> {
  const { home, seed, signal, report } = options;
  const key = random(seed).at(stage.name);
  const { objective, piecesPerStep } = growing;
  const progress = createProgress({ pieces: piecesPerStep, steps: options.steps, before: stage.before }, report);
  const events = train(
    { ...objective, parameters: stage.from },
    growing.data(stage.name, stage.steps, key.at("data")),
    {
      optimiser: adamW({ learningRate: stage.rate, beta2: 0.98, epsilon: 1e-6, weightDecay: 0.01 }),
      steps: stage.until,
      clipNorm: 1,
      random: key.at("train"),
      evaluate: { every: EVALUATE_EVERY, run: (parameters) => growing.evaluate(parameters) },
      checkpoint: { files: join(home, stage.file), every: CHECKPOINT_EVERY },
      signal,
    },
  );
  for await (const event of events) {
    if (event.type === "end") return event;
    if (event.type !== "checkpoint") await appendFile(metricsFile(home, stage.file), `${JSON.stringify(event)}\n`);
    progress(event);
  }
  throw new Error("internal: train ended without an end event");
}

const keptFolder = (target: string, step: number): Files => folder(join(target, "checkpoints", `step-${step}`));

/** Steps up to `level` at which models are to be kept and are not yet, ascending. */
async function missingSteps({ steps, kept, target, home, report }: RunOptions, level: number): Promise<number[]> {
  const wanted = kept.map((share) => Math.min(level, Math.max(1, Math.floor(share * steps))));
  const taken = (await readSteps(metricsFile(home, "level"))).at(-1)?.step ?? 0;
  const missing: number[] = [];
  for (const step of [...new Set(wanted)].sort((a, b) => a - b)) {
    if (await hasFile(keptFolder(target, step), "lineage.json")) continue;
    if (step >= taken) missing.push(step);
    else report(`step ${step} has passed, and its model is not in ${target}: it is left out`);
  }
  return missing;
}

/** Trains at the level rate, and keeps models on the way. Undefined when it was stopped. */
async function runLevel<Batch>(
  growing: Growing<Batch>,
  options: RunOptions,
  level: number,
): Promise<Parameters | undefined> {
  const { learningRate, target, parent, corpus, run, report } = options;
  const missing = await missingSteps(options, level);
  for (const until of new Set([...missing, level])) {
    const end = await runStage(growing, options, {
      ...{ name: "level", file: "level", before: 0, steps: level, until },
      from: growing.objective.parameters,
      rate: constant(learningRate, { warmUp: WARM_UP }),
    });
    if (end.reason === "finished" && missing.includes(until)) {
      const files = keptFolder(target, until);
      await growing.save(end.parameters, files);
      await writeLineage(files, { parent, corpus, run, steps: until }); // last: its presence says that all is there
      report(`kept: ${files.location}`);
    }
    if (end.reason === "finished" && until === level) return end.parameters;
    disposeParameters(end.parameters);
    if (end.reason !== "finished") return undefined;
  }
  throw new Error("internal: a level stage without an end");
}

/** Runs both stages. Undefined when it was stopped; a checkpoint then holds what was reached. */
export async function runGrowth<Batch>(growing: Growing<Batch>, options: RunOptions): Promise<Finished | undefined> {
  const { steps, learningRate, home, report } = options;
  await mkdir(home, { recursive: true });
  const cooling = Math.max(1, Math.round(steps * COOLING_SHARE));
  const level = steps - cooling;
  const from = await runLevel(growing, options, level);
  if (from === undefined) return undefined;
  report(`level for ${level} steps; the rate falls from here`);
  const file = `cooling-from-${level}`;
  const end = await runStage(growing, options, {
    ...{ name: "cooling", file, before: level, steps: cooling, until: cooling, from },
    rate: linear(learningRate, { warmUp: Math.min(20, cooling), steps: cooling }),
  });
  disposeParameters(from);
  if (end.reason !== "finished") {
    disposeParameters(end.parameters);
    return undefined;
  }
  const taken = [
    ...(await readSteps(metricsFile(home, "level"))).filter(({ step }) => step <= level),
    ...(await readSteps(metricsFile(home, file))),
  ];
  return { parameters: end.parameters, steps: taken };
}
