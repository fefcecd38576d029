/** A map of low rank that is trained by what the new model makes of it. */
import { ConfigError, checkOptions } from "@cambium/base";
import {
  disposeParameters,
  fingerprint,
  flattenParameters,
  type Objective,
  type Parameters,
  type Random,
} from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import { type Batches, type EndEvent, type MiniBatch, type TrainEvent, type TrainOptions, train } from "@cambium/train";
import {
  add,
  matMul,
  reshape,
  type Scalar,
  slice,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
  zeros,
} from "@tensorflow/tfjs-core";
import { recycle } from "../transfer/recycle.ts";
import { formOf } from "./fit.ts";
import { changeOf, type DeltaProjection, placesOf } from "./projection.ts";

/** A task with a delta of the old model and rows, on which a map is trained. */
export interface ProjectionSource {
  readonly old: Tuned<LanguageModel>;
  readonly data: Batches<TokenBatch>;
}

/** Settings of `trainProjection`: those of `train`, and the map's. */
export interface TrainProjectionOptions extends Omit<TrainOptions, "start" | "keepOptimiser"> {
  /** k, the rank of the map. @default 16 */
  readonly rank?: number;
  /**
   * `"residual"`: `v + v W₁ W₂ + c` with W₂ and c at zero, so that it starts as the identity. `"reference"`: `v W₁ W₂ + c`, all normal
   * with deviation 0.02, as in the paper's program; it starts far from any solution. @default "residual"
   */
  readonly form?: "residual" | "reference";
  /** Where W₁, and of the reference form all of it, starts, and the randomness of steps. */
  readonly random: Random;
}

/** The end of a training. */
export interface ProjectionEnd extends EndEvent {
  /** The map; it holds the parameters of this event. */
  readonly projection: DeltaProjection;
}

/** What happens while a map is trained. */
export type ProjectionEvent = Exclude<TrainEvent, EndEvent> | ProjectionEnd;

const OF_TRAIN = [
  "optimiser",
  "steps",
  "epochs",
  "accumulate",
  "clipNorm",
  "random",
  "evaluate",
  "checkpoint",
  "signal",
] as const;

/**
 * Trains `g(v) = v + v W₁ W₂ + c` on tasks of which there are rows, by the loss that the new model has with `g(Δ_old)` on it; W₁ is
 * `[numbers, rank]`, W₂ `[rank, numbers]`, v the whole change as one row. Heads are left out and stay as they were trained.
 *
 * With several tasks their batches take turns.
 *
 * @param sources - With deltas of one form.
 * @throws {ConfigError} When there are no sources, or a setting cannot be meant; as `recycle` and `train` do.
 * @throws {ShapeError} When deltas differ in form.
 * @see Qin et al. 2023, arXiv:2305.08702; their program has the reference form.
 */
export async function* trainProjection(
  sources: readonly ProjectionSource[],
  newBase: LanguageModel,
  options: TrainProjectionOptions,
): AsyncGenerator<ProjectionEvent, void, undefined> {
  checkOptions("trainProjection", options, ["rank", "form", ...OF_TRAIN]);
  const { rank = 16, form = "residual", ...training } = options;
  if (!Number.isInteger(rank) || rank < 1)
    throw new ConfigError({ message: `trainProjection: rank must be an integer from 1, got ${rank}` });
  if (form !== "residual" && form !== "reference")
    throw new ConfigError({
      message: `trainProjection: form must be "residual" or "reference", got ${JSON.stringify(form)}`,
    });
  const { shapes } = formOf(
    "trainProjection",
    sources.map(({ old }) => ({ old, current: old })),
    false,
  );
  const size = [...shapes.values()].reduce((all, shape) => all + shape.reduce((product, each) => product * each, 1), 0);
  const owned: Parameters[] = [];
  try {
    const tasks: Task[] = [];
    for (const { old } of sources) {
      const student = await recycle(old, newBase, { method: "initialise" });
      const change = changeOf(old, shapes.keys());
      owned.push(student.parameters, change);
      const flat = flattenParameters(change);
      owned.push(new Map([["v", flat]]));
      tasks.push({ student, flat, weights: placesOf(student).weights });
    }
    const start = startOf(size, rank, form, options.random);
    owned.push(start);
    const objective: Objective<SourceBatch> = {
      parameters: start,
      loss: (at, { source, batch }, context) =>
        tidy(() => {
          const task = tasks[source]!;
          return task.student.loss(pointOf(task, shapes, imageOf(at, task.flat, form)), batch as never, context);
        }) as Scalar,
      weight: ({ source, batch }) => tasks[source]!.student.weight?.(batch as never) ?? batch.ids.shape[0],
      describe: async () => ({
        projection: form,
        rank,
        tasks: await Promise.all(sources.map(({ old }) => old.describe())),
        deltas: await Promise.all(sources.map(({ old }) => fingerprint(old.parameters))),
        base: await fingerprint(newBase.parameters),
      }),
    };
    for await (const event of train(objective, inTurn(sources), training)) {
      if (event.type !== "end") {
        yield event;
        continue;
      }
      const { parameters } = event;
      const projection: DeltaProjection = {
        kind: "low-rank",
        shapes,
        apply: (change) => {
          const image = tidy(() => imageOf(parameters, flattenParameters(change), form));
          const parts = tidy(() => Object.fromEntries(cut(image, shapes)));
          image.dispose();
          return new Map(Object.entries(parts));
        },
        dispose: () => disposeParameters(parameters),
      };
      yield { ...event, projection };
    }
  } finally {
    for (const tree of owned) disposeParameters(tree);
  }
}

interface Task {
  readonly student: Tuned<LanguageModel>;
  /** The old change, `[numbers]`. */
  readonly flat: Tensor1D;
  readonly weights: ReadonlyMap<string, string>;
}

interface SourceBatch {
  readonly source: number;
  readonly batch: TokenBatch;
}

function startOf(size: number, rank: number, form: "residual" | "reference", random: Random): Parameters {
  const drawn = (name: string, shape: readonly number[]): Tensor =>
    random.at("projection").at(name).normal(shape, 0, 0.02);
  const isReference = form === "reference";
  return new Map<string, Tensor>([
    ["projection/W1", drawn("W1", [size, rank])],
    ["projection/W2", isReference ? drawn("W2", [rank, size]) : zeros([rank, size])],
    ["projection/c", isReference ? drawn("c", [size]) : zeros([size])],
  ]);
}

/** g(v), `[numbers]`. */
function imageOf(at: Parameters, v: Tensor1D, form: "residual" | "reference"): Tensor1D {
  const row = reshape(v, [1, -1]) as Tensor2D;
  const product = matMul(matMul(row, at.get("projection/W1")! as Tensor2D), at.get("projection/W2")! as Tensor2D);
  const mapped = add(reshape(product, [-1]), at.get("projection/c")!);
  return (form === "residual" ? add(v, mapped) : mapped) as Tensor1D;
}

function cut(flat: Tensor1D, shapes: ReadonlyMap<string, readonly number[]>): Map<string, Tensor> {
  let from = 0;
  return new Map(
    [...shapes].map(([name, shape]) => {
      const size = shape.reduce((product, each) => product * each, 1);
      const part = reshape(slice(flat, [from], [size]), [...shape]);
      from += size;
      return [name, part];
    }),
  );
}

/** The student's parameters with a change in them. */
function pointOf(
  { student, weights }: Task,
  shapes: ReadonlyMap<string, readonly number[]>,
  flat: Tensor1D,
): Parameters {
  const parts = cut(flat, shapes);
  return new Map(
    [...student.parameters].map(([name, value]) => {
      const part = parts.get(name);
      if (part === undefined) return [name, value];
      const weight = weights.get(name);
      return [name, weight === undefined ? part : add(part, student.base.parameters.get(weight)!)];
    }),
  );
}

/** Batches of several tasks, in turn, until each has had its epoch. */
function inTurn(sources: readonly ProjectionSource[]): Batches<SourceBatch> {
  const counts = sources.map(({ data }) => data.batchCount);
  const isCounted = counts.every((count) => count !== undefined);
  if (!isCounted)
    throw new ConfigError({
      message: "trainProjection: rows must be lists, not streams, so that tasks can take turns",
    });
  const longest = Math.max(0, ...(counts as number[]));
  const order = Array.from({ length: longest }).flatMap((_, round) =>
    counts.flatMap((count, source) => (round < count! ? [source] : [])),
  );
  return {
    batchCount: order.length,
    describe: async () => ({ sources: await Promise.all(sources.map(({ data }) => data.describe())) }),
    async *epoch(epoch, from = 0, more) {
      const taken = sources.map((_, source) => order.slice(0, from).filter((each) => each === source).length);
      const running = sources.map(({ data }, source) =>
        taken[source]! < counts[source]! ? data.epoch(epoch, taken[source], more)[Symbol.asyncIterator]() : undefined,
      );
      try {
        for (let i = from; i < order.length; i++) {
          const source = order[i]!;
          const { value } = await running[source]!.next();
          const { batch, rows } = value as MiniBatch<TokenBatch>;
          yield { batch: { source, batch }, rows, isLast: i === order.length - 1 };
        }
      } finally {
        for (const each of running) await each?.return?.();
      }
    },
  };
}
