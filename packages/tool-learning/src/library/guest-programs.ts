/**
 * Programs that try a tool in a sandbox. They are written around its source: the source gets its own scope, and values
 * cross as JSON text, with the numbers that JSON lacks spelled out.
 */

import type { Json } from "@cambium/base";
import { StateError } from "@cambium/base";
import type { Sandbox, SandboxFailure, SandboxLimits } from "@cambium/sandbox";
import { shapeOf } from "../code/shape.ts";
import { equalValues, type TestResult, type ToolTest } from "./tool-test.ts";

const JAVASCRIPT_CODEC = `
const $encode = (value) => JSON.stringify(value, (key, item) => {
  if (typeof item === "number" && !Number.isFinite(item)) return { $number: String(item) };
  if (typeof item === "function" || typeof item === "bigint" || typeof item === "symbol") throw new TypeError("no JSON");
  return item;
});
const $decode = (text) => JSON.parse(text, (key, item) =>
  item !== null && typeof item === "object" && typeof item.$number === "string" ? Number(item.$number) : item);
`;

const PYTHON_CODEC = `
import json as _json, math as _math
def _prepare(value):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"$number": str(value)}
    if isinstance(value, float):
        if _math.isfinite(value):
            return value
        return {"$number": "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _prepare(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_prepare(item) for item in value]
    raise TypeError("no JSON")
def _encode(value):
    return _json.dumps(_prepare(value))
def _restore(item):
    if set(item) != {"$number"}:
        return item
    text = item["$number"]
    return int(text) if text.lstrip("-").isdigit() else float(text)
def _decode(text):
    return _json.loads(text, object_hook=_restore)
`;

/** A tool as it is tried: with the sources of the tools it calls before it. */
export interface TriedTool {
  readonly name: string;
  /** Sources of dependencies, then its own. */
  readonly sources: readonly string[];
}

/** What it is tried with. */
export interface Trial {
  readonly sandbox: Sandbox;
  readonly limits?: Partial<SandboxLimits>;
  readonly signal?: AbortSignal;
}

const declaredNames = (source: string, language: "javascript" | "python"): readonly string[] => [
  ...new Set(shapeOf(source, language)?.flatMap(({ declares }) => declares) ?? []),
];

/** What came of each test's call: encoded values or the problem, as JSON from the guest. */
type Tried = readonly { readonly value?: string; readonly holds?: boolean; readonly problem?: string }[];

function testProgram(
  { name, sources }: TriedTool,
  tests: readonly ToolTest[],
  language: "javascript" | "python",
): string {
  if (language === "python") {
    const checks = tests.map(({ property }) =>
      property === undefined ? "None" : `lambda value, args: bool(${property})`,
    );
    return `${sources.join("\n\n")}
${PYTHON_CODEC}
_checks = [${checks.join(", ")}]
def _try(text, check):
    try:
        args = _decode(text)
        value = ${name}(*args)
        tried = {"value": _encode(value)}
        if check is not None:
            tried["holds"] = check(value, args)
        return tried
    except Exception as error:
        return {"problem": type(error).__name__ + ": " + str(error)}
result = [_try(text, check) for text, check in zip(input, _checks)]`;
  }
  const checks = tests.map(({ property }) =>
    property === undefined ? "null" : `(value, args) => Boolean(${property})`,
  );
  return `${JAVASCRIPT_CODEC}
const $tool = (() => {
${sources.join("\n\n")}
return ${name};
})();
const $checks = [${checks.join(", ")}];
const $results = [];
for (const [i, text] of input.entries()) {
  try {
    const args = $decode(text);
    const value = await $tool(...args);
    const tried = { value: $encode(value === undefined ? null : value) };
    if ($checks[i] !== null) tried.holds = $checks[i](value, args);
    $results.push(tried);
  } catch (error) {
    $results.push({ problem: String(error) });
  }
}
return $results;`;
}

function judge({ expected, property }: ToolTest, tried: Tried[number]): TestResult {
  if (tried.problem !== undefined) return { passed: false, problem: tried.problem };
  const value = JSON.parse(tried.value!) as Json;
  if (expected !== undefined && !equalValues(value, expected)) {
    return {
      passed: false,
      value,
      problem: `returned ${tried.value!.slice(0, 200)}, expected ${JSON.stringify(expected).slice(0, 200)}`,
    };
  }
  if (tried.holds === false) return { passed: false, value, problem: `does not hold: ${property}` };
  return { passed: true, value };
}

/** Failures that say nothing of the program: the sandbox is closed, full, or broke. */
const SANDBOX_FAILURES: ReadonlySet<SandboxFailure["code"]> = new Set(["UNAVAILABLE", "CANCELLED", "SANDBOX_CRASH"]);

/**
 * Runs all tests of a tool in one program, so that they cost one start; a tool that never returns fails them all. A program
 * that ran out of time is run once more, since a busy machine can be the reason.
 *
 * @throws {StateError} When the sandbox itself fails, so that the tool cannot be judged.
 */
export async function runTests(
  tool: TriedTool,
  tests: readonly ToolTest[],
  { sandbox, limits, signal }: Trial,
): Promise<readonly TestResult[]> {
  if (tests.length === 0) return [];
  const run = () =>
    sandbox.run(testProgram(tool, tests, sandbox.language), {
      input: tests.map(({ args }) => JSON.stringify(args)),
      kit: sandbox.language === "javascript",
      ...(limits === undefined ? {} : { limits }),
      ...(signal === undefined ? {} : { signal }),
    });
  let outcome = await run();
  if (!outcome.ok && outcome.failure.code === "GUEST_TIMEOUT") outcome = await run();
  if (!outcome.ok) {
    const { code, message } = outcome.failure;
    if (SANDBOX_FAILURES.has(code)) {
      throw new StateError({ message: `the tests of ${tool.name} could not be run: ${message}`, code });
    }
    return tests.map(() => ({ passed: false, problem: message }));
  }
  const tried = outcome.value as unknown as Tried;
  return tests.map((test, i) => judge(test, tried[i]!));
}

/** Most calls that are recorded of one run. */
const MOST_CALLS = 20;

function recordingProgram({ name, sources }: TriedTool, call: string, language: "javascript" | "python"): string {
  if (language === "python") {
    // The tool lives in its own module, so that calls of itself are not recorded.
    return `${PYTHON_CODEC}
import inspect as _inspect
_calls = []
def _record(tool):
    signature = _inspect.signature(tool)
    def arguments(args, kwargs):
        try:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            return None if bound.kwargs else _encode(list(bound.args))
        except TypeError:
            return None
    def recorded(*args, **kwargs):
        before = arguments(args, kwargs)
        value = tool(*args, **kwargs)
        try:
            if before is not None and len(_calls) < ${MOST_CALLS}:
                _calls.append({"args": before, "value": _encode(value)})
        except TypeError:
            pass
        return value
    return recorded
_tool = {"__name__": "__main__"}
exec(${JSON.stringify(sources.join("\n\n"))}, _tool)
globals().update({**_tool, "${name}": _record(_tool["${name}"])})
${call}
result = _calls`;
  }
  const names = [...new Set(sources.flatMap((source) => declaredNames(source, language)))];
  return `${JAVASCRIPT_CODEC}
const $calls = [];
const $record = (tool) => (...args) => {
  let before;
  try { before = $encode(args); } catch {}
  const keep = (value) => {
    try { if (before !== undefined && $calls.length < ${MOST_CALLS}) $calls.push({ args: before, value: $encode(value === undefined ? null : value) }); } catch {}
    return value;
  };
  const value = tool(...args);
  return value instanceof Promise ? value.then(keep) : keep(value);
};
const { ${names.join(", ")} } = (() => {
${sources.join("\n\n")}
return { ${names.map((each) => (each === name ? `${each}: $record(${each})` : each)).join(", ")} };
})();
await (async () => {
${call}
})();
return $calls;`;
}

/**
 * Runs the calling code once more and keeps what the tool was called with and what it returned: tests that cost nothing.
 * Calls are left out whose arguments or value JSON cannot carry, such as functions. Any failure gives no tests.
 */
export async function recordCalls(
  tool: TriedTool,
  call: string,
  { sandbox, limits, signal }: Trial,
): Promise<readonly ToolTest[]> {
  const outcome = await sandbox.run(recordingProgram(tool, call, sandbox.language), {
    kit: sandbox.language === "javascript",
    ...(limits === undefined ? {} : { limits }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (!outcome.ok) return [];
  const calls = outcome.value as unknown as readonly { readonly args: string; readonly value: string }[];
  const distinct = new Map(calls.map((each) => [each.args, each]));
  return [...distinct.values()].map(({ args, value }) => ({
    args: JSON.parse(args) as Json[],
    expected: JSON.parse(value) as Json,
    origin: "recorded",
  }));
}
