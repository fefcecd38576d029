/** Files of a folder of sentence-transformers for a model with an embedding head. */
import type { EmbeddingHead } from "./head-config.ts";
import { type EmbeddingModules, readModules } from "./modules.ts";
import { type Pooling, poolingNames } from "./pooling.ts";

/** In the oldest form that has them all, which every version of the library reads. */
const flags = ["cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"];

const POOLING = "1_Pooling";

function saysTheSame(modules: EmbeddingModules, { pooling = "mean", normalise = false }: EmbeddingHead): boolean {
  const isNormalised = modules.steps.length > 0;
  return [pooling].flat().join() === modules.pooling.join() && normalise === isNormalised;
}

/** Whether several poolings stand in the order in which the flags mean them. */
const isInOrder = (poolings: readonly Pooling[]): boolean =>
  poolings.every((pooling, i) => i === 0 || poolingNames.indexOf(pooling) > poolingNames.indexOf(poolings[i - 1]!));

function poolingConfig(poolings: readonly Pooling[], width: number): object {
  const names = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"];
  return isInOrder(poolings)
    ? {
        word_embedding_dimension: width,
        ...Object.fromEntries(flags.map((flag, i) => [`pooling_mode_${flag}`, poolings.includes(poolingNames[i]!)])),
      }
    : { embedding_dimension: width, pooling_mode: poolings.map((pooling) => names[poolingNames.indexOf(pooling)]) };
}

/**
 * The files that make a folder say what a head does, by name; none where `files` say it already.
 *
 * @param files - Those of the tokenizer that goes into the folder.
 * @param width - dModel.
 */
export function modulesOf(
  head: EmbeddingHead,
  files: ReadonlyMap<string, Uint8Array>,
  width: number,
): ReadonlyMap<string, string> {
  if (files.has("modules.json") && saysTheSame(readModules("saveModel", files), head)) return new Map();
  const { pooling = "mean", normalise = false } = head;
  const chain = [
    ["", "Transformer"],
    [POOLING, "Pooling"],
    ...(normalise ? [["2_Normalize", "Normalize"]] : []),
  ] as const;
  const modules = chain.map(([path, kind], i) => ({
    idx: i,
    name: String(i),
    path,
    type: `sentence_transformers.models.${kind}`,
  }));
  const text = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  return new Map([
    ["modules.json", text(modules)],
    [`${POOLING}/config.json`, text(poolingConfig([pooling].flat(), width))],
  ]);
}
