import { checkOptions } from "@cambium/base";
import { type Random, startTensors } from "@cambium/core";
import type { Architecture, ModelConfig } from "./architecture.ts";
import { architectures as builtIn } from "./architectures/index.ts";
import { findArchitecture } from "./find-architecture.ts";
import { type HeadConfig, parseHeadConfig, settleHead } from "./head-config.ts";
import { assembleModel, type LanguageModel, layoutOf, pooledHead } from "./language-model.ts";
import { type Layout, storedParameters } from "./layout.ts";

/** What a user types of a config: a `model_type`, and the keys of its architecture. What is left out has its default. */
export type ConfigInput =
  | { readonly model_type: string }
  | { readonly model_type: string; readonly [key: string]: unknown };

/** Settings of `createModel`. */
export interface CreateModelOptions<Top extends HeadConfig = HeadConfig> {
  /** What stands on top. @default nothing: hidden states only */
  readonly head?: Top;
  /** Architectures to choose from. @default those of this package */
  readonly architectures?: readonly Architecture[];
}

/** A layout, and whose it is. */
export interface ModelLayout extends Layout {
  readonly architecture: Architecture;
  readonly config: ModelConfig;
  readonly head?: HeadConfig;
}

/**
 * A model with random weights.
 *
 * Each parameter starts as its architecture states and draws from the key of its name, so equal seeds give equal bodies
 * below different heads.
 *
 * @param config - The sizes; what is left out has its default.
 * @throws {ConfigError} A value out of range, or a key that does not exist; the nearest one is named.
 * @example
 * const model = createModel(
 *   { model_type: "bert", vocab_size: 100, hidden_size: 32, num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 64 },
 *   random(1),
 *   { head: { kind: "masked-lm" } },
 * );
 */
export function createModel<Config extends ModelConfig = ModelConfig, Top extends HeadConfig = HeadConfig>(
  config: ConfigInput,
  random: Random,
  options: CreateModelOptions<Top> = {},
): LanguageModel<Config, Top> {
  const { architecture, config: whole, head, layout } = plan("createModel", config, options);
  const parameters = startTensors(storedParameters(layout), random);
  return assembleModel({ architecture, config: whole as Config, head, layout, parameters });
}

/**
 * Sites and parameters of a model, without its weights: what loading checks, what creation makes, and what can be counted
 * before anything is downloaded (`countLayout`).
 *
 * @throws {ConfigError} As `createModel`.
 * @example
 * const count = countLayout(modelLayout(config, { head: { kind: "masked-lm" } }));
 */
export function modelLayout(config: ConfigInput, options: CreateModelOptions = {}): ModelLayout {
  const { layout, head, ...whose } = plan("modelLayout", config, options);
  return { ...layout, ...whose, ...(head !== undefined && { head }) };
}

function plan(caller: string, config: ConfigInput, options: CreateModelOptions) {
  checkOptions(caller, options, ["head", "architectures"]);
  const architecture = findArchitecture(caller, config, options.architectures ?? builtIn);
  const whole = architecture.parse(caller, config, "user");
  const asked = options.head === undefined ? undefined : settleHead(caller, parseHeadConfig(caller, options.head));
  const head = asked === undefined ? undefined : pooledHead(architecture, whole, asked);
  return { architecture, config: whole, head, layout: layoutOf(architecture, whole, head) };
}
