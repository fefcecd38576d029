/** Runs that write checkpoints, for the tests of resuming and of crashes. */
import type { Files } from "@cambium/base";
import { disposeParameters, type Objective, random } from "@cambium/core";
import { onTestFinished } from "vitest";
import type { Batches, BatchesOptions } from "../data/batches.ts";
import type { EndEvent, TrainEvent } from "../events.ts";
import { adamW } from "../optimisers/adam.ts";
import { linear } from "../schedules.ts";
import { disposeTrees } from "../tensors.ts";
import { bits, type Row, type ToyBatch, toyData, toyObjective } from "../toy.fixture.ts";
import { train } from "../train.ts";
import type { TrainOptions } from "../train-options.ts";

/** Disposed of when the test has finished. */
export function makeToy(options?: Parameters<typeof toyObjective>[0]): Objective<ToyBatch> {
  const objective = toyObjective(options);
  onTestFinished(() => disposeParameters(objective.parameters));
  return objective;
}

/** Everything that can go wrong in a resumption: dropout, shuffled and ragged data, accumulation, clipping. */
export const options: TrainOptions = {
  optimiser: adamW({ learningRate: linear(0.05, { warmUp: 3, steps: 40 }) }),
  steps: 20,
  accumulate: 2,
  clipNorm: 0.5,
  random: random(6),
};

export const dataOptions: BatchesOptions<Row> = { size: 4, random: random(2), buckets: ({ x }) => x[0] };

export interface Run {
  readonly events: readonly TrainEvent[];
  readonly end: EndEvent;
  readonly parameters: Record<string, number[]>;
  readonly state: Record<string, number[]>;
}

export interface RunSetup {
  readonly objective?: Objective<ToyBatch>;
  readonly data?: Batches<ToyBatch>;
  /** Step after which the signal is given. */
  readonly stopAt?: number;
}

/** A run with the options above, changed by `more`. */
export async function runToy(more: Partial<TrainOptions>, setup: RunSetup = {}): Promise<Run> {
  const { objective = makeToy({ rate: 0.3 }), data = toyData(23, dataOptions), stopAt } = setup;
  const { steps: _, ...others } = options;
  const defaults = more.epochs === undefined ? options : others;
  const controller = new AbortController();
  const events: TrainEvent[] = [];
  for await (const event of train(objective, data, { ...defaults, signal: controller.signal, ...more })) {
    events.push(event);
    if (event.step === stopAt) controller.abort();
  }
  const end = events.at(-1) as EndEvent;
  const parameters = bits(end.parameters);
  const state = bits(end.state ?? new Map());
  disposeTrees(end);
  return { events, end, parameters, state };
}

/** Every file of a folder, as text. */
export async function contents(files: Files): Promise<Record<string, string>> {
  const names = await namesIn(files);
  const texts = await Promise.all(names.map(async (name) => Buffer.from(await files.read(name)).toString("latin1")));
  return Object.fromEntries(names.map((name, i) => [name, texts[i]!]));
}

export async function namesIn(files: Files): Promise<string[]> {
  return (await files.list()).map(({ name }) => name);
}
