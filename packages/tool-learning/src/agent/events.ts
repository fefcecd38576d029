import type { Json } from "@cambium/base";
import type { Solved, Step, Trajectory } from "@cambium/evaluation";
import type { AgentFailure } from "./stop.ts";

/** What somebody says about a fact. */
export interface Claim {
  /** A tool's name, or `"model"` for what the model believed before it used tools. */
  readonly origin: string;
  readonly value: Json;
  /** When it was said, in ms since 1970. */
  readonly at: number;
  /** The step in which it was said. */
  readonly index: number;
}

/** Two or more different claims about one fact. */
export interface Conflict {
  /** The name of the fact; `"answer"` for what the model believed against what it answered. */
  readonly name: string;
  readonly claims: readonly Claim[];
}

/** What a task asks for, as the model understood it. */
export interface Intent {
  readonly goal: string;
  readonly constraints: readonly string[];
  /** What has to be known and was not said, with the question that would settle it. */
  readonly missing: readonly { readonly name: string; readonly question: string }[];
}

/** The end of a run. */
export interface AgentEnd<Answer = string> extends Solved {
  /** The answer, as the schema of the run reads it; the text of the reply without one. Absent unless `status` is `done`. */
  readonly value?: Answer;
  readonly failure?: AgentFailure;
  /** What a person has to decide or answer, where the run is suspended: pass `approve` or `ask` and resume it. */
  readonly pending: readonly string[];
  readonly conflicts: readonly Conflict[];
  readonly intent?: Intent;
  /** The state of the environment at the end, where it can be kept. */
  readonly state?: Json;
  readonly trajectory: AgentTrajectory;
}

/** The trajectory of a run. Steps form a tree by `parent`; those of a search have branches. */
export interface AgentTrajectory extends Trajectory {
  /** The last step of the path that led to the end; what a search gave up on otherwise has no place in it. */
  readonly leaf?: number;
}

/** What happens during a run. */
export type AgentEvent<Answer = string> =
  /** The run begins, or begins again after `resumed` steps of an earlier process. */
  | { readonly type: "start"; readonly id: string; readonly resumed: number }
  /** A call is about to be made. */
  | {
      readonly type: "call";
      readonly index: number;
      readonly id: string;
      readonly name: string;
      readonly arguments: string;
    }
  /** A step was taken; `resumed` when it is one of an earlier process. */
  | { readonly type: "step"; readonly step: Step; readonly resumed: boolean }
  | { readonly type: "intent"; readonly intent: Intent }
  | { readonly type: "conflict"; readonly conflict: Conflict }
  /** The history became too long and was shortened. Sizes in characters. */
  | { readonly type: "compaction"; readonly before: number; readonly after: number }
  /** A search leaves a branch and goes back to the step `to`; the state of the environment is what it was there. */
  | { readonly type: "backtrack"; readonly from: number; readonly to: number; readonly reason: string }
  | AgentEnd<Answer>;
