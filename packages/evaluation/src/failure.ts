import type { ErrorCode } from "@cambium/base";

/**
 * What went wrong, in one word: an `ErrorCode` where a service or the machine failed, a word of the method's where a reply, a
 * program or an answer did.
 */
export type FailureCode = ErrorCode | (string & {});

/** Why a step did not do what it was for. A value in trajectories, never thrown. */
export interface Failure {
  readonly code: FailureCode;
  /** For people. */
  readonly message: string;
  /** Frames of the program, where one threw. */
  readonly stack?: string;
  /** HTTP status with which a service refused. */
  readonly status?: number;
}

/**
 * The provider, the store or the machine is at fault, not what was asked: the same task may well succeed later. Only what the
 * host saw of itself stands here. However a program ended, it is a result of its row: else a program could take its row out of
 * the accuracy.
 */
const OUTSIDE: ReadonlySet<FailureCode> = new Set<FailureCode>([
  "RATE_LIMITED",
  "UNAVAILABLE",
  "UNAUTHORIZED",
  "FORBIDDEN",
  "STORE",
  "FILE",
  "SANDBOX_CRASH",
  "BUDGET_EXCEEDED",
  "CANCELLED",
  "CONFIG",
  "STATE",
  "FORMAT",
  "NO_REPLY",
]);

/** A redirect, or a status by which a server says that no such address or model is there: every request would end so. */
export function isWrongAddress({ code, status = 0 }: Failure): boolean {
  return code === "MODEL_ERROR" && ((status >= 300 && status < 400) || [404, 405, 410].includes(status));
}

/**
 * Whether a failure says nothing about the task, so that it should be tried again another time. A request that a service refuses
 * for what it holds (`MODEL_ERROR` with status 400, such as a text that is too long) is a result of its row.
 */
export function isOutside(failure: Failure): boolean {
  return OUTSIDE.has(failure.code) || isWrongAddress(failure);
}
