/** One run: a prompt and a head on a model that grows or does not, some steps, what they cost, and how many rows the whole model then gets right. */
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { configureOnnx } from "@cambium/backend-onnx";
import { disposeParameters, random, useBackend } from "@cambium/core";
import { attach, head, prompt, type Tuned } from "@cambium/delta";
import type { RunContext, StepCost } from "@cambium/experiments";
import {
  flops,
  type NamedStages,
  type NeuronScores,
  partial,
  runFastPromptTuning,
  type Stage,
  scheduleCost,
  scoreNeurons,
  stagesOf,
} from "@cambium/fast-prompt-tuning";
import { collate, type LanguageModel, loadModel, loadTokenizer, type TokenBatch } from "@cambium/models";
import { type LabelledRow, modelSource, taskOf, watchPeak } from "@cambium/study-kit/runs";
import { accuracy, adamW, type Batches, batches, linear, predict } from "@cambium/train";
import { argMax, type Tensor2D } from "@tensorflow/tfjs-core";
import { batchSizeOf, FULL, HEAD_RATE, MAX_LENGTH, type MethodName, PAD_TO, PROMPT_LENGTH } from "./plan.ts";
import { measuredRows, trainRows } from "./rows.ts";

configureOnnx({ threads: 1 }); // several workers share the cores

/** What every cell has. */
export interface Cell {
  readonly model: string;
  readonly method: MethodName;
  readonly task: string;
  readonly steps: number;
  /** Rows that neurons are scored on. */
  readonly scored: number;
  readonly seed: number;
  readonly rate: number;
}

/** What every run returns. */
export interface Measured extends Record<string, number> {
  /** Of the test rows, in percent, by the whole model; in a run of the tuning, of the development rows. */
  readonly accuracy: number;
  /** Operations of the run, scoring included, in GFLOP. */
  readonly gflop: number;
  /** Percent of the operations of as many steps on the whole model that were saved, scoring counted. */
  readonly saved: number;
  /** Wall clock of scoring and training, the making of parts and graphs included. */
  readonly seconds: number;
  /** The same in processor time. */
  readonly processor: number;
  /** Steps taken. */
  readonly taken: number;
  /** Longest time of making a part, in ms. */
  readonly growth: number;
  /** Most memory of the process while it trained, in MB: the model and the engine included. */
  readonly peak: number;
}

const STAGES: Readonly<Record<MethodName, NamedStages | readonly Stage[]>> = {
  prompt: [{ share: 1 }],
  "prompt-matched": [{ share: 1 }],
  depth: "paper-depth",
  width: "paper-width",
  compound: "paper",
};

const isOfHead = (name: string): boolean => name.startsWith("head/");
const buckets = ({ text, pair = "" }: LabelledRow): number => text.length + pair.length;

interface Bench {
  readonly tuned: Tuned<LanguageModel>;
  readonly base: LanguageModel;
  readonly data: Batches<TokenBatch>;
  measure(parameters: Tuned["parameters"], rows: readonly LabelledRow[]): Promise<number>;
}

async function prepare(cell: Cell): Promise<Bench> {
  await useBackend("onnx");
  const loaded = await taskOf(cell.task);
  const seed = random(cell.seed).at(cell.task);
  const source = modelSource(cell.model);
  const tokenizer = await loadTokenizer(source);
  const base = await loadModel(source, { head: loaded.task.head("class-head"), random: seed.at("model") });
  const tuned = attach(base, head(base), prompt(base, { length: PROMPT_LENGTH }, seed.at("prompt")));
  const toBatch = collate(base, tokenizer, { maxLength: MAX_LENGTH, padTo: PAD_TO });
  const size = batchSizeOf(cell.model);
  const data = batches(trainRows(loaded, seed.at("rows")), toBatch, {
    size,
    random: seed.at("order"),
    buckets,
    last: "drop",
  });
  return {
    tuned,
    base,
    data,
    async measure(parameters, rows) {
      const at = tuned.with(parameters);
      const inOrder = rows.toSorted((a, b) => buckets(a) - buckets(b)); // so that few batches are padded far
      const { guess, label } = await predict(
        (batch) => ({ guess: argMax(at.forward(batch).logits as Tensor2D, -1), label: batch.labels! }),
        batches(inOrder, toBatch, { size: 2 * size }),
      );
      return 100 * accuracy(guess, label);
    },
  };
}

const free = ({ tuned, base }: Bench): void => {
  disposeParameters(tuned.parameters);
  disposeParameters(base.parameters);
};

const isNarrowed = (method: MethodName): boolean => method === "width" || method === "compound";

/** Cost of a step of growth of both relative to the whole model's, at the middle length. */
function compoundCost(tuned: Tuned<LanguageModel>): number {
  const at = { rows: 1, length: PAD_TO[1]! };
  const whole = flops(tuned, at).step;
  const stages = stagesOf("paper", 100).map(({ from, to, depth, width }) => {
    const part = partial(tuned, { depth, width });
    const cost = flops(part, at).step / whole;
    part.base.dispose();
    return { share: (to - from) / 100, cost };
  });
  return scheduleCost(stages);
}

/** Processor time of this process so far. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Neurons by their activations with the untrained prompt in front, and what that costs. */
async function score(
  { tuned, data }: Bench,
  { scored, method }: Cell,
): Promise<{ neurons?: NeuronScores; spent: number; elapsedMs: number }> {
  if (!isNarrowed(method)) return { spent: 0, elapsedMs: 0 };
  const startedAt = performance.now();
  let spent = 0;
  const counted: Batches<TokenBatch> = {
    ...data,
    async *epoch(epoch, from, options) {
      for await (const item of data.epoch(epoch, from, options)) {
        const [rows, length] = item.batch.ids.shape;
        spent += flops(tuned, { rows, length }).forward;
        yield item;
      }
    },
  };
  const neurons = await scoreNeurons(tuned, counted, { examples: scored });
  return { neurons, spent, elapsedMs: performance.now() - startedAt };
}

/** Trains for the steps of the cell, or of the tuning's budget, and measures. */
export async function run(cell: Cell, context: RunContext): Promise<Measured> {
  const { signal, scratch, budget } = context;
  const rows = measuredRows(await taskOf(cell.task), budget === undefined ? "test" : "dev", cell.model);
  const bench = await prepare(cell);
  const asked = budget ?? cell.steps;
  const steps = cell.method === "prompt-matched" ? Math.max(1, Math.round(asked * compoundCost(bench.tuned))) : asked;
  const [peakMb, startedAt] = [await watchPeak(), processorMs()];
  const scores = await score(bench, cell);
  let growth = 0;
  const events = runFastPromptTuning(bench.tuned, bench.data, {
    stages: STAGES[cell.method],
    steps,
    optimiser: adamW({
      learningRate: linear(cell.rate, { warmUp: Math.ceil(steps / 10), steps }),
      weightDecay: 0,
      groups: [{ match: isOfHead, learningRateFactor: HEAD_RATE / cell.rate }],
    }),
    clipNorm: 1,
    random: random(cell.seed).at(cell.task).at("dropout"),
    signal,
    checkpoint: { files: join(scratch, "run"), every: 40 },
    ...(scores.neurons !== undefined && { neurons: scores.neurons }),
  });
  for await (const event of events) {
    if (event.type === "grow") growth = Math.max(growth, event.durationMs);
    if (event.type === "step") {
      context.progress(event.step / steps);
      await setImmediate(); // lets a stop in
    }
    if (event.type !== "end") continue;
    if (event.reason === "stopped") throw signal.reason;
    const [peak, processor] = [await peakMb(), (processorMs() - startedAt) / 1000];
    const measured = await bench.measure(event.parameters, rows);
    disposeParameters(event.parameters);
    free(bench);
    const spent = event.flops + scores.spent;
    const whole = (event.wholeFlops * asked) / steps; // of the whole model for all steps that were asked for
    return {
      accuracy: measured,
      gflop: spent / 1e9,
      saved: 100 * (1 - spent / whole),
      seconds: (event.elapsedMs + scores.elapsedMs) / 1000,
      processor,
      taken: event.step,
      growth,
      peak,
    };
  }
  throw new Error("internal: the training run ended without an end event");
}

/** Steps to look at, of which the first of each stage also compile. */
const looksOf = (model: string): number => (model === FULL.decoder ? 8 : 20);

/** A step of a run in processor time, as a mean over all stages, and what comes before and after all of them. */
export async function step(cell: Cell, context: RunContext): Promise<StepCost> {
  const startedAt = processorMs();
  const looks = looksOf(cell.model);
  const { processor } = await run({ ...cell, steps: looks }, { ...context, progress: () => undefined });
  const spent = processor * 1000;
  return { stepMs: spent / looks, steps: cell.steps, setupMs: Math.max(0, processorMs() - startedAt - spent) };
}
