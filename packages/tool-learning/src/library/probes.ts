/** Inputs on which two tools are compared: what either was called with, and small changes of it. */
import type { Json } from "@cambium/base";
import { runTests, type Trial, type TriedTool } from "./guest-programs.ts";
import { equalValues, type ToolTest } from "./tool-test.ts";

const MOST_PROBES = 24;

/** Fewest inputs on which both must return the same value, so that two tools that only throw are not the same. */
const FEWEST_VALUES = 3;

/** The same value with one of its numbers changed, once for each number and change. */
function variations(value: Json): Json[] {
  if (typeof value === "number")
    return [value + 1, value * 2, Math.max(0, value - 1)].filter((other) => other !== value);
  if (Array.isArray(value)) {
    return value.flatMap((item, i) => variations(item as Json).map((other) => value.with(i, other) as Json));
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).flatMap(([key, item]) =>
      variations(item as Json).map((other) => ({ ...value, [key]: other })),
    );
  }
  return [];
}

/** Arguments to compare two tools on. */
export function probesFor(a: readonly ToolTest[], b: readonly ToolTest[]): readonly (readonly Json[])[] {
  const seen = [...a, ...b].map(({ args }) => args);
  const varied = seen.map((args) => variations(args) as (readonly Json[])[]);
  const rounds = Array.from({ length: Math.max(0, ...varied.map(({ length }) => length)) }, (_, i) =>
    varied.flatMap((list) => (list[i] === undefined ? [] : [list[i]])),
  ).flat();
  const distinct = new Map([...seen, ...rounds].map((args) => [JSON.stringify(args), args]));
  return [...distinct.values()].slice(0, MOST_PROBES);
}

/** Whether two tools do the same on all probes: the same value, or both an error. */
export async function behaveAlike(
  a: TriedTool,
  b: TriedTool,
  probes: readonly (readonly Json[])[],
  trial: Trial,
): Promise<boolean> {
  const tests: ToolTest[] = probes.map((args) => ({ args, origin: "recorded" }));
  const [left, right] = await Promise.all([runTests(a, tests, trial), runTests(b, tests, trial)]);
  const isAlike = left.every((result, i) => {
    const other = right[i]!;
    if (result.value === undefined || other.value === undefined) return result.value === other.value;
    return equalValues(result.value, other.value);
  });
  return isAlike && left.filter(({ value }) => value !== undefined).length >= FEWEST_VALUES;
}
