import { createRunner, RunError } from "run";
import {
  checkAdapterOptions,
  createSandbox,
  type Ended,
  type Execution,
  type SandboxAdapterOptions,
} from "./adapter.ts";
import { readKit, readPrelude } from "./guest-files.ts";
import { framesOf, settingsOf } from "./javascript.ts";
import { disturbed, limitReached, readResult, refuse, type Verdict } from "./outcome.ts";
import type { SandboxRequest } from "./request.ts";
import type { Sandbox } from "./sandbox.ts";
import { Stopwatch } from "./stopwatch.ts";

/** Modules that a program's frame imports. Their text is the same in every run: `run` compiles it once for the process. */
type Modules = Readonly<Record<"sandbox" | "kit", string>>;

/** The frame before the program's first line, which is the body of the innermost function. */
function headOf(request: SandboxRequest): string {
  return `${request.kit ? 'await import("kit");' : ""} const { start } = await import("sandbox");
return start(${settingsOf(request)}, ${request.clockMs}, (Math, Date) => async function () {
`;
}
const HEAD_LINES = 2;
const TAIL = "\n});";

async function readModules(): Promise<Modules> {
  const [prelude, kit] = await Promise.all([readPrelude(), readKit()]);
  // The first run loads a worker and, where it is installed, the TypeScript compiler: not the time of any program.
  await createRunner({ limits: { timeoutMs: 60_000 } }).run({ source: "return 0" });
  const sandbox = `
const prepare = ${prelude.slice(prelude.indexOf("(function"))}
const RealMath = Math;
const RealDate = Date;
// Built-in objects are frozen in this guest: seeded ones stand in front of them, as parameters around the program.
export async function start(settings, clock, frame) {
  const answers = [];
  const api = prepare({
    print: (text) => sandboxOutput.print(text),
    call: (id, name, text) => answers.push(sandboxHost.call(name, text).then((answer) => api.settle(id, answer))),
  }, settings);
  const now = () => clock++;
  const SeededDate = function Date(...parts) {
    if (new.target === undefined) return new RealDate(now()).toString();
    return parts.length === 0 ? new RealDate(now()) : new RealDate(...parts);
  };
  Object.defineProperties(SeededDate, { ...Object.getOwnPropertyDescriptors(RealDate), now: { value: now } });
  const random = { value: api.random };
  const SeededMath = Object.defineProperties({}, { ...Object.getOwnPropertyDescriptors(RealMath), random });
  const result = await api.start(frame(SeededMath, SeededDate));
  await Promise.all(answers);
  return result;
}`;
  return { sandbox, kit: kit.join("\n") };
}

/** Texts cross as JSON strings of theirs, in which a character takes up to six bytes. */
const asJsonBytes = (bytes: number): number => 6 * bytes + 1000;

/** Characters that a description of an error may have, in bytes of the result. */
const DESCRIPTION_BYTES = 100_000;

function limitsOf({ limits }: SandboxRequest) {
  return {
    timeoutMs: limits.wallMs,
    memoryLimitBytes: limits.memoryBytes,
    maxStackSizeBytes: limits.stackBytes,
    maxSourceBytes: 2 ** 30, // ours is checked before
    maxConsoleOutputBytes: 1, // its console writes to the standard output of this process
    maxResultBytes: asJsonBytes(Math.max(limits.resultBytes, DESCRIPTION_BYTES)),
    maxHostFunctionArgumentsBytes: asJsonBytes(Math.max(limits.resultBytes, limits.stdoutBytes)),
    maxHostFunctionOutputBytes: asJsonBytes(Math.max(limits.resultBytes, DESCRIPTION_BYTES)), // also of our modules
    maxBridgeRequests: 2 ** 31 - 1, // ours are counted here, and output takes one each line
    maxInFlightBridgeRequests: limits.bridgeCalls + 1,
  };
}

const DETACHED = {
  code: "GUEST_ERROR",
  name: "",
  message: "the program left a call of the host open",
  stack: "",
} as const;

function verdictOf(request: SandboxRequest, error: unknown): Verdict {
  if (!RunError.isInstance(error)) return refuse("SANDBOX_CRASH", "the sandbox broke");
  if (error.code === "RUN_TIMEOUT") return limitReached(request, "wall");
  if (error.code === "RUN_CONCURRENCY_LIMIT") return refuse("UNAVAILABLE", "no memory is left for another program");
  if (error.code === "RUN_SERIALIZATION_ERROR") return disturbed; // it left the function that it stands in
  if (error.code === "RUN_DETACHED_BRIDGE_REQUEST") return { ok: false, failure: DETACHED };
  const thrown = error.code === "RUN_USER_SOURCE_ERROR" ? error : errorOfJob(error);
  if (thrown === undefined) return refuse("SANDBOX_CRASH", "the sandbox broke");
  const { name, message, stack = "" } = thrown;
  if (name === "InternalError" && message === "interrupted") return limitReached(request, "wall");
  const text = `e${JSON.stringify({ name, message, stack })}`;
  return readResult(request, text, name === "SyntaxError" ? "load" : "run", frames);
}

/** The error of the guest that ended one of its jobs, such as a reaction to a promise, outside of its main function. */
function errorOfJob({ message: told }: RunError): Pick<Error, "name" | "message" | "stack"> | undefined {
  const [, name, message] = /^Job execution error: (\w+): (.*)$/s.exec(told) ?? [];
  return name === undefined ? undefined : { name, message: message! };
}

const frames = (stack: string) => framesOf(stack, String.raw`run\.js:(\d+):(\d+)`, HEAD_LINES);

function loadModule(modules: Modules, name: string): string {
  if (!Object.hasOwn(modules, name)) throw new Error("there are no modules");
  return modules[name as keyof Modules];
}

/** How long the package's own time limit may be late. */
const GRACE_MS = 1000;

async function execute({ request, signal, call }: Execution, modules: Modules): Promise<Ended> {
  const { limits } = request;
  const ended = new AbortController();
  let early: Verdict | undefined;
  const stop = (verdict: Verdict): void => {
    early ??= verdict;
    ended.abort();
  };
  const cancel = (): void => stop(refuse("CANCELLED", "the run was cancelled"));
  signal.addEventListener("abort", cancel);
  if (signal.aborted) cancel();

  const output: Uint8Array[] = [];
  let room = limits.stdoutBytes;
  const print = (text: unknown): void => {
    const bytes = new TextEncoder().encode(String(text));
    output.push(bytes.subarray(0, room));
    room -= bytes.length;
    if (room < 0) stop(limitReached(request, "stdout"));
  };
  let calls = 0;
  const callHost = async (name: unknown, argument: unknown): Promise<string> => {
    if (++calls > limits.bridgeCalls) stop(limitReached(request, "calls"));
    if (ended.signal.aborted) return "u";
    return call(String(name), typeof argument === "string" ? argument : undefined);
  };

  // Its own timer comes first; this one holds when a run is stuck before its worker or after it.
  const watch = new Stopwatch(limits.wallMs + GRACE_MS, () => stop(limitReached(request, "wall")));
  watch.start();
  let verdict: Verdict;
  try {
    const runner = createRunner({ syncHostFunctions: { sandboxOutput: { print } }, limits: limitsOf(request) });
    const result = await runner.run({
      source: `${headOf(request)}${request.program.source}${TAIL}`,
      sourceType: "function-body",
      moduleLoader: { load: (name) => loadModule(modules, name) },
      hostFunctions: { sandboxHost: { call: callHost } },
      abortSignal: ended.signal,
    });
    const text = result.status === "completed" ? result.value : undefined;
    verdict = readResult(request, typeof text === "string" ? text : "", "run", frames);
  } catch (error) {
    verdict = verdictOf(request, error);
  }
  watch.pause();
  signal.removeEventListener("abort", cancel);
  const stdout = new TextDecoder().decode(Buffer.concat(output));
  return { verdict: early ?? verdict, stdout, wallMs: watch.usedMs };
}

/**
 * A second sandbox for JavaScript, on the npm package `run`, which hardens its guest: built-in prototypes are frozen,
 * `eval` and `Function` are gone. Its workers and their number belong to the process, not to this sandbox.
 *
 * Where it differs from `quickjs()`: a loop of some hundred ms of pure computing ends as `GUEST_TIMEOUT` whatever the
 * limit; assigning to a built-in prototype does nothing and says nothing; waiting for host functions counts as running
 * time; memory may exceed the limit by more; one idle worker stays until Node ends. The guide on sandbox security lists all.
 *
 * @throws {ConfigError} When an option is unknown or out of its range.
 */
export function runPackage(options: SandboxAdapterOptions = {}): Sandbox {
  checkAdapterOptions("runPackage", options);
  let modules: Promise<Modules> | undefined;
  return createSandbox(
    {
      name: "run",
      language: "javascript",
      async execute(execution) {
        modules ??= readModules();
        return execute(execution, await modules);
      },
      async close() {},
    },
    options,
  );
}
