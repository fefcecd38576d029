import { result } from "@cambium/base";
import { type Objective, type Parameters, random } from "@cambium/core";
import type { Scalar, Tensor, Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import { expectTypeOf, test } from "vitest";
import { type Batches, batches } from "./data/batches.ts";
import { predict } from "./evaluate.ts";
import type { EndEvent, StepEvent, TrainEvent } from "./events.ts";
import { adamW } from "./optimisers/adam.ts";
import { perParameter } from "./optimisers/transform.ts";
import { train } from "./train.ts";

interface Row {
  readonly text: string;
}
interface Batch {
  readonly ids: Tensor2D;
  readonly labels: Tensor1D;
}

declare const rows: readonly Row[];
declare const stream: AsyncIterable<Row>;
declare const collate: (rows: readonly Row[]) => Batch;
declare const objective: Objective<Batch>;
declare const data: Batches<Batch>;
const optimiser = adamW({ learningRate: 1e-3 });

test("batches have the type that collate returns, awaited, for arrays and streams", () => {
  expectTypeOf(batches(rows, collate, { size: 2 })).toEqualTypeOf<Batches<Batch>>();
  expectTypeOf(batches(stream, async (some: readonly Row[]) => collate(some), { size: 2 })).toEqualTypeOf<
    Batches<Batch>
  >();
  batches(rows, collate, { size: 2, random: random(1), buckets: (row) => row.text.length });
});

test("rows that collate does not take are refused", () => {
  // @ts-expect-error: numbers are no rows
  batches([1, 2], collate, { size: 2 });
});

test("an objective is trained on its own kind of batches only", () => {
  train(objective, data, { optimiser, epochs: 1 });
  const other = batches([1, 2], (some: readonly number[]) => some.length, { size: 2 });
  // @ts-expect-error: the objective wants ids and labels
  train(objective, other, { optimiser, epochs: 1 });
});

test("a run yields events, and its result is the last one", () => {
  const run = train(objective, data, { optimiser, steps: 1 });
  expectTypeOf(run).toEqualTypeOf<AsyncGenerator<TrainEvent, void, undefined>>();
  expectTypeOf(result(run)).resolves.toEqualTypeOf<EndEvent>();
  expectTypeOf<EndEvent["parameters"]>().toEqualTypeOf<Parameters>();
});

test("the type of an event tells what it carries", () => {
  const handle = (event: TrainEvent): void => {
    if (event.type === "step") expectTypeOf(event).toEqualTypeOf<StepEvent>();
    if (event.type === "checkpoint") expectTypeOf(event.path).toEqualTypeOf<string>();
  };
  expectTypeOf(handle).toBeFunction();
});

test("predict gives a list for each name", () => {
  const run = (batch: Batch): Record<"guess" | "label", Scalar | Tensor1D> => ({
    guess: batch.labels,
    label: batch.labels,
  });
  expectTypeOf(predict(run, data)).resolves.toEqualTypeOf<Record<"guess" | "label", number[]>>();
});

test("a collate may describe itself, and an objective have a state that the end carries", () => {
  const described = Object.assign((some: readonly Row[]) => collate(some), { describe: () => ({ maxLength: 8 }) });
  expectTypeOf(batches(rows, described, { size: 2 })).toEqualTypeOf<Batches<Batch>>();
  expectTypeOf<EndEvent["state"]>().toEqualTypeOf<Parameters | undefined>();
  const end = {} as EndEvent;
  train(objective, data, { optimiser, steps: 1, start: { parameters: end.parameters } });
});

test("slots and scalars of a transform are known by name", () => {
  perParameter({
    kind: "mine",
    config: {},
    slots: ["mean"],
    scalars: (step) => ({ share: 1 / step }),
    update(update, { slots, scalars }) {
      expectTypeOf(slots).toEqualTypeOf<Readonly<Record<"mean", Tensor>>>();
      expectTypeOf(scalars).toEqualTypeOf<Readonly<Record<"share", Tensor>>>();
      return { update, slots: { mean: update } };
    },
  });
  perParameter({
    kind: "mine",
    config: {},
    slots: ["mean"],
    // @ts-expect-error: the slot "mean" is not remembered
    update: (update) => ({ update, slots: {} }),
  });
});
