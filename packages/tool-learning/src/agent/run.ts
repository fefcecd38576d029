import type { Json } from "@cambium/base";
import type { Status } from "@cambium/evaluation";
import type { AnyTool } from "../tools/tool.ts";
import type { ToolSet } from "../tools/tool-set.ts";
import type { Ledger } from "./budget.ts";
import type { Environment } from "./environment.ts";
import type { Claim, Conflict, Intent } from "./events.ts";
import type { AgentPlan, AgentTask } from "./options.ts";
import type { Recorder } from "./recorder.ts";
import type { AgentFailure } from "./stop.ts";

/** How a planner ends: with an answer, or without. */
export interface Finish {
  readonly status?: Status;
  /** The answer as text. */
  readonly answer?: string;
  /** The answer as its schema reads it. */
  readonly value?: unknown;
  readonly failure?: AgentFailure;
  /** The last step on the path that led here. */
  readonly leaf?: number | undefined;
}

/** A run that is under way: what its parts share. Only this package changes it. */
export interface Run {
  readonly id: string;
  readonly plan: AgentPlan;
  readonly task: AgentTask;
  readonly sample: number;
  readonly recorder: Recorder;
  readonly ledger: Ledger;
  readonly environment: Environment | undefined;
  /** Aborted when the caller stops the run, or its time is up. */
  readonly signal: AbortSignal;
  /** Whether the time of the budget is up. */
  isLate(): boolean;
  /** Tools that the model may call now, in the order in which they were offered. */
  active: ToolSet;
  /** Ids of calls in the conversation so far. */
  readonly ids: Set<string>;
  /** The step of each call, by its id. */
  readonly stepOfCall: Map<string, number>;
  /** Requests by content: how often each was made. */
  readonly asked: Map<string, number>;
  /** Calls of each tool. */
  readonly called: Map<string, number>;
  /** Failures of each tool's service in a row. */
  readonly down: Map<string, number>;
  /** The latest claim of each origin, by fact. */
  readonly claims: Map<string, Map<string, Claim>>;
  readonly conflicts: Conflict[];
  /** The environment's state after the latest call that may have changed it. */
  state: Json | undefined;
  /** Calls so far that changed something which cannot be undone. */
  changes: number;
  intent: Intent | undefined;
  belief: { readonly value: string; readonly index: number } | undefined;
}

/** Whether what a call of this tool does is undone by the environment. */
export const isUndone = ({ environment, state }: Run, tool: AnyTool): boolean =>
  environment !== undefined && state !== undefined && environment.undoes(tool);

/** Whether a call of this tool changes something. */
export const isChange = ({ effects }: AnyTool): boolean => effects === "writes" || effects === "destroys";
