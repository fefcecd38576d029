/**
 * Grafting: a model and some deltas become a tuned model. The base is never changed, weights are shared, and taking a
 * delta off is attaching the others.
 */
import { ConfigError, parseConfig } from "@cambium/base";
import {
  checkSameStructure,
  type ForwardOptions,
  type Hook,
  type Model,
  nameHook,
  type Objective,
  type Parameters,
  type Runnable,
  type Site,
} from "@cambium/core";
import { add, addN, type Scalar, tidy } from "@tensorflow/tfjs-core";
import * as z from "zod";
import { checkNames, type Delta, type Point, partTree, type Stack, stack } from "./delta.ts";
import { describeTuned } from "./describe-tuned.ts";
import { followStep } from "./follow-step.ts";
import { warnLeftRandom } from "./left-random.ts";
import { moveTo } from "./rebase.ts";

/** Any model: `Model` over inputs and outputs that do not matter here. */
export type AnyModel = Model<never, unknown>;

/** What a model reads. */
export type InputOf<M> = M extends Model<infer Input, unknown> ? Input : never;

/** What a model's forward pass returns. */
export type OutputOf<M> = M extends Model<never, infer Output> ? Output : never;

/** A model with deltas on it, whatever else its base says of itself. */
export interface TunedModel<M extends AnyModel = AnyModel>
  extends Runnable<InputOf<M>, OutputOf<M>, M["config"]>,
    Objective<InputOf<M>> {
  /** The model underneath, untouched. */
  readonly base: M;
  /** The deltas that act, innermost first, each at this point. */
  readonly deltas: readonly Delta[];
  /** Deltas that wait beside them and do nothing: see `activate`. */
  readonly inactive: readonly Delta[];
  /** What is trained, as `<delta>/<name>`. */
  readonly parameters: Parameters;
  /** The base's sites. */
  sites(): readonly Site[];
  /**
   * The base's forward pass with the deltas in place, further hooks outside of them. `options.parameters` stand in for
   * the trained ones. The caller owns the output.
   */
  forward(input: InputOf<M>, options?: ForwardOptions): OutputOf<M>;
  /** Mean loss of a batch at `parameters`, in nats, with the penalties of the deltas. The caller owns it. */
  loss: Objective<InputOf<M>>["loss"];
  /** What a run should say before its first step: that the base has random weights that no delta trains and saves, and what deltas say. */
  readonly warnings?: readonly string[];
  /** What a checkpoint of it belongs to: base, head and deltas, with fingerprints of all that is frozen. */
  describe: NonNullable<Objective<InputOf<M>>["describe"]>;
  /**
   * The same at another point. Nothing is copied; the tensors stay the caller's.
   *
   * @throws {ShapeError} When names or shapes differ.
   */
  with(parameters: Parameters, options?: { readonly state?: Parameters }): Tuned<M>;
  /**
   * The same deltas on another base, which agrees with this one at the sites that they touch: paths, widths and how weights
   * lie. Tensors are shared, but those that stand for values of the base (`whole`) are made for the new one; the caller owns
   * these.
   *
   * @throws {ConfigError} When it does not agree; names the delta and the site.
   */
  on<Other extends AnyModel>(base: Other): Tuned<Other>;
}

/**
 * A model with deltas on it: the same forward pass, and an objective that `train` takes. It has the base's architecture and
 * head, where the base has them, so that what makes batches and runs models takes it.
 */
export type Tuned<M extends AnyModel = AnyModel> = TunedModel<M> & Pick<M, Extract<keyof M, "architecture" | "head">>;

const withOptions = z.strictObject({
  state: z.custom<Parameters>((value) => value instanceof Map, "must be a map of tensors").exactOptional(),
});

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
  if (!delta.hooks(delta).every(finds)) {
    throw new ConfigError({
      message: `attach: delta "${delta.name}" (${delta.kind}) finds nothing in this model to hook onto; it was made for another model`,
      delta: delta.name,
    });
  }
}

/** Throws where two deltas take the place of one parameter of the base: the values of one would silently be lost. */
function checkReplaced(parts: readonly Delta[]): void {
  const takenBy = new Map<string, Delta>();
  for (const part of parts) {
    for (const name of part.method.replaced?.(part.shape, part.config as never) ?? []) {
      const other = takenBy.get(name);
      if (other !== undefined) {
        throw new ConfigError({
          message: `attach: "${other.name}" and "${part.name}" both bring their own ${name}, of which the model has one; merge one of them, and attach the other to the result`,
          deltas: [other.name, part.name],
        });
      }
      takenBy.set(name, part);
    }
  }
}

/** A part at the values that it has among those of several deltas. */
function pointOf(part: Delta, parameters: Parameters, state: Parameters | undefined): Point {
  return {
    parameters: partTree(part, "parameters", parameters),
    buffers: part.buffers,
    state: state === undefined ? part.state : partTree(part, "state", state),
  };
}

/** The tuned model of a base, a stack that acts, and deltas that wait. Names are told apart across both. */
export function graft<M extends AnyModel>(base: M, whole: Stack, inactive: readonly Delta[] = []): Tuned<M> {
  const { parts } = whole;
  checkNames([...parts, ...inactive]);
  checkReplaced(parts);
  const hooksAt = (parameters = whole.parameters, state?: Parameters, more: readonly Hook[] = []): readonly Hook[] => [
    ...parts.flatMap((part) => part.hooks(pointOf(part, parameters, state)).map((hook) => nameHook(hook, part.name))),
    ...more,
  ];
  const penalised = parts.filter((part) => part.penalty !== undefined);
  const scaled = parts.filter((part) => part.scalars !== undefined);
  const warnings = [warnLeftRandom(base, parts) ?? [], parts.flatMap((part) => part.warnings ?? [])].flat();
  const { architecture, head } = base as { readonly architecture?: unknown; readonly head?: unknown };
  const tuned: TunedModel<M> = {
    base,
    deltas: parts,
    inactive,
    parameters: whole.parameters,
    config: base.config,
    sites: () => base.sites(),
    forward: (input, { parameters, hooks, ...options } = {}) =>
      base.forward(input as never, { ...options, hooks: hooksAt(parameters, undefined, hooks) }) as OutputOf<M>,
    loss(parameters, batch, { random, training, state }) {
      if (base.loss === undefined) {
        throw new ConfigError({
          message:
            "loss: the model has no head, so it has no loss; load it with a head, or write an objective around forward",
        });
      }
      return tidy(() => {
        const mean = base.loss!(batch as never, { hooks: hooksAt(parameters, state), random, training });
        if (penalised.length === 0) return mean;
        const penalties = penalised.map((part) => part.penalty!(pointOf(part, parameters, state)));
        return add(mean, addN(penalties)) as Scalar;
      });
    },
    describe: () => describeTuned(base, parts),
    with(parameters, options = {}) {
      const { state } = parseConfig("tuned.with", withOptions, options);
      checkSameStructure("tuned.with", whole.parameters, parameters);
      if (state !== undefined) checkSameStructure("tuned.with", whole.state, state);
      return graft(base, stack(...parts.map((part) => ({ ...part, ...pointOf(part, parameters, state) }))), inactive);
    },
    on(other) {
      const moved = (deltas: readonly Delta[]): readonly Delta[] => deltas.map((part) => moveTo(part, base, other));
      return graft(other, stack(...attach(other, ...moved(parts)).deltas), moved(inactive));
    },
    ...(base.weight !== undefined && {
      weight: (batch: InputOf<M>) => base.weight!(batch as never, { hooks: hooksAt() }),
    }),
    ...(warnings.length > 0 && { warnings }),
    ...(whole.state.size > 0 && { state: whole.state }),
    ...(scaled.length > 0 && {
      scalars: (step: number, total?: number) =>
        Object.fromEntries(
          scaled.flatMap((part) =>
            Object.entries(part.scalars!(step, total)).map(([name, value]) => [`${part.name}/${name}`, value]),
          ),
        ),
    }),
    ...(parts.some((part) => part.afterStep !== undefined) && {
      afterStep: (given) => followStep(parts, given),
    }),
  };
  return {
    ...tuned,
    ...(architecture !== undefined && { architecture }),
    ...(head !== undefined && { head }),
  } as unknown as Tuned<M>;
}

/** What `attach` reads of a tuned model that stands among the deltas: its base, which must be the model's own, and its deltas. */
export type Grafted = Pick<TunedModel, "deltas"> & { readonly base: object };

/** What is joined: a tuned model of the same base stands for its deltas. */
function deltasOf(base: AnyModel, given: Delta | Stack | Grafted): readonly (Delta | Stack)[] {
  if (Object(given) !== given || !("deltas" in given)) return [given as Delta | Stack];
  if (given.base === base) return given.deltas;
  throw new ConfigError({
    message:
      "attach: a tuned model of another base stands among the deltas; tuned.on(base) puts its deltas onto this one",
  });
}

/**
 * Joins deltas to a model. The last is outermost. On a tuned model the new ones come on top of those it has; a tuned model of the same base among
 * the deltas stands for its own.
 *
 * Where the base has a random head, because its file lacked one, put `head(base)` among the deltas: the others train against
 * it, and without `head` it is neither trained nor saved. `tuned.warnings` says so.
 *
 * A delta that replaces weights, such as `head` or `whole`, hides edits of the same weights by deltas before it: put it first.
 *
 * @throws {ConfigError} When two deltas have one name, one fits nowhere in this model, or two bring the same biases of it.
 * @example
 * const tuned = attach(base, lora(base, { rank: 8 }, random(1)), head(base));
 */
export function attach<M extends AnyModel>(
  model: M | Tuned<M>,
  ...deltas: readonly (Delta | Stack | Grafted)[]
): Tuned<M> {
  const base = isTuned(model) ? model.base : model;
  const whole = stack(...(isTuned(model) ? model.deltas : []), ...deltas.flatMap((each) => deltasOf(base, each)));
  for (const part of whole.parts) checkFit(base, part);
  return graft(base, whole, isTuned(model) ? model.inactive : []);
}

/** The model underneath, as it was. */
export function detach<M extends AnyModel>(tuned: Tuned<M>): M {
  return tuned.base;
}
