/** The runs, as worker processes find them. */
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { configureOnnx } from "@cambium/backend-onnx";
import { folder, hasFile, result } from "@cambium/base";
import {
  disposeParameters,
  loadSafetensors,
  type Parameters,
  type Random,
  random,
  saveSafetensors,
  useBackend,
} from "@cambium/core";
import { adapter, attach, type Delta, lora, prefix, type Tuned } from "@cambium/delta";
import type { RunContext, StepCost } from "@cambium/experiments";
import { collate, type LanguageModel, loadModel, loadTokenizer, type TokenBatch } from "@cambium/models";
import { modelSource } from "@cambium/study-kit/runs";
import {
  fitSubspace,
  meanSolution,
  optimiseInSubspace,
  pcaSubspace,
  randomSubspace,
  type Solution,
  type Subspace,
  transfer,
} from "@cambium/subspace";
import { accuracy, adamW, type Batches, batches, linear, predict, train } from "@cambium/train";
import { argMax, type Tensor2D } from "@tensorflow/tfjs-core";
import {
  BATCH_SIZE,
  type Cell,
  COORDINATE_RATE,
  type Extent,
  extentOf,
  MAX_LENGTH,
  METHODS,
  type Method,
  RATES,
} from "./plan.ts";
import { type Labelled, type PairTask, tasksOf } from "./tasks.ts";

/** Where ordinary training leaves its solutions, which runs of one seed share. */
const SOLUTIONS = process.env["CAMBIUM_SUBSPACE_SOLUTIONS"] ?? "runs/subspace-solutions";

configureOnnx({ threads: 1 }); // several workers share the cores

interface Bench {
  readonly extent: Extent;
  readonly key: Random;
  readonly base: LanguageModel;
  readonly starts: Readonly<Record<Method, Delta>>;
  readonly tasks: readonly PairTask[];
  data(rows: readonly Labelled[], random?: Random): Batches<TokenBatch>;
}

/** Methods of about equal budgets: on 4 layers of 256, 32,768 scalars, and the adapter's biases. */
const startsOf = (base: LanguageModel, key: Random): Readonly<Record<Method, Delta>> => ({
  lora: lora(base, { rank: 8, targets: ["attn.q", "attn.v"] }, key.at("lora")),
  adapter: adapter(base, { bottleneck: 8 }, key.at("adapter")),
  prefix: prefix(base, { length: 16, init: "normal" }, key.at("prefix")),
});

async function open(cell: Cell): Promise<Bench> {
  await useBackend("onnx");
  const extent = extentOf(cell);
  const key = random(cell.seed);
  // The head is random, the same for all tasks and frozen, so that nothing but the method learns.
  const head = { kind: "sequence-classification", labels: ["no", "yes"] } as const;
  const source = modelSource(extent.model);
  const base = await loadModel(source, { head, random: key.at("head") });
  const tokenizer = await loadTokenizer(source);
  const toBatch = collate(base, tokenizer, { maxLength: MAX_LENGTH, padTo: [16, MAX_LENGTH] });
  return {
    extent,
    key,
    base,
    starts: startsOf(base, key),
    tasks: await tasksOf(extent, key.at("rows")),
    data: (rows, order) =>
      batches(rows, toBatch, {
        size: BATCH_SIZE,
        ...(order !== undefined && { random: order, last: "drop" as const }),
      }),
  };
}

function close({ base, starts }: Bench): void {
  for (const { parameters } of Object.values(starts)) disposeParameters(parameters);
  disposeParameters(base.parameters);
}

const trainingRows = ({ train: rows }: PairTask): readonly Labelled[] =>
  rows.length >= BATCH_SIZE ? rows : Array.from({ length: BATCH_SIZE }, (_, i) => rows[i % rows.length]!);

/** Ordinary training, taken from where an earlier run of this seed left it. */
async function solve(
  bench: Bench,
  task: PairTask,
  method: Method,
  seed: number,
  signal: AbortSignal,
): Promise<Parameters> {
  const { extent, starts, base, data, key } = bench;
  const files = folder(join(SOLUTIONS, `${extent.name}-${extent.model}-${seed}`));
  const name = `${task.name}-${method}`.replaceAll(/[^\w-]/g, "_");
  if (await hasFile(files, `${name}.safetensors`)) return loadSafetensors(files, `${name}.safetensors`);
  const tuned = attach(base, starts[method]);
  const options = {
    optimiser: adamW({
      learningRate: linear(RATES[method], { warmUp: Math.ceil(extent.steps / 10), steps: extent.steps }),
      weightDecay: 0,
    }),
    steps: extent.steps,
    clipNorm: 1,
    random: key.at(name),
    signal,
  };
  const run = train(tuned, data(trainingRows(task), key.at("order").at(name)), options);
  const { parameters } = await endOf(run, signal);
  await saveSafetensors(files, `${name}.safetensors`, parameters);
  return parameters;
}

/** The end of a training, which lets a stop in between its steps. */
async function endOf<Event extends { readonly type: string }>(
  run: AsyncIterable<Event>,
  signal: AbortSignal,
): Promise<Extract<Event, { readonly type: "end" }>> {
  for await (const event of run) {
    if (event.type !== "end") await setImmediate();
    else if ((event as { readonly reason?: string }).reason !== "stopped") return event as never;
  }
  throw signal.reason;
}

/** Share of test rows that are right, in percent. */
async function scoreOf({ data }: Bench, tuned: Tuned<LanguageModel>, { test }: PairTask): Promise<number> {
  const { guess, label } = await predict(
    (batch: TokenBatch) => ({ guess: argMax(tuned.forward(batch).logits as Tensor2D, -1), label: batch.labels! }),
    data(test),
  );
  return 100 * accuracy(guess, label);
}

async function spaceOf(
  bench: Bench,
  solutions: readonly Solution<never>[],
  { space, dimension }: Cell,
): Promise<Subspace> {
  if (space === "random") return randomSubspace(solutions, { dimension }, bench.key.at("directions"));
  if (space === "own") return pcaSubspace(solutions, { dimension });
  return result(fitSubspace(solutions, { dimension }));
}

const average = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;

/** What a run returns, in percent: of ordinary training's accuracy, but `full`, which is that accuracy. */
export interface Measured {
  readonly [name: string]: number;
  readonly optimised: number;
  readonly transferred: number;
  readonly kept: number;
  readonly full: number;
  /** The mean of all source solutions, without training. */
  readonly mean: number;
}

/** Makes a subspace of the source tasks, solves the held-out ones in it by each method, and decodes by the others. */
export async function run(cell: Cell, context: RunContext): Promise<Measured> {
  const bench = await open(cell);
  const { tasks, starts, base, extent, key, data } = bench;
  const solutions: Solution<never>[] = [];
  const owned: Parameters[] = [];
  const sources = tasks.filter(({ isHeldOut }) => !isHeldOut);
  for (const task of sources)
    for (const method of METHODS) {
      const parameters = await solve(bench, task, method, cell.seed, context.signal);
      owned.push(parameters);
      const tuned = attach(base, starts[method]).with(parameters);
      solutions.push({ task: task.name, method, tuned: tuned as never });
      context.progress((0.5 * solutions.length) / (sources.length * METHODS.length));
    }
  const space = await spaceOf(bench, solutions, cell);
  const [optimised, transferred, full, mean]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (const task of tasks.filter(({ isHeldOut }) => isHeldOut)) {
    const best = new Map<Method, number>();
    for (const method of METHODS) {
      const parameters = await solve(bench, task, method, cell.seed, context.signal);
      best.set(method, await scoreOf(bench, attach(base, starts[method]).with(parameters), task));
      disposeParameters(parameters);
    }
    full.push(...best.values());
    for (const method of METHODS) {
      const tuned = attach(base, starts[method]);
      const middle = await meanSolution(solutions, method);
      mean.push((100 * (await scoreOf(bench, tuned.with(middle), task))) / best.get(method)!);
      disposeParameters(middle);
      const order = key.at("few").at(task.name).at(method);
      const found = await endOf(
        optimiseInSubspace(space, method, tuned as never, data(trainingRows(task), order) as never, {
          optimiser: adamW({ learningRate: COORDINATE_RATE, weightDecay: 0 }),
          steps: extent.fewSteps,
          random: order.at("start"),
          signal: context.signal,
          checkpoint: { files: join(context.scratch, `${task.name}-${method}`.replaceAll(/[^\w-]/g, "_")), every: 100 },
        }),
        context.signal,
      );
      optimised.push((100 * (await scoreOf(bench, tuned.with(found.point), task))) / best.get(method)!);
      for (const other of METHODS.filter((one) => one !== method)) {
        const receiver = attach(base, starts[other]);
        const moved = transfer(space, found.coordinates["z"]!, other, receiver);
        transferred.push((100 * (await scoreOf(bench, receiver.with(moved), task))) / best.get(other)!);
        disposeParameters(moved);
      }
      for (const tree of [found.point, found.parameters]) disposeParameters(tree);
    }
  }
  space.dispose();
  for (const tree of owned) disposeParameters(tree);
  close(bench);
  const [own, others] = [average(optimised), average(transferred)];
  return { optimised: own, transferred: others, kept: (100 * others) / own, full: average(full), mean: average(mean) };
}

/** A step of ordinary training, of which a run takes as many as it can have to take. */
export async function oneStep(cell: Cell): Promise<StepCost> {
  const bench = await open(cell);
  const { tasks, starts, base, data, key, extent } = bench;
  const times: number[] = [];
  const tuned = attach(base, starts.lora);
  for await (const event of train(tuned, data(trainingRows(tasks[0]!), key), {
    optimiser: adamW({ learningRate: 1e-3 }),
    steps: 8,
  })) {
    if (event.type === "step") times.push(event.durationMs);
    if (event.type === "end") disposeParameters(event.parameters);
  }
  close(bench);
  const held = tasks.filter(({ isHeldOut }) => isHeldOut).length;
  // Solutions are shared by the runs of a seed: each takes its part of them.
  const runs = 3 * extent.dimensions.length;
  const steps = METHODS.length * ((tasks.length * extent.steps) / runs + held * extent.fewSteps);
  return { stepMs: times.sort((a, b) => a - b)[times.length >> 1]!, steps: Math.ceil(steps) };
}
