/** What becomes of the neurons of a set, checked as strictly as interventions are. */
import { ConfigError, parseConfig } from "@cambium/base";
import type { Random } from "@cambium/core";
import type { Unit } from "@cambium/models";
import * as z from "zod";
import { orderOfOthers } from "../capture/places.ts";
import type { NeuronSite } from "../neurons/condition-activations.ts";
import type { NeuronScores } from "../neurons/scores.ts";
import type { UnitSet } from "./masked-forward.ts";

/** What becomes of the neurons of a set. */
export type AblationMode =
  | { readonly kind: "zero" }
  | { readonly kind: "scale"; readonly by: number }
  /** By a number for each neuron, drawn from 0 to 1; the same in all batches. */
  | { readonly kind: "random-scale" }
  /** To their mean, or any other resting value, of other data. */
  | { readonly kind: "mean"; readonly means: NeuronScores }
  /** Normal noise, one number for each neuron, is added. */
  | { readonly kind: "noise"; readonly deviation: number }
  /** To what they are at the same position of another example of the batch, which is padding where that example is shorter. */
  | { readonly kind: "resample" };

const isScores = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "values" in value && value.values instanceof Map;

const schema: z.ZodType<AblationMode> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("zero") }),
  z.strictObject({ kind: z.literal("scale"), by: z.number() }),
  z.strictObject({ kind: z.literal("random-scale") }),
  z.strictObject({ kind: z.literal("mean"), means: z.custom<NeuronScores>(isScores, "means by site are needed") }),
  z.strictObject({ kind: z.literal("noise"), deviation: z.number().min(0) }),
  z.strictObject({ kind: z.literal("resample") }),
]);

/**
 * A mode, checked.
 *
 * @throws {ConfigError} For another kind, a setting that is missing or does not exist.
 */
export const parseMode = (caller: string, mode: unknown): AblationMode =>
  parseConfig(caller, z.strictObject({ mode: schema }), { mode }).mode;

/** What a pass over a batch of `size` examples does to a set's units. */
export function changed(
  units: readonly Unit[],
  mode: AblationMode,
  size: number,
  random: Random,
  sites: readonly NeuronSite[],
): UnitSet {
  switch (mode.kind) {
    case "zero":
      return { units };
    case "scale":
      return { units, factor: mode.by };
    case "random-scale":
      return { units, factor: random.uniforms(units.length) };
    case "noise":
      return { units, factor: 1, offset: random.normals(units.length).map((value) => mode.deviation * value) };
    case "resample":
      return { units, order: orderOfOthers("runAblation", random, size) };
    case "mean":
      return {
        units,
        offset: units.map(({ stack, layer, unit }) => {
          const site = sites.find((one) => one.layer === layer && (stack === undefined || one.stack === stack));
          const value = mode.means.values.get(site?.path ?? "")?.[unit];
          if (value !== undefined && !Number.isNaN(value)) return value;
          throw new ConfigError({ message: `runAblation: there is no mean of unit ${unit} of layer ${layer}`, unit });
        }),
      };
  }
}
