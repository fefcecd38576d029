/**
 * What a delta is: a few trainable tensors and the hooks that graft them onto a frozen model.
 *
 * A delta is a plain object that a method makes (`method.ts`). Everything shared by all methods (`attach`, `merge`, files,
 * counting) is written once against this interface.
 */
import { ConfigError } from "@cambium/base";
import type { Hook, Parameters } from "@cambium/core";
import type { Scalar } from "@tensorflow/tfjs-core";
import type { Host } from "./host.ts";
import type { DeltaStep, MethodDefinition } from "./method.ts";

/** Values of a delta's tensors. What is left out is as in the delta. A delta is a point: `delta.hooks(delta)`. */
export interface Point {
  readonly parameters: Parameters;
  readonly buffers?: Parameters;
  readonly state?: Parameters;
}

/** Small trainable parts for one frozen model. */
export interface Delta<Config = unknown> extends Point {
  /** The method's name, such as `"lora"`; files name it. */
  readonly kind: string;
  /** Tells deltas on one model apart: `kind`, unless given by `named`. */
  readonly name: string;
  /** Plain JSON with every default filled in: the method called with it makes the same delta again. */
  readonly config: Config;
  /** The method that it is of. */
  readonly method: MethodDefinition<never, Config>;
  /** The model that it was made for, without its weights. */
  readonly shape: Host;
  /** What is trained, at this point. Owned by whoever called the method. */
  readonly parameters: Parameters;
  /** What is frozen. Owned likewise. */
  readonly buffers: Parameters;
  /** What changes from step to step without a gradient, at this point. Owned likewise. */
  readonly state: Parameters;
  /** What is to be said of it before it is trained, such as settings in its file that are not known. @default nothing */
  readonly warnings?: readonly string[];
  /** The parameters that it was made with; absent for one that was read from files. */
  readonly start?: Parameters;
  /** The change to the model at any point. Pure, so that curves, subspaces and gradients pass through it. */
  hooks(point: Point): readonly Hook[];
  /**
   * The base's weights that the change amounts to, and no others; the caller owns them. Absent where no weights do the
   * same, as with a layer that is not linear.
   */
  merge?(base: Parameters, point: Point): Parameters;
  /** Added to the loss, in nats. */
  penalty?(point: Point): Scalar;
  /** Numbers of one step, from 1, that `afterStep` needs. */
  scalars?(step: number, total?: number): Readonly<Record<string, number>>;
  /** The state after a step, and the parameters that it changes. The caller owns them. */
  afterStep?(point: Point, step: DeltaStep): { readonly state: Parameters; readonly parameters?: Parameters };
}

/** Several deltas as one. `attach` takes it apart again, so its parts keep their names. */
export interface Stack {
  readonly kind: "stack";
  readonly name: string;
  readonly parts: readonly Delta[];
  /** What is trained, as `<delta>/<name>`. */
  readonly parameters: Parameters;
  /** What is frozen, likewise. */
  readonly buffers: Parameters;
  /** What changes without a gradient, likewise. */
  readonly state: Parameters;
}

/** Throws for what is no delta: a method that was not called, the promise of `loadAdapter`, options. */
function checkDelta(caller: string, value: unknown): void {
  const { parts, hooks, then, kind } = (Object(value) === value ? value : {}) as Readonly<Record<string, unknown>>;
  if (typeof value === "object" && (Array.isArray(parts) || typeof hooks === "function")) return;
  const hint =
    typeof value === "function" && kind !== undefined
      ? `the method "${String(kind)}"; call it with the model`
      : typeof then === "function"
        ? "a promise; await it"
        : Object(value) === value
          ? `an object with the keys ${Object.keys(value as object).join(", ") || "none"}; there are no options`
          : String(value);
  throw new ConfigError({ message: `${caller}: expected a delta or a stack, got ${hint}` });
}

/** The deltas of which something is made. */
function partsOf(delta: Delta | Stack): readonly Delta[] {
  return "parts" in delta ? delta.parts : [delta];
}

/**
 * The same delta under another name, so that two of one kind can sit on one model.
 *
 * @throws {ConfigError} When the name is empty.
 * @example
 * const tuned = attach(base, named("style", lora(base, {}, random(1))), named("facts", lora(base, {}, random(2))));
 */
export function named<D extends Delta | Stack>(name: string, delta: D): D {
  if (typeof name !== "string")
    throw new ConfigError({ message: `named: the name must be a text and stand first, got a ${typeof name}` });
  checkDelta("named", delta);
  if (name === "") throw new ConfigError({ message: "named: the name of a delta must not be empty", name });
  if (!("parts" in delta)) return { ...delta, name };
  return { ...delta, ...stack(...delta.parts.map((part) => named(`${name}/${part.name}`, part))), name };
}

/** The fields of a delta that hold tensors. */
type Trees = "parameters" | "buffers" | "state";

/** The tensors of several deltas, as `<delta>/<name>`. */
function joinTrees(parts: readonly Delta[], tree: Trees): Parameters {
  return new Map(
    parts.flatMap((part) => [...part[tree]].map(([name, tensor]) => [`${part.name}/${name}`, tensor] as const)),
  );
}

/** The tensors of `part` among those of several deltas, under the part's own names. */
export function partTree(part: Delta, tree: Trees, joined: Parameters): Parameters {
  return new Map([...part[tree].keys()].map((name) => [name, joined.get(`${part.name}/${name}`)!]));
}

/** Throws when two deltas have one name. */
export function checkNames(parts: readonly Delta[]): void {
  const names = parts.map((part) => part.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new ConfigError({
      message: `attach: two deltas have the name "${twice}"; give one another name with named("…", delta)`,
      name: twice,
    });
  }
}

/**
 * Several deltas as one. The last is outermost.
 *
 * @throws {ConfigError} When two have one name.
 */
export function stack(...deltas: readonly (Delta | Stack)[]): Stack {
  for (const delta of deltas) checkDelta("attach", delta);
  const parts = deltas.flatMap(partsOf);
  checkNames(parts);
  return {
    kind: "stack",
    name: "stack",
    parts,
    parameters: joinTrees(parts, "parameters"),
    buffers: joinTrees(parts, "buffers"),
    state: joinTrees(parts, "state"),
  };
}
