/** Numbers of a recipe that may differ between tensors. */
import { ConfigError } from "@cambium/base";

/** A number for every tensor, or numbers from the first layer to the last, straight in between; outside of the layers the first. */
export type Gradient = number | readonly number[];

/**
 * A number that may differ between tensors: one, a gradient over the layers, or the first of a list whose filter stands in the
 * tensor's name (`"*"` or none stands in all).
 */
export type Setting = Gradient | readonly { readonly filter?: string; readonly value: Gradient }[];

/**
 * Where each tensor stands in the depth of its model: 0 in the first layer, 1 in the last one, and 0 outside of the layers, before and
 * after them, as in mergekit since 0.1.4.
 */
export function depthsOf(names: readonly string[]): ReadonlyMap<string, number> {
  const stackOf = (name: string): string => /(?:^|[./])(encoder|decoder)(?=\.)/.exec(name)?.[1] ?? "";
  const layerOf = (name: string): number | undefined => {
    const found = /(?:^|\.)(\d+)(?=\.)/.exec(name);
    return found === null ? undefined : Number(found[1]);
  };
  const last = new Map<string, number>();
  for (const name of names) last.set(stackOf(name), Math.max(last.get(stackOf(name)) ?? 0, layerOf(name) ?? 0));
  return new Map(
    names.map((name) => {
      const layer = layerOf(name);
      const most = last.get(stackOf(name))!;
      if (layer === undefined) return [name, 0];
      return [name, most === 0 ? 1 : layer / most];
    }),
  );
}

function along(values: readonly number[], depth: number): number {
  const place = depth * (values.length - 1);
  const below = Math.floor(place);
  const above = Math.min(values.length - 1, below + 1);
  return values[below]! + (place - below) * (values[above]! - values[below]!);
}

const isGradient = (value: Setting): value is Gradient =>
  typeof value === "number" || (value as readonly unknown[]).every((each) => typeof each === "number");

/**
 * A setting's number for a tensor.
 *
 * @throws {ConfigError} When no filter of it stands in the name.
 */
export function settingAt(what: string, setting: Setting, name: string, depth: number): number {
  if (isGradient(setting)) return typeof setting === "number" ? setting : along(setting, depth);
  const found = setting.find(({ filter = "*" }) => filter === "*" || name.includes(filter));
  if (found !== undefined) return settingAt(what, found.value, name, depth);
  throw new ConfigError({
    message: `mergePoints: no filter of "${what}" stands in "${name}"; add one with "*", or without a filter, for the rest`,
    name,
  });
}
