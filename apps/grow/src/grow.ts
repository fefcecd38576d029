/**
 * Grows one sapling: text, weights, training, export. A run that was stopped or killed goes on from its last checkpoint;
 * how many steps it has is fixed when it starts, for the learning rate falls over all of them.
 */
import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { disposeParameters, folder, type Parameters, random } from "@cambium/core";
import { adamW, type Batches, linear, type TrainEvent, train } from "@cambium/train";
import { pretrainingData } from "./data.ts";
import { exportSapling } from "./export.ts";
import { createSeedling, type PretrainingBatch, pretraining, type Seedling } from "./objective.ts";
import { maskedPerplexity } from "./perplexity.ts";
import { createProgress } from "./progress.ts";
import { MASKED_PER_STEP, PIECES_PER_STEP, type Recipe, SHORT_SHARE } from "./recipes.ts";
import { loadSeedling } from "./seedling-files.ts";
import { openText, type Text, VOCABULARY_SIZE } from "./text.ts";

/** How long a run takes, and where its files are. */
export interface GrowOptions {
  /** Steps in all. Without it as many as `minutes` allow at the speed of the first steps. */
  readonly steps?: number;
  readonly minutes: number;
  /** Folder of the cache: text, checkpoints, metrics. */
  readonly cache: string;
  /** Folder that holds the saplings' folders. */
  readonly models: string;
  /** Ends the run with a checkpoint. */
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
}

const STEPS_TO_MEASURE = 12;
const LEAST_STEPS = 100;
const EVALUATE_EVERY = 1000;
const CHECKPOINT_EVERY = 200;

interface Run {
  readonly seedling: Seedling;
  readonly recipe: Recipe;
  readonly text: Text;
  readonly stream: Uint16Array;
}

function dataOf({ recipe, stream }: Run, steps: number): Batches<PretrainingBatch> {
  const short = Math.round(SHORT_SHARE * steps);
  const phases = [
    { shape: { batch: PIECES_PER_STEP / 128, seq: 128 }, steps: short },
    { shape: { batch: PIECES_PER_STEP / 256, seq: 256 }, steps: steps - short },
  ];
  return pretrainingData(stream, {
    phases,
    maskCount: MASKED_PER_STEP,
    vocabularySize: VOCABULARY_SIZE,
    random: random(recipe.seed).at("data"),
  });
}

/** Median time of a step, after the first ones, which compile. */
async function measureStepMs(run: Run): Promise<number> {
  const durations: number[] = [];
  for await (const event of train(pretraining(run.seedling), dataOf(run, LEAST_STEPS), {
    optimiser: adamW({ learningRate: 0 }),
    steps: STEPS_TO_MEASURE,
    clipNorm: 1,
  })) {
    if (event.type === "step") durations.push(event.durationMs);
    else if (event.type === "end") disposeParameters(event.parameters);
  }
  return durations.slice(4).sort((a, b) => a - b)[(STEPS_TO_MEASURE - 4) >> 1]!;
}

/** The number of steps of a run, from its folder when it was begun before. */
async function planSteps(run: Run, runFolder: string, { steps, minutes, report }: GrowOptions): Promise<number> {
  const file = join(runFolder, "plan.json");
  const begun = await readFile(file, "utf8").catch(() => undefined);
  if (begun !== undefined) return (JSON.parse(begun) as { steps: number }).steps;
  const planned = steps ?? Math.max(LEAST_STEPS, Math.round((minutes * 60_000) / (await measureStepMs(run))));
  await writeFile(file, `${JSON.stringify({ steps: planned })}\n`);
  report(`${planned} steps are planned`);
  return planned;
}

/** Held-out perplexity of every corpus. */
export async function measurePerplexities(
  { model }: Seedling,
  parameters: Parameters,
  text: Text,
): Promise<Record<string, number>> {
  const measured: Record<string, number> = {};
  for (const { name } of text.corpora)
    measured[name] = await maskedPerplexity(model, parameters, await text.held(name));
  return measured;
}

/** Trains to the end, or to a signal; returns the weights when all steps were taken. */
async function trainSeedling(
  run: Run,
  steps: number,
  runFolder: string,
  { signal, report }: GrowOptions,
): Promise<Parameters | undefined> {
  const { seedling, recipe, text } = run;
  const progress = createProgress(steps, PIECES_PER_STEP, report);
  const events = train(pretraining(seedling), dataOf(run, steps), {
    optimiser: adamW({
      learningRate: linear(recipe.learningRate, { warmUp: Math.round(0.05 * steps), steps }),
      beta2: 0.98,
      epsilon: 1e-6,
      weightDecay: 0.01,
    }),
    steps,
    clipNorm: 1,
    random: random(recipe.seed).at("train"),
    evaluate: { every: EVALUATE_EVERY, run: (parameters) => measurePerplexities(seedling, parameters, text) },
    checkpoint: { files: join(runFolder, "checkpoint"), every: CHECKPOINT_EVERY },
    signal,
  });
  for await (const event of events) {
    await record(event, join(runFolder, "metrics.jsonl"));
    progress(event);
    if (event.type !== "end") continue;
    if (event.reason === "finished") return event.parameters;
    disposeParameters(event.parameters);
  }
  return undefined;
}

async function record(event: TrainEvent, file: string): Promise<void> {
  if (event.type === "step" || event.type === "evaluation") await appendFile(file, `${JSON.stringify(event)}\n`);
}

/**
 * Grows a sapling and writes its folder.
 *
 * @returns Whether all steps were taken; when not, a checkpoint holds what was reached.
 */
export async function grow(recipe: Recipe, options: GrowOptions): Promise<boolean> {
  const text = await openText(join(options.cache, "text"), options.report);
  const runFolder = join(options.cache, recipe.name);
  await mkdir(runFolder, { recursive: true });
  const seedling =
    recipe.from === undefined
      ? createSeedling(recipe.config, random(recipe.seed).at("weights"))
      : await loadSeedling(folder(join(options.models, recipe.from)));
  const run = { seedling, recipe, text, stream: await text.train(recipe.domain) };
  const steps = await planSteps(run, runFolder, options);
  const parameters = await trainSeedling(run, steps, runFolder, options);
  if (parameters === undefined) return false;
  await exportSapling({
    seedling,
    parameters,
    recipe,
    text,
    steps,
    metricsFile: join(runFolder, "metrics.jsonl"),
    target: folder(join(options.models, recipe.name)),
  });
  return true;
}
