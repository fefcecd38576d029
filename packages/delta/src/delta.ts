/**
 * What a delta is: a few trainable tensors and the hooks that graft them onto a frozen model.
 *
 * A delta is a plain object. Everything shared by all methods (`attach`, `merge`, files, counting) is written once
 * against this interface; a method is a function that returns one, such as `lora(model, options, random)`.
 */
import { ConfigError } from "@cambium/base";
import { type Hook, nameHook, type Parameters, type Random, type Site } from "@cambium/core";
import { addN, type Scalar, tidy } from "@tensorflow/tfjs-core";
import { overlay, tidyParameters } from "./trees.ts";

/** What a method reads of a model before it touches a value: sites, and the shapes of the weights. A `Model` is one. */
export interface Host {
  /** As in the checkpoint's `config.json`. */
  readonly config: unknown;
  /** Shapes of the weights by their names in the checkpoint. */
  readonly parameters: ReadonlyMap<string, { readonly shape: readonly number[] }>;
  /** Every site, in the order of the visits. */
  sites(): readonly Site[];
}

/** Small trainable parts for one frozen model. */
export interface Delta<Config = unknown> {
  /** The method's name, such as `"lora"`; files name it. */
  readonly kind: string;
  /** Tells deltas on one model apart: `kind`, unless given by `named`. */
  readonly name: string;
  /** Plain JSON with every default filled in: the method called with it makes the same delta again. */
  readonly config: Config;
  /** What is trained, at its starting point. Owned by whoever called the method. */
  readonly parameters: Parameters;
  /** The change to the model at any point. Pure, so that curves, subspaces and gradients pass through it. */
  hooks(parameters: Parameters): readonly Hook[];
  /**
   * The base's weights that the change amounts to, and no others; the caller owns them. Absent where no weights do the
   * same, as with a layer that is not linear.
   */
  merge?(base: Parameters, parameters: Parameters): Parameters;
  /** Added to the loss, in nats. */
  penalty?(parameters: Parameters): Scalar;
}

/** A method: makes a delta for a model. The contract suite and files call every method in this form. */
export type Method<M, Options> = (model: M, options: Options, random: Random) => Delta;

/** Several deltas as one. `attach` takes it apart again, so its parts keep their names. */
export interface Stack extends Delta<Readonly<Record<string, unknown>>> {
  readonly kind: "stack";
  readonly parts: readonly Delta[];
}

/** Whether a delta is made of several. */
function isStack(delta: Delta): delta is Stack {
  return delta.kind === "stack";
}

/**
 * The same delta under another name, so that two of one kind can sit on one model.
 *
 * @throws {ConfigError} When the name is empty.
 * @example
 * const tuned = attach(base, named("style", lora(base, {}, random(1))), named("facts", lora(base, {}, random(2))));
 */
export function named<D extends Delta>(name: string, delta: D): D {
  if (name === "") throw new ConfigError({ message: "named: the name of a delta must not be empty", name });
  if (!isStack(delta)) return { ...delta, name };
  return { ...delta, ...stack(...delta.parts.map((part) => named(`${name}/${part.name}`, part))), name };
}

/** The tensors of `part` in a stack's parameters, under the part's own names. */
export function partOf(part: Delta, parameters: Parameters): Parameters {
  return new Map([...part.parameters.keys()].map((name) => [name, parameters.get(`${part.name}/${name}`)!]));
}

/** Weight hooks run before anything else, whatever their place in the list: a merge must take them in that order. */
function inMergeOrder(parts: readonly Delta[]): readonly Delta[] {
  const editsWeights = (part: Delta): boolean => part.hooks(part.parameters).some((hook) => hook.kind === "weight");
  return [...parts.filter(editsWeights), ...parts.filter((part) => !editsWeights(part))];
}

/**
 * Several deltas as one. Parameters are named `<delta>/<name>`; the last delta is outermost.
 *
 * @throws {ConfigError} When two have one name.
 */
export function stack(...deltas: readonly Delta[]): Stack {
  const parts = deltas.flatMap((delta) => (isStack(delta) ? delta.parts : [delta]));
  const names = parts.map((part) => part.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new ConfigError({
      message: `attach: two deltas have the name "${twice}"; give one another name with named("…", delta)`,
      name: twice,
    });
  }
  const penalised = parts.filter((part) => part.penalty !== undefined);
  return {
    kind: "stack",
    name: "stack",
    parts,
    config: Object.fromEntries(parts.map((part) => [part.name, part.config])),
    parameters: new Map(
      parts.flatMap((part) => [...part.parameters].map(([name, tensor]) => [`${part.name}/${name}`, tensor] as const)),
    ),
    hooks: (parameters) =>
      parts.flatMap((part) => part.hooks(partOf(part, parameters)).map((hook) => nameHook(hook, part.name))),
    ...(parts.every((part) => part.merge !== undefined) && {
      merge: (base, parameters) =>
        tidyParameters(() =>
          inMergeOrder(parts).reduce<Parameters>(
            (changed, part) => overlay(changed, part.merge!(overlay(base, changed), partOf(part, parameters))),
            new Map(),
          ),
        ),
    }),
    ...(penalised.length > 0 && {
      penalty: (parameters) =>
        tidy(() => addN(penalised.map((part) => part.penalty!(partOf(part, parameters)))) as Scalar),
    }),
  };
}
