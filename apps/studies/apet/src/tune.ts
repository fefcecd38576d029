/** One run of any part: a model, something to train on it, some steps, and how many rows it then gets right. */
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { configureOnnx } from "@cambium/backend-onnx";
import { countParameters, disposeParameters, type Parameters, type Random, random, useBackend } from "@cambium/core";
import { attach, type Delta, type Tuned } from "@cambium/delta";
import type { RunContext, StepCost } from "@cambium/experiments";
import { collate, type LanguageModel } from "@cambium/models";
import { type LabelledRow, taskOf } from "@cambium/study-kit/runs";
import { accuracy, adamW, batches, linear, predict, train } from "@cambium/train";
import { argMax, type Tensor2D } from "@tensorflow/tfjs-core";
import type { Cell, Measured } from "./cell.ts";
import { openModel } from "./models.ts";
import { batchSizeOf, HEAD_RATE, MAX_LENGTH, PAD_TO } from "./plan.ts";
import { majorityOf, measuredRows, trainRows } from "./rows.ts";

configureOnnx({ threads: 1 }); // several workers share the cores

/** What is trained in a run. */
export interface Trained {
  readonly weights?: "pretrained" | "random";
  /** Deltas, the head among them where it learns. */
  deltas(model: LanguageModel, random: Random): readonly Delta[];
}

/** Everything of a run before its first step. */
interface Bench {
  readonly tuned: Tuned<LanguageModel>;
  readonly base: LanguageModel;
  run(options: {
    readonly steps: number;
    readonly signal: AbortSignal;
    readonly scratch?: string;
  }): ReturnType<typeof train>;
  measure(parameters: Parameters, rows: readonly LabelledRow[]): Promise<number>;
}

const isOfHead = (name: string): boolean => name.startsWith("head/");

async function prepare(cell: Cell, trained: Trained, steps: number): Promise<Bench> {
  await useBackend("onnx");
  const loaded = await taskOf(cell.task);
  const seed = random(cell.seed).at(cell.task);
  const { model: base, tokenizer } = await openModel(
    cell.model,
    loaded.task.head("class-head"),
    seed.at("model"),
    trained.weights,
  );
  const tuned = attach(base, ...trained.deltas(base, seed.at("delta")));
  const toBatch = collate(base, tokenizer, { maxLength: MAX_LENGTH, padTo: PAD_TO });
  const buckets = ({ text, pair = "" }: LabelledRow): number => text.length + pair.length;
  const data = batches(trainRows(loaded, cell, seed.at("rows")), toBatch, {
    size: batchSizeOf(cell.model),
    random: seed.at("order"),
    buckets,
    last: "drop",
  });
  const names = [...tuned.parameters.keys()];
  const isBeside = names.some(isOfHead) && !names.every(isOfHead);
  const groups = isBeside ? [{ match: isOfHead, learningRateFactor: HEAD_RATE / cell.rate }] : [];
  return {
    tuned,
    base,
    run: ({ steps: last, signal, scratch }) =>
      train(tuned, data, {
        optimiser: adamW({
          learningRate: linear(cell.rate, { warmUp: Math.ceil(steps / 10), steps }),
          weightDecay: 0,
          groups,
        }),
        steps: last,
        clipNorm: 1,
        random: seed.at("dropout"),
        signal,
        ...(scratch !== undefined && { checkpoint: { files: join(scratch, "run"), every: 40 } }),
      }),
    async measure(parameters, rows) {
      const at = tuned.with(parameters);
      const inOrder = rows.toSorted((a, b) => buckets(a) - buckets(b)); // so that few batches are padded far
      const { guess, label } = await predict(
        (batch) => ({ guess: argMax(at.forward(batch).logits as Tensor2D, -1), label: batch.labels! }),
        batches(inOrder, toBatch, { size: 2 * batchSizeOf(cell.model) }),
      );
      return 100 * accuracy(guess, label);
    },
  };
}

const free = ({ tuned, base }: Bench): void => {
  disposeParameters(tuned.parameters);
  disposeParameters(base.parameters);
};

/** Trains for the steps of the cell, or of the tuning's budget, and measures. */
export async function tune(cell: Cell, context: RunContext, trained: Trained): Promise<Measured> {
  const steps = context.budget ?? cell.steps;
  const rows = measuredRows(await taskOf(cell.task), context.budget === undefined ? "test" : "dev");
  const bench = await prepare(cell, trained, steps);
  for await (const event of bench.run({ steps, signal: context.signal, scratch: context.scratch })) {
    if (event.type === "step") {
      context.progress(event.step / steps);
      await setImmediate(); // lets a stop in
    }
    if (event.type !== "end") continue;
    if (event.reason === "stopped") throw context.signal.reason;
    const measured = await bench.measure(event.parameters, rows);
    const beside = countParameters(new Map([...event.parameters].filter(([name]) => !isOfHead(name))));
    disposeParameters(event.parameters);
    free(bench);
    return { accuracy: measured, majority: majorityOf(rows), measured: rows.length, trained: beside };
  }
  throw new Error("internal: the training run ended without an end event");
}

/** Steps to look at, of which the first also compile. */
const LOOKS = 9;

/** Processor time of this process, in ms. */
function spentMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * One step of a run, and what comes before and after all of them, in processor time: with one thread that is the time of a core, and
 * other programs on the machine do not count.
 */
export async function measureStep(cell: Cell, { signal }: RunContext, trained: Trained): Promise<StepCost> {
  const rows = measuredRows(await taskOf(cell.task), "test"); // read once in a process, whatever the number of its runs
  const from = spentMs();
  const bench = await prepare(cell, trained, LOOKS);
  const marks: number[] = [];
  for await (const event of bench.run({ steps: LOOKS, signal })) {
    if (event.type === "step") marks.push(spentMs());
    if (event.type !== "end") continue;
    await bench.measure(event.parameters, rows);
    disposeParameters(event.parameters);
  }
  free(bench);
  const all = spentMs() - from;
  const steps = marks.slice(1).map((mark, i) => mark - marks[i]!);
  const stepMs = steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)]!;
  return { stepMs, steps: cell.steps, setupMs: Math.max(0, all - LOOKS * stepMs) };
}
