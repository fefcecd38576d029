/** The hooks and the merge of what is chosen of other methods: they are those methods', at values that are partly trained. */
import { around, type Hook, type Parameters } from "@cambium/core";
import { add, concat, type Tensor, type Tensor2D, type Tensor3D } from "@tensorflow/tfjs-core";
import { oncePerPair } from "../host.ts";
import type { DeltaPoint } from "../method.ts";
import { adapter } from "../methods/adapter.ts";
import { type LoraConfig, lora } from "../methods/lora.ts";
import { prefix } from "../methods/prefix.ts";
import { prompt } from "../methods/prompt.ts";
import type { Pick } from "./manifest.ts";
import type { ArbitraryConfig, ArbitraryRecipe, Pool } from "./options.ts";
import { selectionOf } from "./selection.ts";
import { methodValue } from "./values.ts";

/** What is chosen of each pool. */
export const picksByPool: (
  shape: DeltaPoint<never>["shape"],
  config: ArbitraryConfig,
) => ReadonlyMap<Pool, readonly Pick[]> = oncePerPair((shape, config) => {
  const pools = new Map<Pool, Pick[]>();
  for (const pick of selectionOf(shape, config).picks) {
    const { pool } = pick.candidate;
    pools.set(pool, [...(pools.get(pool) ?? []), pick]);
  }
  return pools;
});

/** Tensors that are computed when they are asked for, under the names that a method knows. */
function computed(values: ReadonlyMap<string, () => Tensor>): Parameters {
  const get = (name: string): Tensor | undefined => values.get(name)?.();
  return { get, has: (name: string) => values.has(name), keys: () => values.keys() } as unknown as Parameters;
}

/** LoRA's config for the layers that have any of it. */
const loraConfig: (shape: DeltaPoint<never>["shape"], config: ArbitraryRecipe) => LoraConfig = oncePerPair(
  (shape, config) => ({
    ...config.lora!,
    targets: [
      ...new Set(
        picksByPool(shape, config)
          .get("lora")!
          .map(({ candidate }) => candidate.group),
      ),
    ],
  }),
);

type At = DeltaPoint<ArbitraryConfig>;

function loraPoint({ config, shape, ...at }: At): DeltaPoint<LoraConfig> {
  const picks = picksByPool(shape, config).get("lora")!;
  const values = new Map(picks.map((pick) => [pick.candidate.name, () => methodValue(pick, at)]));
  return { ...at, shape, parameters: computed(values), config: loraConfig(shape, config as ArbitraryRecipe) };
}

/** Rows in their order as the one tensor of a prompt or a prefix. */
function rowsPoint<Config>(at: At, pool: "prompt" | "prefix", config: Config): DeltaPoint<Config & { length: number }> {
  const picks = picksByPool(at.shape, at.config).get(pool)!;
  const rows = (): Tensor =>
    concat(
      picks.map((pick) => methodValue(pick, at) as Tensor2D),
      0,
    );
  const parameters = computed(new Map([["prompt_embeddings", rows]]));
  return { ...at, parameters, config: { ...config, length: picks.length } };
}

/** Biases where there are none. */
function newBiases(at: At): readonly Hook[] {
  const picks = (picksByPool(at.shape, at.config).get("bias") ?? []).filter(
    ({ candidate }) => candidate.site !== undefined,
  );
  const byPath = new Map(picks.map((pick) => [pick.candidate.site!.path, pick]));
  const kinds = new Set(picks.map(({ candidate }) => candidate.site!.kind));
  return (["linear", "norm"] as const)
    .filter((kind) => kinds.has(kind))
    .map(
      (kind) =>
        around(
          kind,
          (site) => byPath.get(site.path)?.candidate.site?.kind === kind,
          ({ site, input, next }) => add(next(input as never), methodValue(byPath.get(site.path)!, at)) as Tensor3D,
          { byRow: true },
        ) as Hook,
    );
}

/** The hooks of everything but increments on weights. */
export function partHooks(at: At): readonly Hook[] {
  const pools = picksByPool(at.shape, at.config);
  const recipe = at.config as ArbitraryRecipe;
  const ofAdapters = (): readonly Hook[] => {
    const values = new Map(pools.get("adapter")!.map((pick) => [pick.candidate.name, () => methodValue(pick, at)]));
    return adapter.hooks({ ...at, parameters: computed(values), config: recipe.adapter! });
  };
  return [
    ...newBiases(at),
    ...(pools.has("lora") ? lora.hooks(loraPoint(at)) : []),
    ...(pools.has("adapter") ? ofAdapters() : []),
    ...(pools.has("prefix") ? prefix.hooks(rowsPoint(at, "prefix", recipe.prefix!)) : []),
    ...(pools.has("prompt") ? prompt.hooks(rowsPoint(at, "prompt", recipe.prompt!)) : []),
  ];
}

/** Whether weights of the base can do what the choice does. */
export function isMergeable(shape: At["shape"], config: ArbitraryConfig): boolean {
  const pools = picksByPool(shape, config);
  return (
    !["adapter", "prefix", "prompt"].some((pool) => pools.has(pool as Pool)) &&
    (pools.get("bias") ?? []).every(({ candidate }) => candidate.site === undefined)
  );
}

/** The weights that what is chosen of LoRA changes. */
export function mergeLora(base: Parameters, at: At): Parameters {
  return picksByPool(at.shape, at.config).has("lora") ? lora.merge!(base, loraPoint(at)) : new Map();
}
