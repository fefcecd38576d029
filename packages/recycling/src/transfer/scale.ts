/** How much of a delta is carried over: all of its numbers that stand for a change, times λ. */
import { ConfigError } from "@cambium/base";
import type { Site } from "@cambium/core";
import { type Delta, scaled } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { add, mul, type Tensor, tidy } from "@tensorflow/tfjs-core";

/** One factor for all, or one for each layer. What lies in no layer counts 1 then. */
export type Scale = number | readonly number[];

/** Throws for what is no factor. */
export function checkScale(caller: string, scale: unknown): asserts scale is Scale {
  const all = Array.isArray(scale) ? scale : [scale];
  if (all.length > 0 && all.every((each) => typeof each === "number" && Number.isFinite(each))) return;
  throw new ConfigError({
    message: `${caller}: scale must be a finite number, or a list of one for each layer, got ${JSON.stringify(scale)}`,
  });
}

/** Numbers that are a change by themselves, so that λ times them is λ times the change, by the kind of the delta. */
const changes: Readonly<Record<string, (name: string) => boolean>> = {
  lora: (name) => /\.lora_B\.(weight|bias)$|lora_embedding_B$/.test(name),
  bitFit: () => true,
  adapter: (name) => /\.up\.(weight|bias)$/.test(name),
};

/** Whether the numbers of a delta can be scaled one by one. */
function isPlain({ kind, config }: Delta): boolean {
  const { init, bias, phm } = config as { readonly init?: string; readonly bias?: string; readonly phm?: unknown };
  if (kind === "lora") return bias === "none" && init !== "pissa" && init !== "olora";
  return kind === "adapter" ? phm === undefined : kind === "bitFit" || kind === "ia3";
}

/** λ at a place, by the name of a parameter. */
function factorAt(model: LanguageModel, scale: Scale): (name: string) => number {
  if (typeof scale === "number") return () => scale;
  const sites = model.sites().filter(({ layer }) => layer !== undefined);
  const stacks = new Set(sites.map(({ stack }) => stack));
  const count = new Set(sites.map(({ layer }) => layer)).size;
  if (stacks.size > 1) throw new ConfigError({ message: "recycle: a scale for each layer is for models of one stack" });
  if (scale.length !== count)
    throw new ConfigError({ message: `recycle: the model has ${count} layers, and scale has ${scale.length} factors` });
  const layerOf = (name: string): number | undefined => {
    let owner: Site | undefined;
    for (const site of sites)
      if ((name === site.path || name.startsWith(`${site.path}.`)) && site.path.length > (owner?.path.length ?? 0))
        owner = site;
    return owner?.layer;
  };
  return (name) => scale[layerOf(name) ?? -1] ?? 1;
}

/**
 * A delta on the new base, λ times as much of it. Heads stay as they are.
 *
 * @returns The delta and, where its tensors are new, that they are. Otherwise it shares them.
 * @throws {ConfigError} For a factor for each layer where the numbers of a delta are no change each, and for deltas that put rows in
 *   front of others, of which there is no part.
 */
export function scaleDelta(
  delta: Delta,
  model: LanguageModel,
  scale: Scale,
): { readonly delta: Delta; readonly made: boolean } {
  if (scale === 1 || delta.kind === "head") return { delta, made: false };
  const factor = factorAt(model, scale);
  if (delta.method.replaces === true) {
    const heads = new Set(model.headParameters);
    return changed(delta, (name, value) => {
      const base = model.parameters.get(name)!;
      return heads.has(name) ? value.clone() : tidy(() => add(mul(base, 1 - factor(name)), mul(value, factor(name))));
    });
  }
  if (isPlain(delta)) {
    return changed(delta, (name, value) => {
      const by = factor(name);
      if (delta.kind === "ia3") return tidy(() => add(mul(value, by), 1 - by));
      return changes[delta.kind]!(name) ? tidy(() => mul(value, by)) : value.clone();
    });
  }
  if (typeof scale === "number") return { delta: scaled(delta, scale), made: false };
  throw new ConfigError({
    message: `recycle: numbers of "${delta.name}" (${delta.kind}) are no change each, so that layers cannot be scaled by themselves; give one factor`,
    delta: delta.name,
  });
}

function changed(
  delta: Delta,
  change: (name: string, value: Tensor) => Tensor,
): { readonly delta: Delta; readonly made: boolean } {
  const parameters = new Map([...delta.parameters].map(([name, value]) => [name, change(name, value)]));
  const { start: _, ...rest } = delta;
  return { delta: { ...rest, parameters }, made: true };
}
