/** Formats of methods on linear layers: what is common to their configs is read and written here. */
import type { Parameters } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import type * as z from "zod";
import type { Delta } from "../delta.ts";
import { hostOf } from "../host.ts";
import { placesOf, type TargetOptions } from "../targets.ts";
import type { Inexpressible, PeftFormat, PeftKeys, PeftLayers, PeftSource, Refusal } from "./peft-format.ts";
import { writeLayers, writePattern } from "./peft-layers.ts";
import { usualRoles } from "./peft-lora.ts";

/** What such a method says itself. */
interface LinearFormat<Options, Config, Fields> {
  /** `peft_type` */
  readonly type: string;
  /** Kinds whose usual roles hold where a file names no targets; last, LoRA's. */
  readonly kinds: readonly string[];
  readonly schema: z.ZodType<Fields>;
  /** Besides trained biases. */
  readonly refusals?: readonly Refusal[];
  /** Ends of the names of the method's tensors, behind a layer's path. */
  readonly tensors: readonly string[];
  /** Whether PEFT has the method on layers that are stored as `[in, out]`, and says so by `fan_in_fan_out`. @default false */
  readonly transposed?: boolean;
  /** Settings besides the targets. */
  options(fields: Fields, layers: PeftLayers, source: PeftSource): Omit<Options, keyof TargetOptions>;
  /** Fields besides those on targets. */
  fields(config: Config, base: LanguageModel): Readonly<Record<string, unknown>> | Inexpressible;
  /** Tensors that PEFT writes besides those that are stored, under our names. The caller owns them. */
  more?(delta: Delta<Config>): Parameters;
  /** Keys of tensors that belong to no layer. */
  readonly keys?: PeftKeys;
}

/** Biases that PEFT trains beside a method, in any layer. */
const biasRefusal: Refusal = {
  key: "bias",
  refuses: (value) => value !== "none",
  reason: "trained biases beside this method are not read",
};

/** The format of such a method. */
export function linearFormat<
  Options extends TargetOptions,
  Config extends { readonly targets: readonly string[] },
  Fields,
>(own: LinearFormat<Options, Config, Fields>): PeftFormat<Options, Config> {
  const { type, kinds, schema, refusals = [], tensors, transposed = false, keys = {} } = own;
  // An adapter's name may stand behind the tensor's.
  const named = new RegExp(
    String.raw`\.(${tensors.map((name) => name.replace(".", String.raw`\.`)).join("|")})\.[^.]+$`,
  );
  return {
    type,
    read(source) {
      const fields = source.fields(schema);
      source.refuse([biasRefusal, ...refusals]);
      const layers = source.layers(usualRoles(source, ...kinds));
      const { problems } = layers;
      if (layers.byName.size === 0) return { problems };
      return { problems, options: { ...own.options(fields, layers, source), targets: layers.isTarget } as Options };
    },
    write(delta, base) {
      const { config } = delta;
      const layers = writeLayers(base, config);
      if ("reason" in layers) return layers;
      const turned = placesOf(hostOf(base), config).find(({ weight }) => weight.layout === "in,out");
      if (turned !== undefined && !transposed)
        return { reason: `PEFT has no ${type} for ${turned.site.path}, whose weight is stored as [in, out]` };
      const { fan_in_fan_out, target_modules } = layers.fields;
      const fields = own.fields(config, base);
      if ("reason" in fields) return fields as Inexpressible;
      return {
        fields: { target_modules, ...(transposed && { fan_in_fan_out }), ...fields },
        ...(own.more !== undefined && { more: own.more(delta) }),
      };
    },
    keys: {
      ...keys,
      read: (key, base) => (keys.read ?? ((plain: string) => plain))(key.replace(named, ".$1"), base),
    },
  };
}

/** Fields on layers that every such config has, and that names of targets leave nothing to say by. */
export const noLayers = { layers_pattern: null, layers_to_transform: null } as const;

/** `rank_pattern` and `alpha_pattern` for values by patterns. */
export function writeRankPatterns(
  base: LanguageModel,
  config: {
    readonly targets: readonly string[];
    readonly rank: number;
    readonly alpha: number;
    readonly rankPattern: Readonly<Record<string, number>>;
    readonly alphaPattern: Readonly<Record<string, number>>;
  },
): Readonly<Record<string, unknown>> {
  return {
    rank_pattern: writePattern(base, config, config.rankPattern, config.rank),
    alpha_pattern: writePattern(base, config, config.alphaPattern, config.alpha),
  };
}
