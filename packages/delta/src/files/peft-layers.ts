/** What methods on linear layers write of them into PEFT's configs. */
import type { LanguageModel } from "@cambium/models";
import { hostOf } from "../host.ts";
import { type LinearTarget, placesOf, valuesOf } from "../targets.ts";
import type { Inexpressible } from "./peft-format.ts";

/** The fields on targets of every such method. */
export interface LayerFields {
  readonly target_modules: readonly string[];
  /** Whether weights are stored as `[in, out]`. */
  readonly fan_in_fan_out: boolean;
}

/** The fields that mean these layers, or why PEFT has none. */
export function writeLayers(
  base: LanguageModel,
  config: { readonly targets: readonly string[] },
): { readonly fields: LayerFields } | Inexpressible {
  const places = placesOf(hostOf(base), config);
  const part = places.find(({ columns }) => columns !== undefined);
  if (part !== undefined) return { reason: `PEFT has no word for ${part.site.path}, which is a part of a layer` };
  return {
    fields: {
      target_modules: writeNames(base, config.targets),
      fan_in_fan_out: places.some(({ site, weight }) => site.kind === "linear" && weight.layout === "in,out"),
    },
  };
}

/** Names of layers as PEFT's model has them: ends of paths are the same, whole paths have the task model's prefix. */
export function writeNames(base: LanguageModel, names: readonly string[]): readonly string[] {
  const paths = new Set(base.sites().map(({ path }) => path));
  return names.map((name) => (paths.has(name) ? base.fileName(name) : name));
}

/** Values of single layers that are not the usual one, under their paths, whatever patterns they came from. */
export function writePattern(
  base: LanguageModel,
  config: { readonly targets: readonly string[] },
  patterns: Readonly<Record<string, number>>,
  usual: number,
): Record<string, number> {
  const valueAt = valuesOf(patterns);
  const values = placesOf(hostOf(base), config).map(
    ({ site }: LinearTarget) => [base.fileName(site.path), valueAt(site.path) ?? usual] as const,
  );
  return Object.fromEntries(values.filter(([, value]) => value !== usual));
}
