import type { FailureCode, Step } from "@cambium/evaluation";

/** The part of a method that a step belongs to. */
export type Stage =
  | "creation"
  | "load-check"
  | "decision"
  | "execution"
  | "rectification"
  | "tests"
  | "program"
  | "query"
  | "answer";

/** What the first try failed with where no step did: a program that ran but did not answer, and was repaired. */
export function silentFailure(steps: readonly Step[]): { readonly firstFailure?: FailureCode } {
  const isSilent =
    steps.some(({ stage }) => stage === "rectification") && steps.every((step) => step.failure === undefined);
  return isSilent ? { firstFailure: "NO_ANSWER" } : {};
}
