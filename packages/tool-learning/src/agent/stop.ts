import type { Status, Trajectory } from "@cambium/evaluation";
import type { AgentFailureCode } from "../tools/failure.ts";

/** Why a run has no answer. */
export interface AgentFailure {
  readonly code: AgentFailureCode;
  readonly message: string;
  /** HTTP status with which a service refused. */
  readonly status?: number;
}

/**
 * Why a run has no answer, as an evaluation counts it. A run that used up a budget of its own, such as its turns, has not solved its task; the
 * budget of the store says nothing of the task.
 */
export function failureOfTask({
  failure,
  trajectory: { steps },
}: {
  readonly failure?: AgentFailure;
  readonly trajectory: Trajectory;
}): AgentFailure | undefined {
  if (failure?.code !== "BUDGET_EXCEEDED") return failure;
  const isOfStore = steps.some((step) => step.kind === "model" && step.failure?.code === "BUDGET_EXCEEDED");
  return isOfStore ? failure : { code: "NO_ANSWER", message: failure.message };
}

/** Ends a run from anywhere inside of it. Never reaches the caller of `runAgent`. */
export class Stop extends Error {
  readonly status: Exclude<Status, "done">;
  readonly failure: AgentFailure;
  /** What a person has to decide or answer, where the run is suspended. */
  readonly pending: readonly string[];

  constructor(status: Exclude<Status, "done">, failure: AgentFailure, pending: readonly string[] = []) {
    super(failure.message);
    this.status = status;
    this.failure = failure;
    this.pending = pending;
  }
}

/** The end that a failure of a service or of the store means. */
export function stopOf(failure: AgentFailure): Stop {
  if (failure.code === "BUDGET_EXCEEDED") return new Stop("budget_exceeded", failure);
  if (failure.code === "CANCELLED") return new Stop("cancelled", failure);
  return new Stop("failed", failure);
}
