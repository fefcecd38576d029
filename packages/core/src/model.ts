import type { Scalar } from "@tensorflow/tfjs-core";
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
}

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
  /** How many items (rows, tokens, spans) that mean is over. @default rows, as whoever made the batch counts them */
  weight?(input: Input): number;
}

/** What `train` needs to know of anything: what is trained, and its loss. */
export interface Objective<Batch> {
  /** What is trained. */
  readonly parameters: Parameters;
  /** Mean loss over the batch. Pure in `parameters`. */
  loss(parameters: Parameters, batch: Batch, context: { readonly random: Random; readonly training: boolean }): Scalar;
}
