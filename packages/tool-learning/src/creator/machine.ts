/**
 * CREATOR as a state machine. `next` is pure: from a state and what its work came to, the next state. The work itself (to
 * ask the model, to run a program) is done by `create-tools.ts`, which knows nothing of guards and counts.
 *
 *   Idle ─► Creating ─► Validating ─► Deciding ─► Executing ─► Extracting ─► Done
 *              ▲             │            │           │  ▲          │
 *              └─── bad ─────┘            └─────┬─────┘  │          │ (self-check)
 *                                               ▼        │          │
 *                                          Rectifying ───┘ ◄────────┘        Failed, Cancelled, BudgetExceeded from any
 *
 * @see Qian et al. 2023, CREATOR, arXiv:2305.14318, §3.
 */
import type { Failure, FailureCode } from "@cambium/evaluation";
import type { Draft } from "./draft.ts";

/** A program that failed, and how. */
export interface FailedAttempt {
  readonly draft: Draft;
  readonly failure: Failure;
}

/** Where a run is. */
export type CreatorState =
  | { readonly name: "Idle" }
  /** Asks for a tool; `attempt` counts from 0. */
  | { readonly name: "Creating"; readonly attempt: number }
  /** Runs the tool by itself. */
  | { readonly name: "Validating"; readonly attempt: number; readonly tool: string }
  /** Asks for the code that calls the tool; `valid` tells whether the tool loaded. */
  | { readonly name: "Deciding"; readonly tool: string; readonly valid: boolean }
  /** Runs tool and call as one program; `round` counts repairs. */
  | {
      readonly name: "Executing";
      readonly round: number;
      readonly draft: Draft;
      readonly failed: readonly FailedAttempt[];
    }
  /** Looks for the answer in what was printed. */
  | {
      readonly name: "Extracting";
      readonly round: number;
      readonly draft: Draft;
      readonly stdout: string;
      readonly failed: readonly FailedAttempt[];
    }
  /** Asks for a repair; the last attempt is the one to repair. */
  | { readonly name: "Rectifying"; readonly round: number; readonly failed: readonly FailedAttempt[] }
  | { readonly name: "Done"; readonly draft: Draft; readonly stdout: string; readonly answer?: string }
  | {
      readonly name: "Failed" | "Cancelled" | "BudgetExceeded";
      readonly failure: Failure;
      readonly draft?: Draft;
      readonly stdout: string;
    };

/** Name of a state. */
export type CreatorStateName =
  | "Idle"
  | "Creating"
  | "Validating"
  | "Deciding"
  | "Executing"
  | "Extracting"
  | "Rectifying"
  | "Done"
  | "Failed"
  | "Cancelled"
  | "BudgetExceeded";

/** What the work of a state came to. */
export type Outcome =
  /** A reply with code, or with the draft that it makes. */
  | { readonly code: string }
  | { readonly draft: Draft }
  /** A program ran to its end. */
  | { readonly stdout: string }
  /** The answer in what was printed; absent when no marker was, and that is no failure. */
  | { readonly answer: string | undefined }
  | { readonly failure: Failure; readonly stdout?: string };

/** The counts that bound a run. */
export interface Guards {
  /** Tries of the creation after the first. */
  readonly creationRetries: number;
  /** Repairs. */
  readonly rounds: number;
}

/** How a run ends that was not ended by what the model or its programs did. */
const STOPPED: Readonly<Partial<Record<FailureCode, "Cancelled" | "BudgetExceeded">>> = {
  CANCELLED: "Cancelled",
  BUDGET_EXCEEDED: "BudgetExceeded",
};

/** Failures that a model can mend: of its replies, of its programs, of their answers. */
const MENDABLE: ReadonlySet<FailureCode> = new Set([
  "NO_CODE",
  "NO_ANSWER",
  "WRONG_TYPE",
  "LOAD_FAILED",
  "GUEST_ERROR",
  "GUEST_TIMEOUT",
  "GUEST_MEMORY",
  "GUEST_STACK",
  "GUEST_CRASH",
  "CALL_LIMIT",
  "GUEST_OUTPUT_LIMIT",
  "RESULT_TOO_LARGE",
  "RESULT_INVALID",
]);

/** Whether a model can mend a failure, so that repairs and new tries may follow. */
export const isMendable = ({ code }: Failure): boolean => MENDABLE.has(code);

function draftOf(state: CreatorState): Draft | undefined {
  if ("draft" in state) return state.draft;
  if (state.name === "Rectifying") return state.failed.at(-1)?.draft;
  if (state.name === "Validating" || state.name === "Deciding")
    return state.tool === "" ? undefined : { tool: state.tool, call: "" };
  return undefined;
}

/** The end of a run that nothing can mend. */
function stop(state: CreatorState, failure: Failure, stdout = ""): CreatorState {
  const draft = draftOf(state);
  const name = STOPPED[failure.code] ?? "Failed";
  return { name, failure, stdout, ...(draft === undefined ? {} : { draft }) };
}

/** On to the next repair, or to the end when there were enough. */
function repair(
  { failed, round }: { readonly failed: readonly FailedAttempt[]; readonly round: number },
  attempt: FailedAttempt,
  guards: Guards,
  stdout: string,
): CreatorState {
  if (round >= guards.rounds) return { name: "Failed", ...attempt, stdout };
  return { name: "Rectifying", round: round + 1, failed: [...failed, attempt] };
}

/** The next state. Total: every state has a successor for every outcome of its work. */
export function next(state: CreatorState, outcome: Outcome, guards: Guards): CreatorState {
  const failure = "failure" in outcome ? outcome.failure : undefined;
  if (failure !== undefined && !isMendable(failure))
    return stop(state, failure, "stdout" in outcome ? outcome.stdout : "");
  const stdout = "stdout" in outcome ? (outcome.stdout ?? "") : "";
  switch (state.name) {
    case "Idle":
      return { name: "Creating", attempt: 0 };
    case "Creating":
      if ("code" in outcome) return { name: "Validating", attempt: state.attempt, tool: outcome.code };
      return state.attempt < guards.creationRetries
        ? { name: "Creating", attempt: state.attempt + 1 }
        : { name: "Deciding", tool: "", valid: false }; // the flow continues anyway
    case "Validating":
      if (failure === undefined) return { name: "Deciding", tool: state.tool, valid: true };
      return state.attempt < guards.creationRetries
        ? { name: "Creating", attempt: state.attempt + 1 }
        : { name: "Deciding", tool: state.tool, valid: false };
    case "Deciding": {
      const start = { round: 0, failed: [] };
      if ("code" in outcome) return { name: "Executing", ...start, draft: { tool: state.tool, call: outcome.code } };
      return repair(start, { draft: { tool: state.tool, call: "" }, failure: failure! }, guards, "");
    }
    case "Executing":
      if (failure !== undefined) return repair(state, { draft: state.draft, failure }, guards, stdout);
      return { ...state, name: "Extracting", stdout };
    case "Extracting": {
      const { draft } = state;
      if (failure !== undefined) return repair(state, { draft, failure }, guards, state.stdout);
      const answer = "answer" in outcome ? outcome.answer : undefined;
      return { name: "Done", draft, stdout: state.stdout, ...(answer === undefined ? {} : { answer }) };
    }
    case "Rectifying": {
      const { round, failed } = state;
      if ("draft" in outcome) return { name: "Executing", round, draft: outcome.draft, failed };
      return repair(state, { draft: failed.at(-1)!.draft, failure: failure! }, guards, "");
    }
    default:
      return state;
  }
}

/** Whether a run is over. */
export function isFinal({ name }: CreatorState): boolean {
  return name === "Done" || name === "Failed" || name === "Cancelled" || name === "BudgetExceeded";
}
