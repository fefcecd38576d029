/** A deeper model of the same weights: ranges of its layers one after the other, some of them several times. */
import { ConfigError } from "@cambium/base";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { ModelConfig } from "./architecture.ts";
import type { HeadConfig } from "./head-config.ts";
import { assembleModel, type LanguageModel, layoutOf } from "./language-model.ts";
import { storedParameters, withoutPart } from "./layout.ts";
import { checkWhole } from "./view.ts";

/** Half-open ranges of layers. */
export type LayerRanges = readonly (readonly [from: number, to: number])[];

/** Where families keep how many blocks there are. */
const COUNT_KEYS = ["num_hidden_layers", "n_layer", "num_layers"];

const replications = new WeakMap<object, LayerRanges>();

/** The ranges that a model was made of by `replicateLayers`; undefined for one that is as it was loaded. */
export function replicationOf(model: object): LayerRanges | undefined {
  return replications.get(model);
}

/**
 * The model whose layers are ranges of this one's: of five layers, `[[0, 4], [2, 5]]` makes 0, 1, 2, 3, 2, 3, 4. Weights are shared,
 * nothing is copied, and deltas sit on each of the new layers by themselves: PEFT's `layer_replication`.
 *
 * @param ranges - At least one, each half-open and within the layers.
 * @returns The model, whose tensors stay the old model's.
 * @throws {ConfigError} For ranges that are empty or go beyond the layers; for a model of two stacks.
 * @see Kim et al. 2023, SOLAR 10.7B, arXiv:2312.15166, section 3.1, whose depth up-scaling this is.
 * @example
 * const deep = replicateLayers(base, [[0, 16], [8, 24]]);
 * const tuned = attach(deep, lora(deep, { rank: 8 }, random(1)));
 */
export function replicateLayers<Config extends ModelConfig, Top extends HeadConfig>(
  model: LanguageModel<Config, Top>,
  ranges: LayerRanges,
): LanguageModel<Config, Top> {
  const { architecture, config, head, created, unused } = model;
  checkWhole("replicateLayers", model);
  const fail = (message: string): ConfigError => new ConfigError({ message: `replicateLayers: ${message}`, ranges });
  const blocks = model.sites().filter(({ kind }) => kind === "block");
  if (blocks.some(({ stack }) => stack !== undefined))
    throw fail(`a ${config.model_type} has two stacks, whose layers belong together`);
  const order = orderOf(ranges, blocks.length, fail);
  const key = COUNT_KEYS.find((each) => (config as unknown as Record<string, unknown>)[each] === blocks.length);
  if (key === undefined) throw fail(`the config of a ${config.model_type} does not say how many layers there are`);
  const { layer_types: types } = config as { readonly layer_types?: readonly unknown[] };
  const deeper = {
    ...config,
    [key]: order.length,
    ...(types !== undefined && { layer_types: order.map((layer) => types[layer]) }),
  };
  const parsed = architecture.parse("replicateLayers", deeper, "file") as Config;
  const layout = missingParts(model).reduce(withoutPart, layoutOf(architecture, parsed, head));
  const places = layout.sites.filter(({ kind }) => kind === "block").map(({ path }) => `${path}.`);
  const parameters = new Map<string, Tensor>();
  for (const name of storedParameters(layout).keys()) {
    const layer = places.findIndex((place) => name.startsWith(place));
    const old = layer < 0 ? name : `${blocks[order[layer]!]!.path}.${name.slice(places[layer]!.length)}`;
    const tensor = model.parameters.get(old);
    if (tensor === undefined) throw fail(`layer ${layer} needs ${old}, which the model does not have`);
    parameters.set(name, tensor);
  }
  const deep = assembleModel<Config, Top>({
    architecture,
    config: parsed,
    head,
    layout,
    parameters,
    created,
    unused,
    source: model.source,
  });
  replications.set(deep, ranges);
  return deep;
}

/** Parts that the model does without, such as a pooler. */
function missingParts({ architecture, config, head, layout }: LanguageModel): readonly string[] {
  const specs = [...layoutOf(architecture, config, head).parameters];
  return [...new Set(specs.flatMap(([name, { part }]) => (layout.parameters.has(name) ? [] : (part ?? []))))];
}

function orderOf(ranges: LayerRanges, count: number, fail: (message: string) => ConfigError): readonly number[] {
  if (!Array.isArray(ranges) || ranges.length === 0) throw fail("pass at least one range, such as [[0, 4], [2, 5]]");
  return ranges.flatMap((range) => {
    const [from, to] = Array.isArray(range) && range.length === 2 ? range : [Number.NaN, Number.NaN];
    if (Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= count)
      return Array.from({ length: to - from }, (_, i) => from + i);
    throw fail(`${JSON.stringify(range)} is no range within the ${count} layers`);
  });
}
