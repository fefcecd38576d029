/**
 * From what an adapter saw to what a caller reads: the value of a result text, or the failure.
 */
import { parseGuestJson } from "./json.ts";
import { type Program, positionOf } from "./program.ts";
import type { SandboxRequest } from "./request.ts";
import type { SandboxFailure, SandboxOutcome, SourcePosition } from "./sandbox.ts";

/** An outcome without what every outcome has. */
export type Verdict =
  | { readonly ok: true; readonly value: Extract<SandboxOutcome, { ok: true }>["value"] }
  | { readonly ok: false; readonly failure: SandboxFailure };

const STACK_LENGTH = 1500;

/** What is read of a stack that a guest wrote, in characters; what is told of it is shorter still. */
const READ_LENGTH = 8000;

/** Most frames that are looked at. */
const MOST_FRAMES = 100;

const NAME_LENGTH = 100;

const fail = (failure: SandboxFailure): Verdict => ({ ok: false, failure });

/** The failure of a limit that was reached. */
export function limitReached(
  { limits }: SandboxRequest,
  name: "wall" | "memory" | "stack" | "stdout" | "result" | "calls",
): Verdict {
  const { wallMs, memoryBytes, stackBytes, stdoutBytes, resultBytes, bridgeCalls } = limits;
  const reached = (code: SandboxFailure["code"], limit: number, message: string): Verdict =>
    fail({ code, limit, message } as SandboxFailure);
  switch (name) {
    case "wall":
      return reached("GUEST_TIMEOUT", wallMs, `the program ran longer than ${wallMs} ms`);
    case "memory":
      return reached("GUEST_MEMORY", memoryBytes, `the program needed more than ${memoryBytes} bytes of memory`);
    case "stack":
      return reached("GUEST_STACK", stackBytes, "the program's calls nested too deeply (endless recursion?)");
    case "stdout":
      return reached("GUEST_OUTPUT_LIMIT", stdoutBytes, `the program printed more than ${stdoutBytes} bytes`);
    case "result":
      return reached("RESULT_TOO_LARGE", resultBytes, `the result's JSON is longer than ${resultBytes} bytes`);
    case "calls":
      return reached("CALL_LIMIT", bridgeCalls, `the program called host functions more than ${bridgeCalls} times`);
  }
}

/** The failure of a source that is too long to be run, if it is. */
export function checkSource({ sourceBytes, limits }: SandboxRequest): Verdict | undefined {
  if (sourceBytes <= limits.sourceBytes) return undefined;
  const message = `the program has ${sourceBytes} bytes, ${limits.sourceBytes} are allowed`;
  return fail({ code: "LOAD_FAILED", message, stack: "" });
}

/** A run without a text that says how it ended: ended from outside, never begun, or broken by the program. */
export function refuse(code: "CANCELLED" | "UNAVAILABLE" | "SANDBOX_CRASH" | "GUEST_CRASH", message: string): Verdict {
  return fail({ code, message });
}

/** The end of a program that wrote itself what only the sandbox should write. It can lie about its own result, no more. */
export const disturbed: Verdict = fail({
  code: "RESULT_INVALID",
  message: "the program disturbed the way of its result",
});

/** A result text, as `guest/prelude.js` describes it. */
export function readResult(
  request: SandboxRequest,
  text: string,
  phase: "load" | "run",
  frames: (stack: string) => readonly Frame[],
): Verdict {
  const rest = text.slice(1);
  switch (text[0]) {
    case "u":
      return { ok: true, value: undefined };
    case "v": {
      const read = parseGuestJson(rest, request.limits.resultBytes);
      if (!("problem" in read)) return { ok: true, value: read.value };
      if (read.problem === "size") return limitReached(request, "result");
      return fail({ code: "RESULT_INVALID", message: `the result is refused, ${read.reason}` });
    }
    case "x":
      return fail({ code: "RESULT_INVALID", message: `the result is no JSON: ${rest.slice(0, STACK_LENGTH)}` });
    case "l":
      return limitReached(request, "result");
    case "e":
      return readError(request, rest, phase, frames);
    default:
      return disturbed;
  }
}

/** A frame of a guest's stack: what was called, and the line of the whole program. */
export interface Frame {
  readonly name: string;
  readonly line: number;
  readonly column?: number;
}

function describedError(json: string): Readonly<Record<"name" | "message" | "stack", string>> | undefined {
  try {
    const { name, message, stack } = JSON.parse(json) as Record<string, unknown>;
    const isText = typeof name === "string" && typeof message === "string" && typeof stack === "string";
    return isText ? { name, message, stack } : undefined;
  } catch {
    return undefined;
  }
}

function readError(
  request: SandboxRequest,
  json: string,
  phase: "load" | "run",
  frames: (stack: string) => readonly Frame[],
): Verdict {
  const described = describedError(json);
  if (described === undefined) return disturbed;
  const { message } = described;
  const [name, stack] = [described.name.slice(0, NAME_LENGTH), described.stack.slice(0, READ_LENGTH)];
  const kind = `${name}: ${message}`;
  if (/^InternalError: out of memory$|^MemoryError: /.test(kind)) return limitReached(request, "memory");
  if (
    /^((Internal|Syntax)Error: stack overflow|RangeError: Maximum call stack size exceeded|RecursionError: .*)$/.test(
      kind,
    )
  )
    return limitReached(request, "stack");
  const found = placesOf(request.program, frames(stack).slice(0, MOST_FRAMES));
  const at = found[0]?.at;
  const lines = [name === "" ? message : kind, ...found.map(({ text }) => text)].join("\n");
  const told = { message: cut(name === "" ? `the program threw ${message}` : kind), stack: cut(lines) };
  const where = at === undefined ? {} : { at };
  if (phase === "load") return fail({ code: "LOAD_FAILED", ...told, ...where });
  return fail({ code: "GUEST_ERROR", name, ...told, ...where });
}

const cut = (text: string): string => (text.length > STACK_LENGTH ? `${text.slice(0, STACK_LENGTH - 1)}…` : text);

/** The frames that are the program's own, by part and line. */
function placesOf(
  program: Program,
  frames: readonly Frame[],
): { readonly at: SourcePosition; readonly text: string }[] {
  const places = [];
  for (const { name, line, column } of frames) {
    const at = positionOf(program, line, column);
    if (at === undefined) continue;
    const spot = `${at.part}:${at.line}${column === undefined ? "" : `:${column}`}`;
    places.push({ at, text: `    at ${name === "" ? spot : `${name} (${spot})`}` });
  }
  return places;
}
