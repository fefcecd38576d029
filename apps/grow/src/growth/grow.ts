/**
 * Grows one sapling: text, weights, training, export.
 *
 * The time is given, not the number of steps, for nobody knows beforehand how busy the machine will be: the rate stays
 * level until four fifths of the time are spent, then it falls to zero over a quarter as many steps again (Hu et al.
 * 2024, MiniCPM, arXiv:2404.06395, section 4). A run that was stopped or killed resumes from its last checkpoint.
 */
import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { folder } from "@cambium/base";
import { disposeParameters, type Parameters, type Random, random } from "@cambium/core";
import { adamW, type Batches, constant, linear, type Schedule, type TrainEvent, train } from "@cambium/train";
import { type DataOptions, pretrainingData } from "./data.ts";
import { exportSapling } from "./export.ts";
import { startFromTeacher } from "./first-embeddings.ts";
import { readSteps } from "./metrics.ts";
import { createSeedling, type PretrainingBatch, pretraining, type Seedling, towardsTeacher } from "./objective.ts";
import { measurePerplexities } from "./perplexity.ts";
import { createProgress } from "./progress.ts";
import { COOLING_SHARE, MASKED_PER_STEP, PIECES_PER_STEP, type Recipe } from "./recipes.ts";
import { loadSeedling } from "./seedling-files.ts";
import { loadTeacher, type Teacher } from "./teacher.ts";
import { openText, type Text } from "./text.ts";

/** How long a run takes, and where its files are. */
export interface GrowOptions {
  /** Time to spend in steps, all sittings together. */
  readonly minutes: number;
  /** Folder of the cache: text, checkpoints, metrics. */
  readonly cache: string;
  /** Folder that holds the saplings' folders. */
  readonly models: string;
  /** Folder of the teacher. */
  readonly teacher: string;
  /** Ends the run with a checkpoint. */
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
}

const ENDLESS = Number.MAX_SAFE_INTEGER;
const EVALUATE_EVERY = 2000;
const CHECKPOINT_EVERY = 200;
const shapeOf = (seq: number) => ({ batch: PIECES_PER_STEP / seq, seq });
const SHORT = [shapeOf(128), shapeOf(32)];
const LONG = [shapeOf(256), shapeOf(32)];

/** A run that was begun. */
interface Run extends Omit<GrowOptions, "teacher"> {
  readonly recipe: Recipe;
  readonly seedling: Seedling;
  readonly teacher: Teacher;
  readonly text: Text;
  readonly stream: Uint16Array;
  /** Folder of this run in the cache. */
  readonly home: string;
}

/** One stretch of training, with its own checkpoints. */
interface Stage {
  readonly name: "level" | "cooling";
  readonly steps: number;
  readonly from: Parameters;
  readonly learningRate: Schedule;
  readonly data: Batches<PretrainingBatch>;
  readonly signal: AbortSignal;
  readonly onEvent: (event: TrainEvent) => void;
}

type EndEvent = Extract<TrainEvent, { readonly type: "end" }>;

const metricsFile = ({ home }: Run, stage: Stage["name"]): string => join(home, `${stage}.jsonl`);

const keyOf = (recipe: Recipe, stage: Stage["name"]): Random => random(recipe.seed).at(stage);

function dataOf(
  { recipe, stream, text }: Run,
  stage: Stage["name"],
  phases: DataOptions["phases"],
): Batches<PretrainingBatch> {
  return pretrainingData(stream, {
    phases,
    maskCount: MASKED_PER_STEP,
    teacherIds: text.teacherIds,
    random: keyOf(recipe, stage).at("data"),
  });
}

async function runStage(
  run: Run,
  { name, steps, from, learningRate, data, signal, onEvent }: Stage,
): Promise<EndEvent> {
  const { seedling, teacher, recipe, text, home } = run;
  const events = train({ ...pretraining(seedling, teacher), parameters: from }, data, {
    optimiser: adamW({ learningRate, beta2: 0.98, epsilon: 1e-6, weightDecay: 0.01 }),
    steps,
    clipNorm: 1,
    random: keyOf(recipe, name).at("train"),
    evaluate: { every: EVALUATE_EVERY, run: (parameters) => measurePerplexities(seedling.model, parameters, text) },
    checkpoint: { files: join(home, name), every: CHECKPOINT_EVERY },
    signal,
  });
  for await (const event of events) {
    if (event.type === "end") return event;
    if (event.type !== "checkpoint") await appendFile(metricsFile(run, name), `${JSON.stringify(event)}\n`);
    onEvent(event);
  }
  throw new Error("internal: train ended without an end event");
}

/** Trains at the level rate until its share of the time is spent. Once that is so, the number of steps is on file. */
async function growLevel(run: Run): Promise<EndEvent> {
  const { recipe, minutes, signal, report, home, seedling } = run;
  const file = join(home, "level.json");
  const known = await readFile(file, "utf8").catch(() => undefined);
  const steps = known === undefined ? ENDLESS : (JSON.parse(known) as { steps: number }).steps;
  const budgetMs = (minutes * 60_000) / (1 + COOLING_SHARE);
  let spentMs = (await readSteps(metricsFile(run, "level"))).reduce((sum, { durationMs }) => sum + durationMs, 0);
  const over = new AbortController();
  const progress = createProgress({ pieces: PIECES_PER_STEP, leftMs: () => minutes * 60_000 - spentMs }, report);
  const end = await runStage(run, {
    name: "level",
    steps,
    from: seedling.parameters,
    learningRate: constant(recipe.learningRate, { warmUp: 200 }),
    data: dataOf(run, "level", [{ shapes: SHORT, steps: ENDLESS }]),
    signal: AbortSignal.any([signal, over.signal]),
    onEvent(event) {
      if (event.type === "step") spentMs += event.durationMs;
      if (spentMs >= budgetMs) over.abort();
      progress(event);
    },
  });
  if (over.signal.aborted) await writeFile(file, `${JSON.stringify({ steps: end.step })}\n`);
  return over.signal.aborted ? { ...end, reason: "finished" } : end;
}

/** Lets the rate fall to zero. */
async function cool(run: Run, level: EndEvent): Promise<EndEvent> {
  const { recipe, signal, report } = run;
  const steps = Math.ceil(level.step * COOLING_SHARE);
  const short = steps >> 1;
  let spent = { steps: 0, ms: 0 };
  const leftMs = (): number => (spent.ms / spent.steps) * (steps - spent.steps);
  const progress = createProgress({ pieces: PIECES_PER_STEP, leftMs }, report);
  return runStage(run, {
    name: "cooling",
    steps,
    from: level.parameters,
    learningRate: linear(recipe.learningRate, { warmUp: Math.min(20, steps), steps }),
    data: dataOf(run, "cooling", [
      { shapes: SHORT, steps: short },
      { shapes: LONG, steps: steps - short },
    ]),
    signal,
    onEvent(event) {
      if (event.type === "step") spent = { steps: event.step, ms: spent.ms + event.durationMs };
      progress(event);
    },
  });
}

/**
 * Grows a sapling and writes its folder.
 *
 * @returns Whether the run came to its end; when not, a checkpoint holds what was reached.
 */
export async function grow(recipe: Recipe, options: GrowOptions): Promise<boolean> {
  const { cache, models, report } = options;
  const text = await openText(join(cache, "text"), options.teacher, report);
  const teacher = await loadTeacher(options.teacher);
  const home = join(cache, recipe.name);
  await mkdir(home, { recursive: true });
  const key = random(recipe.seed).at("weights");
  const start =
    recipe.from === undefined
      ? startFromTeacher(createSeedling(recipe.config, key), teacher, text.teacherIds)
      : await loadSeedling(folder(join(models, recipe.from)));
  const seedling = towardsTeacher(start, teacher.width, key);
  const run = { ...options, recipe, seedling, teacher, text, home, stream: await text.train(recipe.domain) };

  const level = await growLevel(run);
  if (level.reason !== "finished") return false;
  report(`level for ${level.step} steps; the rate falls from here`);
  const cooled = await cool(run, level);
  if (cooled.reason !== "finished") return false;
  disposeParameters(level.parameters);

  const steps = [...(await readSteps(metricsFile(run, "level"))), ...(await readSteps(metricsFile(run, "cooling")))];
  await exportSapling({
    seedling,
    parameters: cooled.parameters,
    recipe,
    text,
    steps,
    target: folder(join(models, recipe.name)),
  });
  return true;
}
