/**
 * What a method is: a value that is called like a function, and that says the rest about itself.
 *
 * `method({ kind, parse, tensors, hooks, … })` gives `lora(model, options, random)`. Counting and files read `parse` and
 * `tensors` alone, which make nothing; everything else is written once against the `Delta` that comes out.
 */
import { ConfigError, ShapeError } from "@cambium/base";
import {
  disposeParameters,
  type Hook,
  type Parameters,
  type Random,
  random as seeded,
  startTensor,
  type TensorSpec,
} from "@cambium/core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import type { Delta } from "./delta.ts";
import type { PeftFormat } from "./files/peft-format.ts";
import { type Host, type HostModel, hostOf } from "./host.ts";

/** A tensor of a delta before it is made. */
export interface DeltaTensor extends TensorSpec {
  /** Labels of the key that it draws its start from. @default its name */
  readonly key?: readonly (string | number)[];
  /** Whether files hold it. One that they do not hold starts again when it is loaded. @default true */
  readonly isStored?: boolean;
}

/** The tensors of a delta, by name. */
export interface DeltaTensors {
  /** What is trained, float32. */
  readonly trained: ReadonlyMap<string, DeltaTensor>;
  /** What is not: drawn or computed once, and moved with the delta from then on. @default none */
  readonly frozen?: ReadonlyMap<string, DeltaTensor>;
}

/** All that a delta is at one point: values, settings, and the model that it was made for. */
export interface DeltaPoint<Config> {
  readonly parameters: Parameters;
  /** The frozen tensors. */
  readonly buffers: Parameters;
  /** What changes from step to step without a gradient. */
  readonly state: Parameters;
  readonly config: Config;
  readonly shape: Host;
}

/** What a method sees of a step that has just moved its parameters. */
export interface DeltaStep {
  /** The mean over the step, under the names of the parameters. */
  readonly gradients: Parameters;
  /** The method's `scalars` of this step, of shape [1]. */
  readonly scalars: Readonly<Record<string, Tensor>>;
}

/** What a method says of itself. Every function is pure. */
export interface MethodDefinition<Options, Config> {
  /** Names the method in files, and its deltas unless they are given another name. */
  readonly kind: string;
  /** Counted up when the same config comes to mean something else; checkpoints of another version are not taken up. @default 1 */
  readonly version?: number;
  /**
   * The config that options mean: plain JSON, every default filled in. Its own result gives itself again.
   *
   * @param random - Where random choices of the method come from, which its config must hold; absent when a config or a file
   *   is read.
   * @throws {ConfigError} For unknown keys, settings out of range, and places that are not there.
   */
  parse(options: Options, shape: Host, random?: Random): Config;
  /** What there is to train, and what is kept beside it. Makes nothing. */
  tensors(shape: Host, config: Config): DeltaTensors;
  /** The change to the model. */
  hooks(at: DeltaPoint<Config>): readonly Hook[];
  /**
   * The base's weights that the change amounts to, and no others; the caller owns them. Left out where no weights do the
   * same, as with a layer that is not linear.
   */
  merge?(base: Parameters, at: DeltaPoint<Config>): Parameters;
  /** Whether a config can be merged, where it depends on the config. @default whether there is `merge` */
  mergeable?(shape: Host, config: Config): boolean;
  /**
   * The config under which the same tensors change the model `factor` times as much, where the config can say it; undefined for
   * factors that it cannot. `scaled` does without it, but then files of other programs do not take the delta.
   */
  scale?(config: Config, factor: number): Config | undefined;
  /** Added to the loss, in nats. */
  penalty?(at: DeltaPoint<Config>): Scalar;
  /** Tensors that change from step to step without a gradient. Makes nothing. */
  state?(shape: Host, config: Config): ReadonlyMap<string, TensorSpec>;
  /**
   * Numbers of one step that `afterStep` needs.
   *
   * @param step - From 1.
   * @param total - Steps of the run, where they are known in advance.
   */
  scalars?(shape: Host, config: Config, step: number, total?: number): Readonly<Record<string, number>>;
  /** The state after a step, and the parameters that it changes. Of tensors only, so that it can be replayed. */
  afterStep?(at: DeltaPoint<Config>, step: DeltaStep): { readonly state: Parameters; readonly parameters?: Parameters };
  /**
   * The parameters that mean the same on another base, where they stand for values of the base. The caller owns them.
   *
   * @param from - Weights of the base that they were trained on.
   */
  rebase?(at: DeltaPoint<Config>, from: Parameters, to: Parameters): Parameters;
  /**
   * Hooks for batches whose rows name different deltas of this method.
   *
   * @param members - By the number that rows have for them; undefined for numbers of deltas of other methods.
   * @throws {ConfigError} When these deltas cannot act together.
   */
  perRow?(members: readonly (DeltaPoint<Config> | undefined)[]): readonly Hook[];
  /**
   * Whether its parameters take the place of the base's of the same names, so that files of it carry these. A random head
   * that no such delta carries is reported when it is trained with, and not saved.
   *
   * @default false
   */
  readonly replaces?: boolean;
  /**
   * Names of the base's parameters whose place some of its parameters take, where others do not. Two deltas cannot both take one.
   *
   * @default none
   */
  replaced?(shape: Host, config: Config): readonly string[];
  /** Why files cannot hold it. @default they can */
  readonly unsaved?: string;
  /** How PEFT writes it. Left out where PEFT has no such method. */
  readonly peft?: PeftFormat<unknown, Config>;
}

/** A method: called, it makes a delta for a model. */
export interface Method<Options = never, Config = unknown> extends MethodDefinition<Options, Config> {
  /**
   * @param model - Its sites and shapes are read, and those weights that starts are computed from.
   * @param random - Where starting values come from.
   */
  (model: HostModel, options: Options, random: Random): Delta<Config>;
}

/** A method whose starting values are given by the model, so that it takes no randomness. */
export interface SeedlessMethod<Options = never, Config = unknown> extends Method<Options, Config> {
  (model: HostModel, options?: Options, random?: Random): Delta<Config>;
}

/**
 * A method out of its definition.
 *
 * @example
 * const gain = method<{}, {}>({
 *   kind: "gain",
 *   parse: (options) => parseConfig("gain", z.strictObject({}), options),
 *   tensors: () => ({ trained: new Map([["gain", { shape: [1], start: oneStart }]]) }),
 *   hooks: ({ parameters }) => [around("logits", () => true, ({ input, next }) => mul(next(input), parameters.get("gain")!))],
 * });
 */
export function method<Options, Config>(definition: MethodDefinition<Options, Config>): Method<Options, Config> {
  return seedlessMethod(definition);
}

/** `method` for a definition none of whose tensors start at random. */
export function seedlessMethod<Options, Config>(
  definition: MethodDefinition<Options, Config>,
): SeedlessMethod<Options, Config> {
  const make = (model: HostModel, options: Options = {} as Options, random?: Random): Delta<Config> => {
    const shape = hostOf(model);
    const config = definition.parse(options, shape, random);
    const { trained, frozen = new Map<string, DeltaTensor>() } = definition.tensors(shape, config);
    checkTrained(definition.kind, trained);
    const made: Parameters[] = [];
    const start = (specs: ReadonlyMap<string, DeltaTensor>): Parameters => {
      made.push(startDelta(definition.kind, specs, random, model.parameters));
      return made.at(-1)!;
    };
    try {
      const [parameters, buffers, state] = [
        start(trained),
        start(frozen),
        start(definition.state?.(shape, config) ?? new Map()),
      ] as const;
      return bindDelta(definition, { parameters, buffers, state, config, shape }, parameters);
    } catch (error) {
      for (const tree of made) disposeParameters(tree);
      throw error;
    }
  };
  return Object.assign(make, definition);
}

function checkTrained(kind: string, trained: ReadonlyMap<string, DeltaTensor>): void {
  for (const [name, { dtype = "float32" }] of trained) {
    if (dtype === "float32") continue;
    throw new ShapeError({ message: `${kind}: "${name}" is trained, so it must be float32, not ${dtype}`, name });
  }
}

/** Tensors at their starts. The caller owns them. */
export function startDelta(
  kind: string,
  specs: ReadonlyMap<string, DeltaTensor>,
  random: Random | undefined,
  weights: Parameters,
): Map<string, Tensor> {
  const made = new Map<string, Tensor>();
  try {
    for (const [name, spec] of specs) {
      if (random === undefined && drawsStart(spec)) {
        throw new ConfigError({
          message: `${kind}: "${name}" starts at random; pass randomness, such as random(1)`,
          name,
        });
      }
      const key = (spec.key ?? [name]).reduce<Random>((at, label) => at.at(label), random ?? seeded(0));
      const start = startTensor(spec, key, weights);
      made.set(name, start);
      if (start.dtype === (spec.dtype ?? "float32")) continue;
      throw new ConfigError({
        message: `${kind}: "${name}" would start from values that are ${start.dtype}, and ${spec.dtype ?? "float32"} is what is trained; leave it out by the modules or targets that are named`,
        name,
      });
    }
    return made;
  } catch (error) {
    disposeParameters(made);
    throw error;
  }
}

function drawsStart({ start }: DeltaTensor): boolean {
  return start.kind === "uniform" || start.kind === "normal" || (start.kind === "weights" && start.make.length > 1);
}

/**
 * A delta of a method at a point.
 *
 * @param start - The tensors that it was made with, if it was made and not read.
 */
export function bindDelta<Config>(
  definition: MethodDefinition<never, Config>,
  at: DeltaPoint<Config>,
  start?: Parameters,
): Delta<Config> {
  const { kind, merge, penalty, scalars, afterStep } = definition;
  const { config, shape } = at;
  const whole = ({ parameters, buffers = at.buffers, state = at.state }: Partial<DeltaPoint<Config>>) => ({
    parameters: parameters ?? at.parameters,
    buffers,
    state,
    config,
    shape,
  });
  return {
    kind,
    name: kind,
    config,
    method: definition,
    shape,
    parameters: at.parameters,
    buffers: at.buffers,
    state: at.state,
    ...(start !== undefined && { start }),
    hooks: (point) => definition.hooks(whole(point)),
    ...(merge !== undefined &&
      definition.mergeable?.(shape, config) !== false && { merge: (base, point) => merge(base, whole(point)) }),
    ...(penalty !== undefined && { penalty: (point) => penalty(whole(point)) }),
    ...(scalars !== undefined && { scalars: (step, total) => scalars(shape, config, step, total) }),
    ...(afterStep !== undefined && { afterStep: (point, step) => afterStep(whole(point), step) }),
  };
}
