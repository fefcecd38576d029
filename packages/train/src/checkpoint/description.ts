import type { Json, JsonObject } from "@cambium/base";
import type { Objective } from "@cambium/core";
import type { Batches } from "../data/batches.ts";
import type { TrainPlan } from "../train-options.ts";

/** Differences that a message lists before it stops. */
const LISTED = 12;

/**
 * Everything outside a checkpoint that the rest of a run depends on, as JSON. How long the run is does not belong to it,
 * so a finished run can be prolonged.
 */
export function describeRun(objective: Objective<never>, data: Batches<unknown>, plan: TrainPlan): JsonObject {
  const { optimiser, accumulate, clipNorm = null, random, evaluate } = plan;
  return {
    parameters: Object.fromEntries(
      [...objective.parameters].map(([name, { dtype, shape }]) => [name, `${dtype} [${shape.join(", ")}]`]),
    ),
    data: data.describe(),
    optimiser: optimiser.describe(objective.parameters),
    accumulate,
    clipNorm,
    random: { seed: random.seed, path: random.path },
    best: evaluate?.best === undefined ? null : { ...evaluate.best },
  };
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const show = (value: Json | undefined): string => (value === undefined ? "absent" : JSON.stringify(value));

/** Every place at which two descriptions differ, as lines for a message. */
function differences(then: Json | undefined, now: Json | undefined, path: string): string[] {
  if (isObject(then) && isObject(now)) {
    const keys = [...new Set([...Object.keys(then), ...Object.keys(now)])];
    return keys.flatMap((key) => differences(then[key], now[key], path === "" ? key : `${path}.${key}`));
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
