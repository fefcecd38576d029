import type { Step } from "@cambium/evaluation";
import type { ModelRequest } from "@cambium/llm";
import { Stop } from "./stop.ts";

/** Limits of one run. Money is limited by the budget of `openModels`. */
export interface AgentBudget {
  /** Requests to the model, for whatever purpose. @default 100 */
  readonly modelCalls?: number;
  /** Calls of tools, tries included. @default 200 */
  readonly toolCalls?: number;
  /** Tokens in and out. Before a request its upper bound is counted: one token for each byte, and all of `maxTokens`. @default no limit */
  readonly tokens?: number;
  /** Time of the run; before a resumption that of its steps. Ms. @default no limit */
  readonly wallMs?: number;
}

/** @see AgentBudget */
const MODEL_CALLS = 100;
const TOOL_CALLS = 200;

/** What counts of a request before it is made. */
export type ReservedRequest = Pick<ModelRequest, "messages" | "tools" | "format" | "maxTokens">;

/** Upper bound on the tokens of a request: one for each byte of its JSON, files at 8192. */
function boundOf({ messages, tools = [], format, maxTokens = 4096 }: ReservedRequest): number {
  let files = 0;
  const json = JSON.stringify([messages, tools, format], (_, value) => {
    if (!(value instanceof Uint8Array)) return value;
    files += 1;
    return undefined;
  });
  return Buffer.byteLength(json) + 8192 * files + maxTokens;
}

/** What a run may still take. */
export interface Ledger {
  /** Requests that are left. */
  readonly modelCallsLeft: number;
  readonly toolCallsLeft: number;
  /**
   * Counts a request before it is made.
   *
   * @throws {Stop} When the budget has no room for it.
   */
  reserve(request: ReservedRequest): () => void;
  /** Counts a try of a tool; false when there is no room for it. */
  takeToolCall(): boolean;
  /** Counts what a step of an earlier process took, or what a request took in the end. */
  count(step: Step): void;
}

/** A ledger of a run that begins. */
export function createLedger(budget: AgentBudget): Ledger {
  const { modelCalls = MODEL_CALLS, toolCalls = TOOL_CALLS, tokens } = budget;
  let asked = 0;
  let called = 0;
  let used = 0;
  let reserved = 0;
  const refuse = (limit: string, allowed: number, spent: number): never => {
    throw new Stop("budget_exceeded", {
      code: "BUDGET_EXCEEDED",
      message: `the budget allows ${allowed} ${limit}, ${spent} are spent and the next request may exceed it; raise budget.${limit}`,
    });
  };
  return {
    get modelCallsLeft() {
      return modelCalls - asked;
    },
    get toolCallsLeft() {
      return toolCalls - called;
    },
    reserve(request) {
      if (asked >= modelCalls) refuse("modelCalls", modelCalls, asked);
      if (tokens === undefined) return () => {};
      const bound = boundOf(request);
      if (used + reserved + bound > tokens) refuse("tokens", tokens, used + reserved);
      reserved += bound;
      return () => {
        reserved -= bound;
      };
    },
    takeToolCall() {
      if (called >= toolCalls) return false;
      called += 1;
      return true;
    },
    count(step) {
      if (step.kind !== "model") return;
      asked += 1;
      used += (step.usage?.inputTokens ?? 0) + (step.usage?.outputTokens ?? 0);
    },
  };
}
