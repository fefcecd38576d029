import { execFile, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { guestFile } from "../guest-files.ts";

/** How to start Python here. */
export interface Jail {
  /** A command and its arguments, up to the interpreter. */
  readonly command: readonly string[];
}

/** Separate namespaces: no network, no other process in sight. Killing it kills what it started. */
const NAMESPACES = ["unshare", "--user", "--map-root-user", "--net", "--ipc", "--pid", "--fork", "--kill-child"];

/** Ends what follows when this process is gone, however it went: a killed host leaves no program behind. */
const DIES_WITH_HOST = ["setpriv", "--pdeathsig", "KILL"];

/** Longest time to find out what is offered, in ms. */
const PROBE_MS = 20_000;

const run = promisify(execFile);

/** Finds the interpreter itself, behind any launcher that needs an environment, and namespaces where they are offered. */
export async function findJail(python: string): Promise<Jail> {
  const { stdout } = await run(python, ["-c", "import sys; print(sys.executable)"], { timeout: PROBE_MS });
  const interpreter = stdout.trim();
  // Without `setpriv` no namespaces: the process that makes them would outlive this one, and the program with it.
  const [program, ...before] = [...DIES_WITH_HOST, ...NAMESPACES];
  try {
    await run(program!, [...before, interpreter, "-S", "-c", ""], { env: {}, timeout: PROBE_MS });
    return { command: [program!, ...before, interpreter] };
  } catch {
    return { command: [interpreter] };
  }
}

/** What `guest/jail.py` says. */
export type JailMessage =
  | { readonly type: "ready"; readonly obstacle: string | null }
  | { readonly type: "call"; readonly name: string; readonly text: string }
  | { readonly type: "end"; readonly phase: "load" | "run"; readonly text: string };

/** A process that runs one program. */
export interface Prisoner {
  readonly input: Writable;
  readonly output: Readable;
  readonly messages: Readable;
  /** The signal that ended it, if one did; it settles when the process is gone and its output is read. */
  readonly gone: Promise<NodeJS.Signals | null>;
  kill(): void;
}

/** Starts a process that waits for its job. */
export function imprison({ command }: Jail): Prisoner {
  const [program, ...before] = command;
  const child = spawn(program!, [...before, "-s", "-S", "-B", "-u", fileURLToPath(guestFile("jail.py"))], {
    cwd: "/",
    env: { PYTHONHASHSEED: "0", PYTHONUTF8: "1" },
    stdio: ["pipe", "pipe", "ignore", "pipe"],
  });
  const gone = new Promise<NodeJS.Signals | null>((resolve) => {
    child.on("close", (_code, signal) => resolve(signal));
    child.on("error", () => resolve(null));
  });
  child.stdin!.on("error", () => {}); // it may be gone when the job is written
  return {
    input: child.stdin!,
    output: child.stdout!,
    messages: child.stdio[3] as Readable,
    gone,
    kill: () => child.kill("SIGKILL"),
  };
}
