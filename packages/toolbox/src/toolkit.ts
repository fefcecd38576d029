import { type Json, parseConfig } from "@cambium/base";
import { type AnyTool, defineTool, type Effects, type ToolContext, type ToolExample } from "@cambium/tool-learning";
import type { ZodType } from "zod";

/**
 * Tools that belong together, with the state that they share.
 *
 * The state is the kit's own, unless a call comes with an environment's (`context.state`, by kit: `{ mail: … }`): then the tools
 * read and change that one, so that branches of a search and runs at the same time each have their own.
 */
export interface Toolkit<State extends Json = Json> extends Iterable<AnyTool> {
  /** First word of its tools' names: `mail` has `mail_list`, `mail_read`, … */
  readonly id: string;
  /** What the kit is for, in a sentence. */
  readonly about: string;
  readonly tools: readonly AnyTool[];
  /** The state as plain JSON, a copy; `null` where there is none. */
  snapshot(): State;
  /**
   * Puts a state back that `snapshot` gave, of this kit or of another with the same options.
   *
   * @throws {ConfigError} When it is not one.
   */
  restore(state: State): void;
  /** Frees what the kit holds: servers, threads. Closing twice is no error; what is called later starts them again. */
  close(): Promise<void>;
}

/** One tool of a kit. */
export interface Verb<Input, State> {
  /** What follows the kit's name: `list` for `mail_list`. */
  readonly verb: string;
  readonly description: string;
  readonly input: ZodType<Input>;
  readonly effects: Effects;
  readonly idempotent?: boolean;
  readonly openWorld?: boolean;
  readonly timeoutMs?: number;
  readonly examples?: readonly ToolExample[];
  run(input: Input, state: State, context: ToolContext): unknown;
}

/** Makes a tool of a verb. */
export type Define<State> = <Input>(verb: Verb<Input, State>) => AnyTool;

/** How a kit is made. */
export interface ToolkitParts<State extends Json> {
  readonly id: string;
  readonly about: string;
  /** The state at the start, which the kit then owns. */
  readonly state: State;
  /** What a state looks like: `restore` takes no other. */
  readonly schema: ZodType<State>;
  readonly tools: (define: Define<State>) => readonly AnyTool[];
  readonly close?: () => Promise<void>;
}

/** A kit of tools over one state. */
export function makeToolkit<State extends Json>({
  id,
  about,
  state,
  schema,
  tools,
  close,
}: ToolkitParts<State>): Toolkit<State> {
  let own = state;
  const define: Define<State> = ({ verb, timeoutMs, openWorld = false, run, ...rest }) =>
    defineTool({
      ...rest,
      name: `${id}_${verb}`,
      category: id,
      openWorld,
      ...(timeoutMs === undefined ? {} : { limits: { timeoutMs } }),
      run(input, context) {
        const { state: shared } = context;
        const isThere = typeof shared === "object" && shared !== null && Object.hasOwn(shared, id);
        return run(input, isThere ? (shared as Readonly<Record<string, State>>)[id]! : own, context);
      },
    });
  const list = tools(define);
  return {
    id,
    about,
    tools: list,
    snapshot: () => structuredClone(own),
    restore(given) {
      own = parseConfig(`${id}.restore`, schema, structuredClone(given));
    },
    close: async () => close?.(),
    [Symbol.iterator]: () => list[Symbol.iterator](),
  };
}
