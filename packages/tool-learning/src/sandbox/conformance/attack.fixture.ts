import { Buffer } from "node:buffer";
import type { HostFunction, Sandbox, SandboxOutcome } from "../sandbox.ts";
import type { EscapeOracle } from "./escape-oracle.fixture.ts";
import { hostileProgram } from "./hostile-programs.fixture.ts";

const CODES = new Set(
  "load_failed guest_error guest_timeout guest_memory guest_stack guest_output_limit output_too_large budget_exceeded output_invalid tool_cancelled unavailable sandbox_crash".split(
    " ",
  ),
);

/** What became of a hostile program: how it ended, and what it achieved that it should not, if anything. */
export interface Attack {
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

/** Runs the hostile program of a seed, with a function that hands back its argument and one that runs programs. */
export async function attack(sandbox: Sandbox, oracle: EscapeOracle, seed: number): Promise<Attack> {
  const seen: unknown[] = [];
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
        signal,
      });
      return inner.ok ? (inner.value ?? null) : inner.failure.code;
    },
  };
  try {
    const input = { file: oracle.file };
    const outcome = await sandbox.run(hostileProgram(seed), { input, functions: { echo, again } });
    const escaped = oracle.findEscape([outcome, seen]) ?? fault(outcome, sandbox);
    return outcome.ok ? { code: "ok", message: "", escaped } : { ...outcome.failure, escaped };
  } catch (error) {
    return { code: "thrown", message: String(error), escaped: "the run was rejected" };
  }
}
