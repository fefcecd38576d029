/**
 * What tools work on. A virtual environment is a simulated world whose whole state is JSON: what calls do to it can be undone,
 * a search may leave a branch as if it had never been, and a stopped run finds the state it left. A real one can be undone as
 * far as it says itself.
 */
import { ConfigError, type Json, parseConfig } from "@cambium/base";
import * as z from "zod";
import { boundedJson } from "../tools/bounded-json.ts";
import type { AnyTool } from "../tools/tool.ts";

/** The environment of one run. */
export interface Environment {
  /** What tools get as `state`. */
  readonly state: unknown;
  /** The state as JSON, from which `restore` makes it again; `undefined` when it cannot be kept. */
  snapshot(): Json | undefined | Promise<Json | undefined>;
  /** Brings the state back to where a snapshot was taken. */
  restore(snapshot: Json): void | Promise<void>;
  /** Whether `restore` takes back what calls of this tool did. */
  undoes(tool: AnyTool): boolean;
}

/** Makes the environment of each run. */
export interface EnvironmentSource {
  readonly kind: "virtual" | "real";
  /** The environment of a run that begins. */
  open(): Environment | Promise<Environment>;
}

/** Largest state of a virtual environment, as JSON. Bytes. */
const LARGEST_STATE = 16 * 1024 * 1024;

/** Settings of `virtual`. */
export interface VirtualOptions<State> {
  /** A fresh state, for each run; JSON. Called once for each run. */
  state(): State;
  /** Names of the tools that work on the state only, so that undoing it undoes them. @default all */
  readonly tools?: readonly string[];
}

const isFunction = z.custom<() => unknown>((value) => typeof value === "function", "must be a function");

const virtualSchema = z.strictObject({ state: isFunction, tools: z.array(z.string()).optional() });

function copyOf(state: unknown): Json {
  const written = boundedJson(state, LARGEST_STATE);
  if (written.ok && written.value !== undefined) return written.value;
  const reason = written.ok ? "it is nothing" : written.reason;
  throw new ConfigError({
    message: `virtual: the state of an environment must be JSON, so that it can be undone; ${reason}`,
  });
}

/**
 * A simulated world. A call of a tool either changes it as a whole or, when it fails, not at all.
 *
 * @example
 * const house = virtual({ state: () => ({ lamp: "off" }) });
 * for await (const event of runAgent({ model, tools: [switchLamp], environment: house }, { instruction })) …
 */
export function virtual<State>(options: VirtualOptions<State>): EnvironmentSource {
  parseConfig("virtual", virtualSchema, options);
  const names = options.tools === undefined ? undefined : new Set(options.tools);
  return {
    kind: "virtual",
    open() {
      let state: unknown = copyOf(options.state());
      return {
        get state() {
          return state;
        },
        snapshot: () => copyOf(state),
        restore(snapshot) {
          state = copyOf(snapshot);
        },
        undoes: ({ name }) => names === undefined || names.has(name),
      };
    },
  };
}

/** Settings of `real`. */
export interface RealOptions<State> {
  /** What tools get as `state`: a connection, a folder. @default undefined */
  readonly state?: State;
  /** Notes where the world stands, as JSON; with `restore`. */
  snapshot?(): Json | Promise<Json>;
  /** Brings the world back to where a snapshot was taken. */
  restore?(snapshot: Json): void | Promise<void>;
  /** Names of the tools whose calls `restore` takes back. @default none */
  readonly undoes?: readonly string[];
}

const realSchema = z.strictObject({
  state: z.unknown().optional(),
  snapshot: isFunction.optional(),
  restore: isFunction.optional(),
  undoes: z.array(z.string()).optional(),
});

/**
 * The world itself. Without `snapshot` and `restore` nothing is undone, and a search does not go back behind a call that
 * changed something.
 *
 * @throws {ConfigError} When only one of `snapshot` and `restore` is given, or `undoes` without them.
 */
export function real<State = undefined>(options: RealOptions<State> = {}): EnvironmentSource {
  parseConfig("real", realSchema, options);
  const { state, snapshot, restore, undoes = [] } = options;
  if ((snapshot === undefined) !== (restore === undefined)) {
    throw new ConfigError({ message: "real: snapshot and restore go together; pass both, or none" });
  }
  if (restore === undefined && undoes.length > 0) {
    throw new ConfigError({
      message: "real: undoes names tools, but nothing restores the world; pass snapshot and restore",
    });
  }
  const names = new Set(undoes);
  return {
    kind: "real",
    open: () => ({
      state,
      snapshot: async () => snapshot?.(),
      restore: async (taken) => restore?.(taken),
      undoes: ({ name }) => names.has(name),
    }),
  };
}
