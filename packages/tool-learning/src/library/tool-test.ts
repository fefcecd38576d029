import type { Json } from "@cambium/base";

/**
 * A test of a tool: arguments, and what must come of them. Numbers that JSON lacks stand as `{ "$number": "Infinity" }`.
 */
export interface ToolTest {
  readonly args: readonly Json[];
  /** The value it must return, numbers within a relative 1e-9. */
  readonly expected?: Json;
  /** An expression over `value` and `args` that must be true, in the tool's language: `value >= 0`. */
  readonly property?: string;
  /** `recorded`: seen when a question was solved; `written`: by a model or a person, before it ran. */
  readonly origin: "recorded" | "written";
}

/** How a test ended. */
export interface TestResult {
  readonly passed: boolean;
  /** What the tool returned. */
  readonly value?: Json;
  /** What it threw, or why the value is wrong. */
  readonly problem?: string;
}

const TOLERANCE = 1e-9;

/** Equal values; numbers may differ by a relative 1e-9. */
export function equalValues(a: Json, b: Json): boolean {
  if (typeof a === "number" && typeof b === "number") {
    return Math.abs(a - b) <= TOLERANCE * Math.max(1, Math.abs(a), Math.abs(b));
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((value, i) => equalValues(value, b[i] as Json));
  }
  if (
    typeof a === "object" &&
    typeof b === "object" &&
    a !== null &&
    b !== null &&
    !Array.isArray(a) &&
    !Array.isArray(b)
  ) {
    const [left, right] = [a as Record<string, Json>, b as Record<string, Json>];
    const keys = Object.keys(left);
    return (
      keys.length === Object.keys(right).length &&
      keys.every((key) => Object.hasOwn(right, key) && equalValues(left[key]!, right[key]!))
    );
  }
  return a === b;
}

/**
 * A test as a line of text.
 *
 * @example
 * describeTest("area", { args: [3, 4], expected: 12, origin: "recorded" }); // "area(3, 4) = 12"
 */
export function describeTest(name: string, { args, expected, property }: ToolTest): string {
  const show = (value: Json): string => JSON.stringify(value).replace(/\{"\$number":"(-?\w+)"\}/g, "$1");
  const value = expected === undefined ? [] : [show(expected)];
  const wanted = [...value, ...(property === undefined ? [] : [`with ${property}`])].join(", ");
  return `${name}(${args.map(show).join(", ")}) = ${wanted === "" ? "anything" : wanted}`;
}
