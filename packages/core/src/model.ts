import type { Json } from "@cambium/base";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import type { Hook } from "./hook.ts";
import type { Parameters } from "./parameters.ts";
import type { Random } from "./random.ts";
import type { ScopeCache } from "./scope.ts";
import type { Site } from "./site.ts";

/** What one forward pass runs with. */
export interface ForwardOptions {
  /** Middleware; the last is outermost. @default [] */
  readonly hooks?: readonly Hook[];
  /** Parameters in place of the model's own. */
  readonly parameters?: Parameters;
  /** Whether dropout applies. @default false */
  readonly training?: boolean;
  /** Randomness of dropout; needed when training with dropout. */
  readonly random?: Random;
  /** What is remembered of the rows before these; then the input is what comes after them. @default nothing */
  readonly cache?: ScopeCache;
  /** Whether scores are wanted of each sequence's last real row alone: one row for each sequence. @default false */
  readonly lastOnly?: boolean;
  /**
   * Whether only the scores are wanted. What the head does not read need not be computed then, and what else the pass returns may
   * lack it. @default false
   */
  readonly scoresOnly?: boolean;
}

/** Every key of `ForwardOptions`, for functions that take them. */
export const FORWARD_KEYS: readonly (keyof ForwardOptions)[] = [
  "hooks",
  "parameters",
  "training",
  "random",
  "cache",
  "lastOnly",
  "scoresOnly",
];

/** What can be run and watched: a model, with or without deltas. */
export interface Runnable<Input, Output, Config = unknown> {
  /** Plain JSON, as in the checkpoint's `config.json`. */
  readonly config: Config;
  /** Every site a forward pass visits, in the order of the visits. */
  sites(): readonly Site[];
  /** The caller owns the tensors in the output. */
  forward(input: Input, options?: ForwardOptions): Output;
}

/** A pure function of named parameters, with named sites. */
export interface Model<Input, Output, Config = unknown> extends Runnable<Input, Output, Config> {
  /** Weights by their names in the checkpoint. */
  readonly parameters: Parameters;
  /** Mean loss of a batch, in nats, for models with a head. Pure; the caller owns the result. */
  loss?(input: Input, options?: ForwardOptions): Scalar;
  /**
   * How many items (rows, tokens, spans) that mean is over, where `hooks` are in place: what they put in front of the words may
   * make one more. @default rows, as whoever made the batch counts them
   */
  weight?(input: Input, options?: Pick<ForwardOptions, "hooks">): number;
}

/** What a loss is computed with, besides parameters and batch. */
export interface LossContext {
  /** A key for every step and batch. Its tensors are functions of the key; its arrays are not replayed. */
  readonly random: Random;
  readonly training: boolean;
  /** The objective's tensors that change without a gradient, where it has any. */
  readonly state?: Parameters;
  /** The objective's `scalars` of this step, of shape [1], when a step is taken. */
  readonly scalars?: Readonly<Record<string, Tensor>>;
}

/** What an objective sees of a step that has just moved its parameters. */
export interface AfterStep {
  /** Before the step. */
  readonly state: Parameters;
  /** After the step. */
  readonly parameters: Parameters;
  /** Those that the optimiser was given: the mean over the step, clipped where the run clips. */
  readonly gradients: Parameters;
  /** The objective's `scalars` of this step, of shape [1]. */
  readonly scalars: Readonly<Record<string, Tensor>>;
}

/** What `train` needs to know of anything: what is trained, and its loss. */
export interface Objective<Batch> {
  /** What is trained, at its start. */
  readonly parameters: Parameters;
  /** Mean loss over what `weight` counts. Pure in its arguments; the caller owns the result. */
  loss(parameters: Parameters, batch: Batch, context: LossContext): Scalar;
  /** How many items the loss is a mean over: tokens, spans. @default the batch's rows */
  weight?(batch: Batch): number;
  /**
   * What a checkpoint belongs to, as JSON: all that the loss depends on besides its arguments, with `fingerprint`s of
   * frozen weights. Without it there are no checkpoints.
   */
  describe?(): Json | Promise<Json>;
  /** What whoever trains it should know, such as weights that are random and stay so: sentences. @default none */
  readonly warnings?: readonly string[];
  /** Tensors that change from step to step without a gradient, at their start. */
  readonly state?: Parameters;
  /**
   * Numbers of one step that `loss` and `afterStep` need. Pure.
   *
   * @param step - From 1.
   * @param total - Steps of the run, where they are known in advance.
   */
  scalars?(step: number, total?: number): Readonly<Record<string, number>>;
  /**
   * The state after a step, under the names and shapes of the state before it, and the parameters if it changes them.
   * Pure and of tensors only, so that it is replayed. The caller owns the tensors of the result.
   */
  afterStep?(given: AfterStep): { readonly state: Parameters; readonly parameters?: Parameters };
}
