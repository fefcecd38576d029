/** A plan: calls that name each other's results. Read from what a model wrote, and checked as a whole before anything runs. */
import { type Json, type JsonObject, nearest } from "@cambium/base";
import type { ToolSet } from "../../tools/tool-set.ts";
import { jsonIn } from "../answer.ts";

/** One call of a plan. */
export interface PlannedCall {
  readonly id: string;
  readonly tool: string;
  readonly arguments: JsonObject;
  /** Ids of the calls whose results it takes. */
  readonly needs: readonly string[];
}

/** A plan, or what is wrong with it. */
export type ReadPlan = { readonly steps: readonly PlannedCall[] } | { readonly problem: string };

/** Most calls of a plan. */
const LONGEST = 100;

/** Levels of arguments that are searched. */
const DEEPEST = 100;

function isReference(value: Json | undefined): value is JsonObject & { readonly $from: string } {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    typeof (value as JsonObject)["$from"] === "string"
  );
}

function referencesIn(value: Json | undefined, depth = 0): string[] {
  if (typeof value !== "object" || value === null || depth > DEEPEST) return [];
  if (isReference(value)) return [value.$from];
  return Object.values(value).flatMap((inner) => referencesIn(inner as Json, depth + 1));
}

/** A cycle among the needs of a plan, by ids. */
function cycleIn(steps: readonly PlannedCall[]): readonly string[] | undefined {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const done = new Set<string>();
  function visit(id: string, above: readonly string[]): readonly string[] | undefined {
    if (done.has(id)) return undefined;
    if (above.includes(id)) return [...above.slice(above.indexOf(id)), id];
    for (const need of byId.get(id)!.needs) {
      const found = visit(need, [...above, id]);
      if (found !== undefined) return found;
    }
    done.add(id);
    return undefined;
  }
  for (const { id } of steps) {
    const found = visit(id, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Reads a plan. */
export function readPlan(text: string, tools: ToolSet): ReadPlan {
  const json = jsonIn(text);
  const list = (json as JsonObject | null | undefined)?.["steps"];
  if (!Array.isArray(list)) return { problem: 'it must be one JSON object {"steps": [ … ]}' };
  if (list.length > LONGEST) return { problem: `it has ${list.length} steps, ${LONGEST} are the most` };
  const steps: PlannedCall[] = [];
  for (const [i, given] of (list as readonly Json[]).entries()) {
    const {
      id,
      tool,
      arguments: input = {},
    } = (typeof given === "object" && given !== null ? given : {}) as JsonObject;
    if (typeof id !== "string" || id === "") return { problem: `steps[${i}] has no id` };
    if (steps.some((step) => step.id === id)) return { problem: `two steps have the id "${id}"` };
    if (typeof tool !== "string" || tools.get(tool) === undefined) {
      const near = nearest(String(tool), tools.names);
      return {
        problem: `step "${id}": there is no tool ${JSON.stringify(tool ?? null)}${near === undefined ? "" : `; is "${near}" meant?`}`,
      };
    }
    if (typeof input !== "object" || input === null || Array.isArray(input))
      return { problem: `step "${id}": arguments must be an object` };
    steps.push({ id, tool, arguments: input as JsonObject, needs: [...new Set(referencesIn(input))] });
  }
  const ids = steps.map(({ id }) => id);
  for (const { id, needs } of steps) {
    const missing = needs.find((need) => !ids.includes(need));
    if (missing !== undefined) {
      const near = nearest(missing, ids);
      return {
        problem: `step "${id}" takes the result of "${missing}", which does not exist${near === undefined ? "" : `; is "${near}" meant?`}`,
      };
    }
  }
  const cycle = cycleIn(steps);
  return cycle === undefined ? { steps } : { problem: `steps wait for each other: ${cycle.join(" → ")}` };
}

/** A result that a plan refers to, or what is wrong. */
export type Resolved = { readonly value: Json } | { readonly problem: string };

function valueAt(value: Json | undefined, path: string): Json | undefined {
  const keys = path.split(/[.[\]]+/).filter((key) => key !== "");
  return keys.reduce<Json | undefined>((inner, key) => {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, key)) return undefined;
    return (inner as JsonObject)[key];
  }, value);
}

/** Arguments with the results of earlier calls in place of references. */
export function resolve(value: Json, results: ReadonlyMap<string, Json | undefined>): Resolved {
  if (typeof value !== "object" || value === null) return { value };
  if (isReference(value)) {
    const { $from, path } = value;
    const whole = results.get($from);
    const found = typeof path === "string" ? valueAt(whole, path) : whole;
    if (found !== undefined) return { value: found };
    return { problem: `the result of "${$from}" has nothing at "${String(path ?? "")}"` };
  }
  if (Array.isArray(value)) {
    const items: Json[] = [];
    for (const item of value as readonly Json[]) {
      const inner = resolve(item, results);
      if ("problem" in inner) return inner;
      items.push(inner.value);
    }
    return { value: items };
  }
  const fields: [string, Json][] = [];
  for (const [key, field] of Object.entries(value as JsonObject)) {
    const inner = resolve(field!, results);
    if ("problem" in inner) return inner;
    fields.push([key, inner.value]);
  }
  return { value: Object.fromEntries(fields) };
}

/** The calls in waves: each wave needs results of earlier ones only. */
export function wavesOf(steps: readonly PlannedCall[]): readonly (readonly PlannedCall[])[] {
  const waves: PlannedCall[][] = [];
  const done = new Set<string>();
  let left = [...steps];
  while (left.length > 0) {
    const ready = left.filter(({ needs }) => needs.every((need) => done.has(need)));
    waves.push(ready);
    for (const { id } of ready) done.add(id);
    left = left.filter((step) => !ready.includes(step));
  }
  return waves;
}
