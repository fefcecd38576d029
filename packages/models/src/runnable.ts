import type { Runnable } from "@cambium/core";
import type { Architecture, ModelConfig, TokenBatch } from "./architecture.ts";
import type { HeadConfig } from "./head-config.ts";
import type { LanguageOutput } from "./language-model.ts";

/** A model of this package that can be run, with or without deltas on it: what `collate`, `embed` and `predictor` take. */
export interface RunnableModel extends Runnable<TokenBatch, LanguageOutput, ModelConfig> {
  readonly architecture: Architecture;
  readonly head?: HeadConfig;
}
