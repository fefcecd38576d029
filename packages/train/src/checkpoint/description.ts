/**
 * What a run depends on, as JSON, so that the checkpoint of another run is refused and what differs is listed.
 *
 * The fixed part is known before the first step. The taken part is about the steps so far: their learning rates, the
 * objective's scalars, the rows of a stream. Only steps that were taken are compared, so a run may be prolonged.
 */
import { ConfigError, canonicalJson, type Json, type JsonObject } from "@cambium/base";
import { fingerprint, type Objective, type Parameters } from "@cambium/core";
import type { Batches } from "../data/batches.ts";
import type { Progress } from "../progress.ts";
import { rateAt } from "../schedules.ts";
import { scalarsAt } from "../step.ts";
import type { TrainPlan } from "../train-options.ts";
import { digestText } from "./digest.ts";

/** Differences that a message lists before it stops, and characters of a value. */
const LISTED = 12;
const SHOWN = 160;

/** Where a checkpoint stands. */
type Place = Pick<Progress, "step" | "position">;

/** What a run depends on. */
export interface RunDescription {
  readonly fixed: JsonObject;
  /** What the steps up to a place depended on, the place's own fingerprint of the data included. */
  takenBy(place: Place): Promise<JsonObject>;
  /** The same, with the fingerprint that the data has now. */
  takenAfter(place: Place): Promise<JsonObject>;
}

/** Whatever a description is made of, as plain JSON. */
function toJson(value: JsonObject): JsonObject {
  try {
    return JSON.parse(canonicalJson(value)) as JsonObject;
  } catch (cause) {
    throw new ConfigError({
      message: `train: a run must describe itself in JSON, for its checkpoints; ${(cause as Error).message}`,
      cause,
    });
  }
}

const shapesOf = (tree: Parameters): JsonObject =>
  Object.fromEntries([...tree].map(([name, { dtype, shape }]) => [name, `${dtype} [${shape.join(", ")}]`]));

/** Values of the steps 1 to `step`: some to be read, and all in one fingerprint. */
async function describeSteps(step: number, valueAt: (step: number) => Json): Promise<JsonObject> {
  if (step === 0) return {};
  const values = Array.from({ length: step }, (_, i) => valueAt(i + 1));
  const sampled = Array.from({ length: 21 }, (_, i) => 2 ** i).filter((sample) => sample < step);
  return {
    ...Object.fromEntries([...sampled, step].map((sample) => [`step ${sample}`, values[sample - 1]!])),
    [`steps 1 to ${step}`]: await digestText(canonicalJson(values)),
  };
}

/** Where the run starts, by its values. */
async function describeStart({ parameters, state, optimiser, step, position }: Progress): Promise<JsonObject> {
  return {
    parameters: await fingerprint(parameters),
    state: await fingerprint(state),
    optimiser: optimiser.step === 0 ? null : { step: optimiser.step, tensors: await fingerprint(optimiser.tensors) },
    ...(step > 0 && { step }),
    ...(position.epoch + position.batch > 0 && { position: { epoch: position.epoch, batch: position.batch } }),
  };
}

/**
 * Everything outside a checkpoint that the rest of a run depends on. How long the run is does not belong to it, so a
 * finished run can be prolonged.
 *
 * @param start - The run before its first step.
 * @param total - Its steps, where they are known.
 * @throws {ConfigError} When the objective does not describe itself, or something cannot be described.
 */
export async function describeRun(
  objective: Objective<never>,
  data: Batches<unknown>,
  plan: TrainPlan,
  start: Progress,
  total: number | undefined,
): Promise<RunDescription> {
  if (objective.describe === undefined) {
    throw new ConfigError({
      message:
        'train: checkpoints need objective.describe(): JSON of all that the loss depends on, such as describe: async () => ({ base: await fingerprint(base.parameters), temperature: 2 }), so that another run\'s checkpoint is refused; add it, or leave out "checkpoint"',
    });
  }
  const { optimiser, accumulate, clipNorm = null, random, evaluate } = plan;
  const { learningRate } = optimiser;
  const fixed = toJson({
    objective: await objective.describe(),
    parameters: shapesOf(objective.parameters),
    state: shapesOf(objective.state ?? new Map()),
    start: await describeStart(start),
    data: await data.describe(),
    optimiser: optimiser.describe(objective.parameters),
    accumulate,
    clipNorm,
    random: { seed: random.seed, path: random.path },
    evaluate:
      evaluate?.best === undefined
        ? null
        : { every: evaluate.every, patience: evaluate.patience ?? null, best: { ...evaluate.best } },
  });
  async function taken(step: number, rows: string | undefined): Promise<JsonObject> {
    return toJson({
      learningRate: await describeSteps(step, (at) => rateAt("train", learningRate, at)),
      scalars: objective.scalars && (await describeSteps(step, (at) => scalarsAt(objective, at, total))),
      rows,
    });
  }
  return {
    fixed,
    takenBy: ({ step, position }) => taken(step, position.fingerprint),
    takenAfter: async ({ step, position }) => taken(step, await data.fingerprintAt?.(position)),
  };
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function show(value: Json | undefined): string {
  if (value === undefined) return "absent";
  const text = JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

/** Every place at which two descriptions differ, as lines for a message. */
function differences(then: Json | undefined, now: Json | undefined, path: string): string[] {
  if (isObject(then) && isObject(now)) {
    const keys = [...new Set([...Object.keys(then), ...Object.keys(now)])];
    return keys.flatMap((key) => differences(then[key], now[key], path === "" ? key : `${path}.${key}`));
  }
  // Lists of objects are compared one by one; lists of words and numbers are shown whole, because their order matters.
  if (Array.isArray(then) && Array.isArray(now) && then.length === now.length && then.some(isObject)) {
    return then.flatMap((item: Json, i) => differences(item, (now as readonly Json[])[i], `${path}[${i}]`));
  }
  return JSON.stringify(then) === JSON.stringify(now)
    ? []
    : [`${path}: ${show(then)} in the checkpoint, ${show(now)} now`];
}

/** What differs between two descriptions: all places, and a text that lists the first of them. */
export function compareDescriptions(
  then: JsonObject,
  now: JsonObject,
): { readonly places: readonly string[]; readonly text: string } {
  const places = differences(then, now, "");
  const more = places.length > LISTED ? `; and ${places.length - LISTED} more` : "";
  return { places, text: `${places.slice(0, LISTED).join("; ")}${more}` };
}
