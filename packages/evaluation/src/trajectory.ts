/**
 * What a solver did, step by step: requests to the model, runs in the sandbox and calls of tools, each with what came of it. Plain JSON,
 * so that it can be stored, read, compared and played again.
 */
import type { Json } from "@cambium/base";
import type { Usage } from "@cambium/llm";
import type { Failure } from "./failure.ts";
import type { Task } from "./task.ts";

/** A named piece of a program. */
export interface ProgramPart {
  readonly name: string;
  readonly source: string;
}

interface StepOf {
  /** Place in the trajectory, from 0. */
  readonly index: number;
  /** The step on whose result this one works; the first has none. */
  readonly parent?: number;
  /** The part of the method that the step belongs to: for example `"execution"`. */
  readonly stage: string;
  /** Number of the try within the stage, from 0. */
  readonly attempt: number;
  /** Ms that the step took; a stored reply counts as long as it took when it was made. */
  readonly durationMs: number;
  /** What went wrong, if anything did. */
  readonly failure?: Failure;
}

/** A request to the model. */
export interface ModelStep extends StepOf {
  readonly kind: "model";
  /** SHA-256 of system message, instructions and question. */
  readonly promptHash: string;
  /** The part of the prompt that differs from task to task. */
  readonly prompt: string;
  /** The text of the reply; empty when there was none. */
  readonly reply: string;
  /** What the model thought before, where the provider shows it. */
  readonly reasoning?: string;
  /** The code in the reply. */
  readonly code?: string;
  readonly usage?: Usage;
  /** US dollars paid for it now: 0 for a stored reply, absent when the model has no price. */
  readonly usd?: number;
  /** Whether the reply came from the store. */
  readonly cached: boolean;
  /** Why the reply ended, unless it was complete: `length` for one that was cut off. */
  readonly finish?: "length" | "content-filter" | "other";
  /** The tools that the reply calls, in order. */
  readonly toolCalls?: readonly RequestedCall[];
  /** The parts of the reply as JSON, where they hold more than text and calls: signatures, files (base64). */
  readonly content?: readonly Json[];
}

/** A call of a tool as a model wrote it. */
export interface RequestedCall {
  readonly id: string;
  readonly name: string;
  /** JSON text, if the model did well. */
  readonly arguments: string;
}

/** A run in the sandbox. */
export interface RunStep extends StepOf {
  readonly kind: "run";
  readonly program: readonly ProgramPart[];
  /** SHA-256 of the program. */
  readonly sourceHash: string;
  readonly stdout: string;
}

/** A query to a service outside of the model. */
export interface QueryStep extends StepOf {
  readonly kind: "query";
  readonly query: string;
  /** What came back; empty when nothing did. */
  readonly reply: string;
}

/** A call of a tool, or of one of the method's own commands, and what came of it. */
export interface ToolStep extends StepOf {
  readonly kind: "tool";
  readonly call: RequestedCall;
  /** What the tool returned; absent when it returned nothing or failed. */
  readonly value?: Json;
  /** What the model was told of it. */
  readonly text: string;
  /** What came with it: base64, or a URL. */
  readonly files?: readonly { readonly mediaType: string; readonly data: string; readonly name?: string }[];
  /** What it claims; see `facts` of a tool. */
  readonly facts?: Readonly<Record<string, Json>>;
  /** When it ended, in ms since 1970. */
  readonly at: number;
  /** Set when the model is shown its own summary of the result instead: the next step of the stage `perception`. */
  readonly isSummed?: true;
  /** How often it was tried; absent for a call that was refused before it was made, and for commands. */
  readonly tries?: number;
  /** The state of the environment afterwards, where the call may have changed it. */
  readonly state?: Json;
}

/** One step of a trajectory; `kind` tells what it is. */
export type Step = ModelStep | RunStep | QueryStep | ToolStep;

/** How solving ended; `suspended` waits for a decision or an answer of a person, and can be resumed. */
export type Status = "done" | "failed" | "cancelled" | "budget_exceeded" | "suspended";

/** Everything that happened while one task was solved. */
export interface Trajectory {
  /** SHA-256 of method, settings, task and sample: equal ids, equal runs. */
  readonly id: string;
  readonly method: string;
  readonly task: Task;
  /** Number of the repeat, for several answers to one task. */
  readonly sample: number;
  readonly steps: readonly Step[];
  readonly status: Status;
  /** What the answer marker was followed by, or the answer that the model gave. */
  readonly answer?: string;
  /** Why there is no answer. */
  readonly failure?: Failure;
}

/** What a trajectory took. */
export interface Cost {
  readonly modelCalls: number;
  /** Of the calls: replies from the store. */
  readonly cachedCalls: number;
  readonly sandboxRuns: number;
  /** Calls of tools. */
  readonly toolCalls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** US dollars paid now; `undefined` when a call had no price. */
  readonly usd: number | undefined;
  readonly durationMs: number;
}

/** Sums up what the steps took. */
export function costOf(steps: readonly Step[]): Cost {
  const calls = steps.filter((step) => step.kind === "model");
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const answered = calls.filter(({ usage }) => usage !== undefined);
  return {
    modelCalls: calls.length,
    cachedCalls: calls.filter(({ cached }) => cached).length,
    sandboxRuns: steps.filter(({ kind }) => kind === "run").length,
    toolCalls: steps.filter(({ kind }) => kind === "tool").length,
    inputTokens: sum(answered.map(({ usage }) => usage!.inputTokens)),
    outputTokens: sum(answered.map(({ usage }) => usage!.outputTokens)),
    usd: answered.some(({ usd }) => usd === undefined) ? undefined : sum(answered.map(({ usd }) => usd!)),
    durationMs: sum(steps.map(({ durationMs }) => durationMs)),
  };
}
