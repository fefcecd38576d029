import type { Json, JsonObject } from "@cambium/base";
import type { Clock, FilePart } from "@cambium/llm";
import type { ToolFailure } from "./failure.ts";
import type { Schema } from "./schema.ts";

/**
 * What a call does to the world, from harmless to harmful.
 *
 * | effects | a call | made again after a failure | undone | asks first |
 * |---|---|---|---|---|
 * | `none` | depends on its input only | yes | nothing to undo | no |
 * | `reads` | looks at something that may change | yes | nothing to undo | no |
 * | `writes` | adds or changes something | when `idempotent` | by the environment | no |
 * | `destroys` | removes or overwrites something, or cannot be taken back | when `idempotent` | by the environment | yes |
 *
 * What asks first is the default; `policy` of a run decides otherwise.
 */
export type Effects = "none" | "reads" | "writes" | "destroys";

/** Bounds on the calls of a tool. */
export interface ToolLimits {
  /** Time that one call may take. Ms. @default 30000 */
  readonly timeoutMs: number;
  /** Longest result, as JSON, and longest file. Bytes. @default 262144 (256 KiB) */
  readonly outputBytes: number;
  /** Calls in one run. @default Infinity */
  readonly calls: number;
}

/** What a tool gets besides its input. Clock and random generator are the run's, so that it can be repeated. */
export interface ToolContext<State = unknown> {
  /** Aborted when the run is stopped or the time is up: stop then. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Uniform on [0, 1); the same numbers whenever the same call of the same run is made. */
  random(): number;
  /** The state of the environment, which the tool may change if its effects say so; `undefined` without an environment. */
  readonly state: State;
  /** Names the call within the world: the same when a stopped run makes it again. For services that take an idempotency key. */
  readonly callId: string;
}

/** A worked call, shown to the model in the few-shot setting and searched by retrieval. */
export interface ToolExample {
  /** What a user would say. */
  readonly instruction?: string;
  readonly input: JsonObject;
  readonly output?: Json;
}

/** What `defineTool` takes. */
export interface ToolDefinition<Input, Output, State = unknown> {
  /** What the model calls it by: letters, digits, `_` and `-`, not a digit first, at most 64. */
  readonly name: string;
  /** What it does, when to use it, and what it returns; for the model. */
  readonly description: string;
  /** Checks and reads the arguments: a Standard Schema, such as zod's. */
  readonly input: Schema<unknown, Input>;
  /** JSON Schema of the arguments, for the model. @default what `input` says of itself, as zod's do */
  readonly inputSchema?: JsonObject;
  /** Checks and reads what `run` returns. @default anything that is JSON */
  readonly output?: Schema<unknown, Output>;
  /** @default "destroys", so that a forgotten declaration does no harm */
  readonly effects?: Effects;
  /** Whether two equal calls do what one does. @default true for `none` and `reads`, else false */
  readonly idempotent?: boolean;
  /** Whether it reaches beyond this program and its data, such as the web. @default false for `none`, else true */
  readonly openWorld?: boolean;
  /**
   * Whether it tells how something stands that changes by itself, such as a job under way: the same call with the same result is
   * waiting then, and no loop, and only the budget ends it. @default false
   */
  readonly polled?: boolean;
  readonly limits?: Partial<ToolLimits>;
  /**
   * Names of arguments that are never invented, such as addresses and amounts: in a run, a call whose value stands neither in
   * what the user said nor in a result is refused, and the model is told to ask. Not for what a model has to work out.
   *
   * @default none
   */
  readonly given?: readonly string[];
  readonly examples?: readonly ToolExample[];
  /** Kind of tool, for retrieval and reports, such as `weather`. */
  readonly category?: string;
  /**
   * Does the work. What it returns must be JSON (or what `output` makes of it). Throw a `ToolError` to say what is wrong and
   * what to do about it.
   */
  run(input: Input, context: ToolContext<State>): Output | Promise<Output>;
  /** How a result is told to the model. @default strings as they are, the rest by the perceiver of the run */
  text?(value: Output, input: Input): string;
  /** Images, sounds and documents that come with a result. */
  files?(value: Output, input: Input): readonly FilePart[];
  /**
   * What a result claims, by names that other tools use too, such as `{ "rate EUR/USD": 1.09 }`: where two tools claim
   * different things under one name, the model is told both.
   */
  facts?(value: Output, input: Input): Readonly<Record<string, Json>>;
}

/** A tool: a definition that was checked, with its defaults. */
export interface Tool<Input = unknown, Output = unknown, State = unknown> extends ToolDefinition<Input, Output, State> {
  readonly inputSchema: JsonObject;
  readonly effects: Effects;
  readonly idempotent: boolean;
  readonly openWorld: boolean;
  readonly limits: ToolLimits;
  readonly given: readonly string[];
  readonly examples: readonly ToolExample[];
}

/** Any tool, whatever its types. */
// biome-ignore lint/suspicious/noExplicitAny: a list of tools holds tools of all types, which only `any` is compatible with
export type AnyTool = Tool<any, any, any>;

/** What came of a call. */
export type ToolOutcome<Output = Json | undefined> =
  | {
      readonly ok: true;
      /** A copy of what the tool returned. */
      readonly value: Output;
      /** What the tool says to the model: its own text, or the value as text. Not shortened. */
      readonly text: string;
      /** Whether the tool has its own way to tell the value. */
      readonly isTold: boolean;
      readonly files: readonly FilePart[];
      readonly facts: Readonly<Record<string, Json>>;
    }
  | { readonly ok: false; readonly failure: ToolFailure };
