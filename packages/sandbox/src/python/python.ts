import { Buffer } from "node:buffer";
import * as z from "zod";
import {
  checkAdapterOptions,
  createSandbox,
  type Ended,
  type Execution,
  type SandboxAdapterOptions,
} from "../adapter.ts";
import { readLines } from "../lines.ts";
import { disturbed, type Frame, limitReached, readResult, refuse, type Verdict } from "../outcome.ts";
import type { SandboxRequest } from "../request.ts";
import type { Sandbox } from "../sandbox.ts";
import { Stopwatch } from "../stopwatch.ts";
import { findJail, imprison, type Jail, type JailMessage } from "./jail.ts";
import { pythonModules } from "./modules.ts";

/** Options of `python`. */
export interface PythonOptions extends SandboxAdapterOptions {
  /** The interpreter, 3.9 or newer: a command or a path. @default "python3" */
  readonly command?: string;
  /** Run programs even where nothing isolates them: they then have the rights of this process. @default false */
  readonly unsafeWithoutIsolation?: boolean;
}

/** Longest time until an interpreter waits for its program, in ms. */
const START_MS = 20_000;

const isText = (value: unknown): value is string => typeof value === "string";

/** Room for the description of an error, in bytes. */
const DESCRIPTION_BYTES = 100_000;

const jobOf = ({ program, input, functions, limits, seed, clockMs }: SandboxRequest): string =>
  JSON.stringify({
    ...{ ...limits, source: program.source, input, functions: [...functions.keys()], seed, clockMs },
    modules: pythonModules,
  });

/** Frames as `describe` of `guest/jail.py` writes them. */
function framesOf(stack: string): readonly Frame[] {
  return [...stack.matchAll(/^(\S+) (\d+)$/gm)].map(([, name, line]) => ({
    name: name === "<module>" ? "" : name!,
    line: Number(line),
  }));
}

/** What a process that ended before it said how leaves to conclude: once it was told to go, its program did it. */
function verdictOfSignal(request: SandboxRequest, signal: NodeJS.Signals | null, hasBegun: boolean): Verdict {
  if (!hasBegun) return refuse("SANDBOX_CRASH", "the interpreter ended before the program began");
  if (signal === "SIGXCPU" || signal === "SIGKILL") return limitReached(request, "wall"); // its limit of processor time
  if (signal === "SIGSEGV") return limitReached(request, "stack"); // recursion in C, past any counter
  return refuse("GUEST_CRASH", "the program ended its interpreter without a result");
}

async function execute({ request, signal, call }: Execution, jail: Jail, unsafe: boolean): Promise<Ended> {
  const { limits } = request;
  const { input, output, messages, gone, kill } = imprison(jail);
  let verdict: Verdict | undefined;
  let hasBegun = false;
  const stop = (reached: Verdict): void => {
    verdict ??= reached;
    kill();
  };
  const cancel = (): void => stop(refuse("CANCELLED", "the run was cancelled"));
  const starting = setTimeout(() => stop(refuse("SANDBOX_CRASH", "the interpreter did not start")), START_MS);
  const watch = new Stopwatch(limits.wallMs, () => stop(limitReached(request, "wall")));

  const printed: Uint8Array[] = [];
  let room = limits.stdoutBytes;
  output.on("data", (bytes: Uint8Array) => {
    printed.push(bytes.subarray(0, Math.max(0, room)));
    room -= bytes.length;
    if (room < 0) stop(limitReached(request, "stdout"));
  });

  let calls = 0;
  const answer = async (name: string, argument: string): Promise<void> => {
    if (++calls > limits.bridgeCalls) return stop(limitReached(request, "calls"));
    watch.pause(); // Python waits for the answer
    const text = await call(name, argument);
    if (verdict !== undefined) return;
    watch.start();
    input.write(`${JSON.stringify(text)}\n`);
  };
  const hear = (message: JailMessage): void => {
    if (hasBegun) {
      const { type, text, name, phase } = message as Partial<Record<"type" | "text" | "name" | "phase", unknown>>;
      if (type === "call" && isText(text) && isText(name)) void answer(name, text);
      else if (type === "end" && isText(text)) {
        stop(readResult(request, text, phase === "load" ? "load" : "run", framesOf));
      } else stop(disturbed); // "ready" comes once; a second time, as anything else, it is the program that says it
      return;
    }
    if (message.type !== "ready") return;
    clearTimeout(starting);
    if (message.obstacle !== null && !unsafe) {
      stop(refuse("UNAVAILABLE", `nothing isolates Python here: ${message.obstacle}`));
    } else {
      hasBegun = true;
      watch.start();
      input.write("go\n");
    }
  };
  // A program can write to this channel too.
  const read = (line: string): void => {
    if (verdict !== undefined) return;
    try {
      hear(JSON.parse(line) as JailMessage);
    } catch {
      stop(disturbed);
    }
  };
  readLines(messages, 6 * limits.resultBytes + DESCRIPTION_BYTES, read, () => stop(disturbed));

  signal.addEventListener("abort", cancel);
  if (signal.aborted) cancel();
  input.write(`${jobOf(request)}\n`);
  const ending = await gone;
  clearTimeout(starting);
  watch.pause();
  signal.removeEventListener("abort", cancel);
  if (verdict?.ok && room < 0) verdict = limitReached(request, "stdout"); // its last output came after its result
  const stdout = new TextDecoder().decode(Buffer.concat(printed));
  return { verdict: verdict ?? verdictOfSignal(request, ending, hasBegun), stdout, wallMs: watch.usedMs };
}

/**
 * A sandbox for Python, to be chosen on purpose: an interpreter of this machine in a separate child process for each
 * program. Before the program starts, the process gives up every system call but those for computing and for its pipes
 * (seccomp), its memory and processor time are bounded, and it has its own namespaces where the system offers them.
 * Linux on x64 or arm64 only; elsewhere every run ends as `UNAVAILABLE`, unless `unsafeWithoutIsolation` says otherwise.
 *
 * Only modules of the standard library that need nothing else can be imported (`math`, `fractions`, `decimal`,
 * `statistics`, `itertools`, `datetime`, `re`, `json`, …). There is no maths kit, and no clock for `datetime.now()`.
 *
 * @throws {ConfigError} When an option is unknown or out of its range.
 * @example
 * const sandbox = python();
 * const outcome = await sandbox.run("from fractions import Fraction\nresult = str(Fraction(1, 3) + Fraction(1, 6))");
 * if (outcome.ok) console.log(outcome.value); // "1/2"
 */
export function python(options: PythonOptions = {}): Sandbox {
  checkAdapterOptions("python", options, {
    command: z.string().min(1).optional(),
    unsafeWithoutIsolation: z.boolean().optional(),
  });
  const { command = "python3", unsafeWithoutIsolation = false } = options;
  let jail: Promise<Jail> | undefined;
  return createSandbox(
    {
      name: "python",
      language: "python",
      async execute(execution) {
        jail ??= findJail(command);
        try {
          await jail;
        } catch {
          jail = undefined;
          return { verdict: refuse("UNAVAILABLE", `${command} does not start here`), stdout: "", wallMs: 0 };
        }
        return execute(execution, await jail, unsafeWithoutIsolation);
      },
      async close() {},
    },
    options,
  );
}
