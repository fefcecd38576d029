import type { CallError } from "@cambium/llm";
import type { SandboxFailure } from "./sandbox/sandbox.ts";

/** What kinds of failure there are: of a reply, of a program, of its answer, of the sandbox and of the model's provider. */
export type FailureCode = "no_code" | "no_answer" | "wrong_type" | SandboxFailure["code"] | CallError["code"];

/** Why a step did not do what it was for. A value in trajectories, never thrown. */
export interface Failure {
  readonly code: FailureCode;
  /** For people. What a model is shown is made by `describeFailure`. */
  readonly message: string;
  /** Frames of the guest, where it threw. */
  readonly stack?: string;
}

/** The provider or the store is at fault, not what was asked: the same task may well succeed later. */
const OUTSIDE: ReadonlySet<FailureCode> = new Set([
  "rate_limited",
  "unavailable",
  "unauthorized",
  "forbidden",
  "store",
  "sandbox_crash",
  "budget_exceeded",
  "cancelled",
  "tool_cancelled",
  "usage",
  "format",
  "no_reply",
]);

/** Whether a failure says nothing about the task, so that it should be tried again another time. */
export function isOutside({ code }: Failure): boolean {
  return OUTSIDE.has(code);
}
