import { type Random, startTensors } from "@cambium/core";
import type { ModelConfig } from "./architecture.ts";
import { type HeadConfig, parseHeadConfig, settleHead } from "./head-config.ts";
import { assembleModel, type LanguageModel, layoutOf, pooledHead } from "./language-model.ts";
import { type ParameterSpec, storedParameters } from "./layout.ts";
import { checkWhole } from "./view.ts";

/**
 * The same body under another head, which is random: several heads of any kinds and sizes on one base, whose weights are shared and
 * not copied. Parts that only a head needs and that the model was loaded without, such as a pooler, are random too.
 *
 * @param head - What stands on top.
 * @returns The model. The tensors under its `created` names that the old model does not have are the caller's; all others stay the old
 *   model's.
 * @throws {ConfigError} For a head that there is not on this architecture.
 * @example
 * const topics = withHead(base, { kind: "sequence-classification", labels: ["sport", "politics", "science"] }, random(1));
 */
export function withHead<Config extends ModelConfig, Top extends HeadConfig>(
  model: LanguageModel<Config>,
  head: Top,
  random: Random,
): LanguageModel<Config, Top> {
  const { architecture, config, created, unused } = model;
  checkWhole("withHead", model);
  const settled = pooledHead(architecture, config, settleHead("withHead", parseHeadConfig("withHead", head)));
  const layout = layoutOf(architecture, config, settled);
  const wanted = storedParameters(layout);
  const body = layoutOf(architecture, config, undefined).parameters;
  const isShared = (name: string): boolean => body.has(name) && model.parameters.has(name);
  const fresh = new Map<string, ParameterSpec>([...wanted].filter(([name]) => !isShared(name)));
  const made = startTensors(fresh, random);
  const parameters = new Map([...wanted.keys()].map((name) => [name, made.get(name) ?? model.parameters.get(name)!]));
  return assembleModel({
    architecture,
    config,
    head: settled,
    layout,
    parameters,
    created: [...new Set([...created.filter(isShared), ...fresh.keys()])],
    unused,
    source: model.source,
  });
}
