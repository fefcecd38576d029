/**
 * Everything that can go wrong with an action, in one union of stable codes. A failure is a value: it is shown to the model,
 * kept in the trajectory, and never thrown at the caller of a run.
 */
import type { ErrorCode } from "@cambium/base";
import type { SandboxFailure } from "@cambium/sandbox";

/** What went wrong with a call of a tool. */
export type ToolFailureCode =
  /** No tool of this name is among those offered; the message has the nearest names. */
  | "UNKNOWN_TOOL"
  /** The arguments are no JSON object, or do not fit the schema. Nothing ran. */
  | "INVALID_ARGS"
  /** An argument that must be given has no source: neither the user nor a tool said it. Nothing ran. */
  | "INVENTED_ARGS"
  /** The reply has another call of the same id. Nothing ran. */
  | "DUPLICATE_ID"
  /** The tool refused or failed; the message is its own. */
  | "TOOL_ERROR"
  /** No result within the tool's `timeoutMs`. */
  | "TOOL_TIMEOUT"
  /** The tool may not be called more often in a run. Nothing ran. */
  | "CALL_LIMIT"
  /** What the tool returned does not fit its output schema, or is no JSON. */
  | "OUTPUT_INVALID"
  /** What the tool returned is longer than its `outputBytes`; the message has its beginning. */
  | "OUTPUT_TOO_LARGE"
  /** A service behind the tool asks to slow down, failed, does not know the key, or refuses. */
  | "RATE_LIMITED"
  | "UNAVAILABLE"
  | "UNAUTHORIZED"
  /** A service refuses, or the policy does. */
  | "FORBIDDEN"
  /** Nobody has decided yet whether the call may be made: the run is suspended. */
  | "APPROVAL_REQUIRED"
  /** Whoever was asked decided against it. Nothing ran. */
  | "REJECTED"
  /** The run was stopped while the call was under way; whether it took effect is not known. */
  | "INTERRUPTED"
  /** The same call has given the same result too often. Nothing ran. */
  | "LOOP_DETECTED"
  /** The budget has no room for the call. Nothing ran. */
  | "BUDGET_EXCEEDED"
  /** The run's signal was aborted. */
  | "CANCELLED";

/** What else can end or disturb a run. */
export type AgentFailureCode =
  | ToolFailureCode
  /** Errors of the model's service, of the store and of this package; see `ErrorCode`. */
  | ErrorCode
  /** How a program ended; see `SandboxFailure`. */
  | SandboxFailure["code"]
  /** The reply should hold a program and holds none. */
  | "NO_CODE"
  /** The plan is no plan: it is no JSON, names what does not exist, or refers to itself. */
  | "PLAN_INVALID"
  /** The model ended without an answer, or without one that fits the schema. */
  | "NO_ANSWER"
  /** The model says that the task cannot be done. */
  | "GAVE_UP"
  /** The model asks something, and nobody is there to answer: the run is suspended. */
  | "INPUT_REQUIRED";

/** Why a call has no result. */
export interface ToolFailure {
  readonly code: ToolFailureCode;
  /** For the model: what is wrong, and what it can do about it. */
  readonly message: string;
  /** Ms after which it may go better. */
  readonly retryAfterMs?: number;
}

/** Codes that a tool may throw. */
export type ThrownToolCode = Extract<
  ToolFailureCode,
  "TOOL_ERROR" | "RATE_LIMITED" | "UNAVAILABLE" | "UNAUTHORIZED" | "FORBIDDEN" | "OUTPUT_TOO_LARGE"
>;

/**
 * What a tool throws to say what is wrong. Anything else that it throws is a `TOOL_ERROR` with the message of what was thrown.
 *
 * @example
 * throw new ToolError({ message: `no city "${city}"; list_cities has those that exist` });
 */
export class ToolError extends Error {
  /** @default "TOOL_ERROR" */
  readonly code: ThrownToolCode;
  readonly retryAfterMs: number | undefined;

  constructor({ message, code = "TOOL_ERROR", retryAfterMs, cause }: ToolErrorDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ToolError";
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What a `ToolError` says. */
export interface ToolErrorDetails {
  /** For the model: what is wrong, and what to do about it. */
  readonly message: string;
  readonly code?: ThrownToolCode;
  /** Ms after which it may go better. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}
