import { Buffer } from "node:buffer";
import type { HostFunction, Sandbox, SandboxOutcome } from "../sandbox.ts";
import { type EscapeOracle, watchHost } from "./escape-oracle.ts";
import { hostileProgram } from "./hostile-programs.ts";

const CODES = new Set(
  "LOAD_FAILED GUEST_ERROR GUEST_TIMEOUT GUEST_MEMORY GUEST_STACK GUEST_OUTPUT_LIMIT RESULT_TOO_LARGE CALL_LIMIT RESULT_INVALID CANCELLED UNAVAILABLE SANDBOX_CRASH".split(
    " ",
  ),
);

/** What became of a hostile program: how it ended, and what it achieved that it should not, if anything. */
interface Attack {
  readonly code: string;
  readonly message: string;
  readonly escaped: string | undefined;
}

function fault(outcome: SandboxOutcome, { limits }: Sandbox): string | undefined {
  if (Buffer.byteLength(outcome.stdout) > limits.stdoutBytes + 2) return "more output than allowed";
  if (outcome.ok) {
    const json = JSON.stringify(outcome.value) ?? "";
    return json.length > limits.resultBytes ? "a larger result than allowed" : undefined;
  }
  if (!CODES.has(outcome.failure.code)) return `a failure of unknown code ${outcome.failure.code}`;
  if (typeof outcome.failure.message !== "string") return "a failure without a message";
  return JSON.stringify(outcome.failure).length > 20_000 ? "a failure of great length" : undefined;
}

const text: HostFunction["input"] = {
  "~standard": { validate: (value) => (typeof value === "string" ? { value } : { issues: [{ message: "no text" }] }) },
};

/** Printed before a hostile program's own text. */
const BEGUN = "begun";

/** Runs the hostile program of a seed, with a function that hands back its argument and one that runs programs. */
async function attackOnce(
  sandbox: Sandbox,
  oracle: EscapeOracle,
  seed: number,
  wallMs: number,
): Promise<Attack & { readonly hasBegun: boolean }> {
  const seen: unknown[] = [];
  const limits = { wallMs };
  const echo: HostFunction = {
    input: { "~standard": { validate: (value) => ({ value }) } },
    run(value) {
      seen.push(value);
      return Object.assign({}, { value });
    },
  };
  const again: HostFunction = {
    input: text,
    async run(source, { signal }) {
      const inner = await sandbox.run(source as string, {
        input: { source: source as string },
        functions: { echo, again },
        limits,
        signal,
      });
      return inner.ok ? (inner.value ?? null) : inner.failure.code;
    },
  };
  const program = [
    { name: "begin", source: `print("${BEGUN}");` },
    { name: "program", source: hostileProgram(seed) },
  ];
  try {
    const input = { file: oracle.file };
    const outcome = await sandbox.run(program, { input, functions: { echo, again }, limits });
    const escaped = oracle.findEscape([outcome, seen]) ?? fault(outcome, sandbox);
    const hasBegun = outcome.stdout.startsWith(BEGUN);
    return outcome.ok
      ? { code: "ok", message: "", escaped, hasBegun }
      : { code: outcome.failure.code, message: outcome.failure.message, escaped, hasBegun };
  } catch (error) {
    return { code: "thrown", message: String(error), escaped: "the run was rejected", hasBegun: false };
  }
}

/** The longest time that a program gets to begin; one that closes the function around it never prints that it did. Ms. */
const LONGEST_MS = 10_000;

/**
 * Attacks a sandbox by the hostile program of a seed. On a busy machine a short time can be up before the program began,
 * or there is no room for it: then it has attacked nothing, and is run again with four times the time.
 */
async function attack(sandbox: Sandbox, oracle: EscapeOracle, seed: number, wallMs: number): Promise<Attack> {
  for (let limitMs = wallMs; ; limitMs *= 4) {
    const { hasBegun, ...ended } = await attackOnce(sandbox, oracle, seed, limitMs);
    const wasKeptOut = ended.code === "GUEST_TIMEOUT" || ended.code === "UNAVAILABLE";
    if (hasBegun || ended.escaped !== undefined || !wasKeptOut || limitMs > LONGEST_MS) return ended;
  }
}

/** What became of many attacks. */
interface AttackTally {
  /** How many programs ended with each code. */
  readonly ends: Readonly<Record<string, number>>;
  readonly escapes: readonly { readonly seed: number; readonly escaped: string; readonly message: string }[];
  /** Programs that broke the sandbox itself. */
  readonly crashes: readonly { readonly seed: number; readonly message: string }[];
}

/** Attacks with the seeds `first` … `first + count − 1`, `concurrency` at once. */
export async function attackMany(
  sandbox: Sandbox,
  { first, count, wallMs, concurrency }: Readonly<Record<"first" | "count" | "wallMs" | "concurrency", number>>,
): Promise<AttackTally> {
  const oracle = watchHost();
  const ends: Record<string, number> = {};
  const escapes: { seed: number; escaped: string; message: string }[] = [];
  const crashes: { seed: number; message: string }[] = [];
  let next = first;
  const work = async (): Promise<void> => {
    for (let seed = next++; seed < first + count; seed = next++) {
      const { code, message, escaped } = await attack(sandbox, oracle, seed, wallMs);
      ends[code] = (ends[code] ?? 0) + 1;
      if (escaped !== undefined) escapes.push({ seed, escaped, message });
      if (code === "SANDBOX_CRASH" || code === "GUEST_CRASH") crashes.push({ seed, message });
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  oracle.remove();
  return { ends, escapes, crashes };
}
