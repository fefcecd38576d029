import type { Json } from "@cambium/base";
import type { ModelStep, RequestedCall, RunStep, ToolStep } from "@cambium/evaluation";
import type { Message } from "@cambium/llm";
import type { ToolSet } from "../../tools/tool-set.ts";
import type { Asking } from "../ask.ts";
import type { Conversation } from "../conversation.ts";
import type { AgentEvent } from "../events.ts";
import type { Finish } from "../run.ts";
import type { Turn, TurnOptions } from "../turn.ts";
import type { AgentWords } from "../words.ts";

/** A place in a run to which a search can go back. */
export interface Mark {
  readonly state: Json | undefined;
  readonly changes: number;
}

/** What a planner does in a run. Each of its generators yields the run's events; drive them by `yield*`. */
export interface Session {
  /** Tools that may be called now. */
  readonly tools: ToolSet;
  readonly words: AgentWords;
  /** Requests to the model that the budget still has room for. */
  readonly modelCallsLeft: number;
  readonly signal: AbortSignal;
  /**
   * The conversation at the beginning: what the model is, the task, and what is known of it.
   *
   * @param guide - What the planner says beside that, at the end of the system message.
   */
  start(guide?: string): Conversation;
  /** Asks the model once and makes its calls, or reads its answer. Ends by itself where the budget ends. */
  turn(conversation: Conversation, options: TurnOptions): AsyncGenerator<AgentEvent, Turn, undefined>;
  /** Asks the model without making calls. */
  ask(messages: readonly Message[], asking: Asking): AsyncGenerator<AgentEvent, ModelStep, undefined>;
  /** Makes calls that a plan or a program asks for. They pass the same gate as the model's own. */
  call(
    calls: readonly RequestedCall[],
    parent: number | undefined,
  ): AsyncGenerator<AgentEvent, readonly ToolStep[], undefined>;
  /** Runs a program whose calls are made by `call`; kept as a step. */
  program(
    run: Omit<RunStep, "index" | "parent" | "durationMs" | "stdout" | "failure" | "kind">,
    parent: number | undefined,
    work: (
      call: (name: string, input: Json) => Promise<ToolStep>,
    ) => Promise<Pick<RunStep, "stdout" | "failure" | "durationMs">>,
  ): AsyncGenerator<AgentEvent, RunStep, undefined>;
  /** What a text answer comes to, as at the end of a turn. */
  read(conversation: Conversation, step: ModelStep): Promise<Turn>;
  /** Where the run stands now. */
  mark(): Mark;
  /** Whether everything since a mark can be undone. */
  canReturn(mark: Mark): boolean;
  /** Brings the environment back to a mark. @throws {StateError} When it cannot be undone. */
  goBack(mark: Mark): Promise<void>;
}

/** Decides what is done next. */
export interface Planner {
  readonly name: string;
  /** Everything that its decisions depend on, as JSON. */
  readonly settings: Json;
  /** Works on a task until it ends. */
  run(session: Session): AsyncGenerator<AgentEvent, Finish, undefined>;
}
