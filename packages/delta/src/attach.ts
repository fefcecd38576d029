/**
 * Grafting: a model and some deltas become a tuned model. The base is never changed, weights are shared, and taking a
 * delta off is attaching the others.
 */
import { ConfigError, type JsonObject } from "@cambium/base";
import {
  checkSameStructure,
  type ForwardOptions,
  fingerprint,
  type Hook,
  type Model,
  type Objective,
  type Parameters,
  type Random,
  type Site,
} from "@cambium/core";
import { add, type Scalar, tidy } from "@tensorflow/tfjs-core";
import { type Delta, partOf, type Stack, stack } from "./delta.ts";

/** Any model: `Model` over inputs and outputs that do not matter here. */
export type AnyModel = Model<never, unknown>;

/** What a model reads. */
export type InputOf<M> = M extends Model<infer Input, unknown> ? Input : never;

/** What a model's forward pass returns. */
export type OutputOf<M> = M extends Model<never, infer Output> ? Output : never;

/** A model with deltas on it: the same forward pass, and an objective that `train` takes. */
export interface Tuned<M extends AnyModel = AnyModel> extends Objective<InputOf<M>> {
  /** The model underneath, untouched. */
  readonly base: M;
  /** The deltas, innermost first, each at this point. */
  readonly deltas: readonly Delta[];
  /** What is trained, as `<delta>/<name>`. */
  readonly parameters: Parameters;
  /** The base's configuration. */
  readonly config: M["config"];
  /** The base's sites. */
  sites(): readonly Site[];
  /**
   * The base's forward pass with the deltas in place, further hooks outside of them. `options.parameters` stand in for
   * the trained ones. The caller owns the output.
   */
  forward(input: InputOf<M>, options?: ForwardOptions): OutputOf<M>;
  /** Mean loss of a batch at `parameters`, in nats, with the penalties of the deltas. The caller owns it. */
  loss(
    parameters: Parameters,
    batch: InputOf<M>,
    context: { readonly random: Random; readonly training: boolean },
  ): Scalar;
  /**
   * The same at another point. Nothing is copied; the tensors stay the caller's.
   *
   * @throws {ShapeError} When names or shapes differ.
   */
  with(parameters: Parameters): Tuned<M>;
}

/** Whether a model has deltas on it. */
function isTuned<M extends AnyModel>(model: M | Tuned<M>): model is Tuned<M> {
  return "deltas" in model;
}

/** Throws unless every hook finds a place in the model: a delta of another model would silently do nothing. */
function checkFit(base: AnyModel, delta: Delta): void {
  const sites = base.sites();
  const finds = (hook: Hook): boolean =>
    hook.kind === "weight"
      ? [...base.parameters.keys()].some((name) => hook.at(name))
      : sites.some((site) => site.kind === hook.kind && (hook.at as (site: Site) => boolean)(site));
  if (!delta.hooks(delta.parameters).every(finds)) {
    throw new ConfigError({
      message: `attach: delta "${delta.name}" (${delta.kind}) finds nothing in this model to hook onto; it was made for another model`,
      delta: delta.name,
    });
  }
}

/** The tuned model of a base and a stack. */
function graft<M extends AnyModel>(base: M, whole: Stack): Tuned<M> {
  const hooksAt = (parameters: Parameters | undefined, more: readonly Hook[] = []): readonly Hook[] => [
    ...whole.hooks(parameters ?? whole.parameters),
    ...more,
  ];
  return {
    base,
    deltas: whole.parts,
    parameters: whole.parameters,
    config: base.config,
    describe: async () => ({
      base: {
        config: base.config as JsonObject,
        ...("head" in base ? { head: base.head as JsonObject } : {}),
        parameters: await fingerprint(base.parameters),
      },
      deltas: whole.parts.map(({ name, kind, config }) => ({ name, kind, config: config as JsonObject })),
    }),
    sites: () => base.sites(),
    forward: (input, { parameters, hooks, ...options } = {}) =>
      base.forward(input as never, { ...options, hooks: hooksAt(parameters, hooks) }) as OutputOf<M>,
    loss(parameters, batch, { random, training }) {
      if (base.loss === undefined) {
        throw new ConfigError({
          message:
            "loss: the model has no head, so it has no loss; load it with a head, or write an objective around forward",
        });
      }
      return tidy(() => {
        const mean = base.loss!(batch as never, { hooks: hooksAt(parameters), random, training });
        return whole.penalty === undefined ? mean : (add(mean, whole.penalty(parameters)) as Scalar);
      });
    },
    with(parameters) {
      checkSameStructure("tuned.with", whole.parameters, parameters);
      return graft(base, stack(...whole.parts.map((part) => ({ ...part, parameters: partOf(part, parameters) }))));
    },
  };
}

/**
 * Joins deltas to a model. The last is outermost. On a tuned model the new ones come on top of those it has.
 *
 * A delta that replaces weights, such as `head` or `whole`, hides edits of the same weights by deltas before it: put it first.
 *
 * @throws {ConfigError} When two deltas have one name, or one fits nowhere in this model.
 * @example
 * const tuned = attach(base, lora(base, { rank: 8 }, random(1)), head(base));
 */
export function attach<M extends AnyModel>(model: M | Tuned<M>, ...deltas: readonly Delta[]): Tuned<M> {
  const base = isTuned(model) ? model.base : model;
  const whole = stack(...(isTuned(model) ? model.deltas : []), ...deltas);
  for (const part of whole.parts) checkFit(base, part);
  return graft(base, whole);
}

/** The model underneath, as it was. */
export function detach<M extends AnyModel>(tuned: Tuned<M>): M {
  return tuned.base;
}
