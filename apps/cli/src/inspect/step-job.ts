/** What the measuring process is asked, and how a model of fewer layers is described. */
import type { HeadConfig, ModelConfig } from "@cambium/models";

/** One training step to be measured: a model of random weights, a method with its defaults, a batch of made-up ids. */
export interface StepJob {
  readonly config: ModelConfig;
  readonly head: HeadConfig;
  /** Name of a method of `@cambium/delta`. */
  readonly method: string;
  /** Rows of a batch. */
  readonly batch: number;
  /** Tokens of a row. */
  readonly seq: number;
}

/** What one process measured. */
export interface StepCost {
  /** Median of some steps. */
  readonly stepMs: number;
  /** The most memory that the process had, program and runtime included. */
  readonly peakBytes: number;
}

/** Where families keep how many blocks there are: transformers' words. */
const LAYER_KEYS = ["num_hidden_layers", "num_layers", "num_decoder_layers", "n_layer", "n_layers"];

/** Blocks of a model, of one stack where there are two. */
export function layerCount(config: ModelConfig): number {
  const counts = LAYER_KEYS.map((key) => (config as unknown as Record<string, unknown>)[key]);
  return Math.max(1, ...counts.filter((count) => typeof count === "number"));
}

/** The same model with so many blocks in each stack. */
export function withLayers(config: ModelConfig, layers: number): ModelConfig {
  const entries = Object.entries(config).map(([key, value]) => [
    key,
    LAYER_KEYS.includes(key) && value != null ? layers : value,
  ]);
  const { layer_types: types, ...rest } = Object.fromEntries(entries) as Record<string, unknown>;
  return { ...rest, ...(Array.isArray(types) && { layer_types: types.slice(0, layers) }) } as unknown as ModelConfig;
}
