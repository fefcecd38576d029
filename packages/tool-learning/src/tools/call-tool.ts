/**
 * One call of one tool, from arguments to outcome. Whatever the tool does ends as a `ToolOutcome`: it throws what it likes,
 * never settles, returns what is no JSON or far too much of it.
 */
import { checkOptions, type Json } from "@cambium/base";
import { type Clock, type FilePart, systemClock } from "@cambium/llm";
import { boundedJson } from "./bounded-json.ts";
import type { ThrownToolCode, ToolFailure, ToolFailureCode } from "./failure.ts";
import { excerptOf, messageOf } from "./hostile.ts";
import { describeIssues } from "./schema.ts";
import { seededRandom } from "./seeded-random.ts";
import type { AnyTool, Tool, ToolContext, ToolOutcome } from "./tool.ts";

/** Settings of `callTool`. */
export interface CallToolOptions {
  readonly signal?: AbortSignal;
  /** @default the machine's */
  readonly clock?: Clock;
  /** The state of the environment. @default undefined */
  readonly state?: unknown;
  /** @default "call" */
  readonly callId?: string;
  /** @default numbers that follow from `callId` */
  readonly random?: () => number;
}

/** Characters of a message that are shown to a model. */
const LONGEST_MESSAGE = 1500;

const THROWN: ReadonlySet<string> = new Set<ThrownToolCode>([
  "TOOL_ERROR",
  "RATE_LIMITED",
  "UNAVAILABLE",
  "UNAUTHORIZED",
  "FORBIDDEN",
  "OUTPUT_TOO_LARGE",
]);

const failed = (code: ToolFailureCode, message: string, retryAfterMs?: number): ToolOutcome => ({
  ok: false,
  failure: {
    code,
    message: excerptOf(message, LONGEST_MESSAGE),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  },
});

/** What was thrown as a failure; errors of this library keep their code where a tool may have it. */
function failureOf(name: string, thrown: unknown): ToolFailure {
  const { code, retryAfterMs, details } = Object(thrown) as {
    code?: unknown;
    retryAfterMs?: unknown;
    details?: { waitMs?: unknown };
  };
  const wait = retryAfterMs ?? details?.waitMs;
  const isKnown = typeof code === "string" && THROWN.has(code);
  return {
    code: isKnown ? (code as ThrownToolCode) : "TOOL_ERROR",
    message: excerptOf(`${name}: ${messageOf(thrown)}`, LONGEST_MESSAGE),
    ...(typeof wait === "number" && wait >= 0 ? { retryAfterMs: wait } : {}),
  };
}

const sizeOf = ({ data }: FilePart): number => (data instanceof URL ? 0 : data.byteLength);

/** What the tool returned as an outcome. */
async function readResult(tool: AnyTool, input: unknown, returned: unknown): Promise<ToolOutcome> {
  const { name, output, limits } = tool;
  let value = returned;
  if (output !== undefined) {
    const checked = await output["~standard"].validate(returned);
    if (checked.issues !== undefined) {
      const issues = checked.issues.map(({ message, path = [] }) => {
        const at = path.map((step) => String(typeof step === "object" ? step.key : step)).join(".");
        return at === "" ? message : `"${at}": ${message}`;
      });
      return failed("OUTPUT_INVALID", `${name}: the result does not fit the tool's own schema: ${issues.join("; ")}`);
    }
    value = checked.value;
  }
  const files = tool.files?.(value, input) ?? [];
  const large = files.find((file) => sizeOf(file) > limits.outputBytes);
  if (large !== undefined) {
    return failed(
      "OUTPUT_TOO_LARGE",
      `${name}: a file of ${sizeOf(large)} bytes (${large.mediaType}), ${limits.outputBytes} are the most`,
    );
  }
  const written = boundedJson(value, limits.outputBytes);
  if (!written.ok) {
    return written.problem === "size"
      ? failed("OUTPUT_TOO_LARGE", `${name}: ${written.reason}; ask for less. It begins: ${written.head}`)
      : failed("OUTPUT_INVALID", `${name}: the result cannot be kept: ${written.reason}`);
  }
  const facts = boundedJson(tool.facts?.(value, input) ?? {}, limits.outputBytes);
  if (!facts.ok) return failed("OUTPUT_INVALID", `${name}: what it claims cannot be kept: ${facts.reason}`);
  const isString = typeof written.value === "string";
  const told = tool.text?.(value, input);
  return {
    ok: true,
    value: written.value,
    text: told ?? (isString ? (written.value as string) : written.text),
    isTold: told !== undefined,
    files,
    facts: facts.value as Readonly<Record<string, Json>>,
  };
}

/** Calls back when the signal is aborted; `forget` takes that back. */
function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) callback();
  else signal.addEventListener("abort", callback, { once: true });
  return () => signal.removeEventListener("abort", callback);
}

/** The outcome of the work, or of what ends it before. Whatever the work comes to later is left alone. */
async function untilEnd(
  { name, limits, effects, idempotent }: AnyTool,
  { signal, clock }: { readonly signal: AbortSignal; readonly clock: Clock },
  work: (signal: AbortSignal) => Promise<ToolOutcome>,
): Promise<ToolOutcome> {
  const isHarmless = idempotent || effects === "none" || effects === "reads";
  const afterTimeout = isHarmless
    ? "ask for less, or go on without it"
    : "it may have taken effect all the same: look first";
  const stop = new AbortController();
  const ends: (() => void)[] = [];
  const ended = new Promise<ToolOutcome>((resolve) => {
    ends.push(
      onAbort(signal, () => resolve(failed("CANCELLED", `${name}: the run was stopped`))),
      clock.after(limits.timeoutMs, () =>
        resolve(failed("TOOL_TIMEOUT", `${name}: no result within ${limits.timeoutMs} ms; ${afterTimeout}`)),
      ),
    );
  });
  try {
    if (signal.aborted) return await ended;
    return await Promise.race([ended, work(stop.signal)]);
  } finally {
    for (const end of ends) end();
    stop.abort();
  }
}

/**
 * Calls a tool once. Checks the arguments, does the work within the tool's limits, and checks and copies what came of it.
 *
 * @param input - The arguments, as the model gave them.
 * @returns Never rejects because of the tool: what goes wrong is the outcome's `failure`.
 * @example
 * const outcome = await callTool(convert, { value: 3, to: "ft" });
 * if (outcome.ok) console.log(outcome.value);
 */
export async function callTool<Input, Output, State>(
  tool: Tool<Input, Output, State>,
  input: Json,
  options: CallToolOptions = {},
): Promise<ToolOutcome> {
  checkOptions("callTool", options, ["signal", "clock", "state", "callId", "random"]);
  const { signal = new AbortController().signal, clock = systemClock, state, callId = "call" } = options;
  const random = options.random ?? seededRandom(callId);
  return untilEnd(tool, { signal, clock }, async (stop) => {
    try {
      const checked = await tool.input["~standard"].validate(input);
      if (checked.issues !== undefined) {
        return failed("INVALID_ARGS", `${tool.name}: ${describeIssues(checked.issues, input, tool.inputSchema)}`);
      }
      const context: ToolContext<State> = { signal: stop, clock, random, state: state as State, callId };
      return await readResult(tool, checked.value, await tool.run(checked.value, context));
    } catch (thrown) {
      return { ok: false, failure: failureOf(tool.name, thrown) };
    }
  });
}
