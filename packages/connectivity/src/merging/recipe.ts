/** What a merge is: plain JSON, checked. */
import { ConfigError, parseConfig } from "@cambium/base";
import * as z from "zod";
import type { Setting } from "./settings.ts";
import type { Rescale } from "./sparsify.ts";

/** Ways to merge. */
export type MergeMethod =
  | "linear"
  | "slerp"
  | "karcher"
  | "task-arithmetic"
  | "ties"
  | "dare-linear"
  | "dare-ties"
  | "della-linear"
  | "della"
  | "breadcrumbs"
  | "breadcrumbs-ties"
  | "model-stock";

/** A merge as JSON. Numbers with a list may differ between points: one for each, in their order. */
export interface MergeRecipe {
  /**
   * - `"linear"`: `Σ w θ / Σ w`: a soup (Wortsman et al. 2022, arXiv:2203.05482);
   * - `"slerp"`: of two points, tensor by tensor along an arc (Shoemake 1985);
   * - `"karcher"`: of any number of points, tensor by tensor the mean on the sphere of directions (Karcher 1977), at the mean length: of
   *   two of equal length it is slerp in the middle;
   * - `"task-arithmetic"`: `θ₀ + λ Σ w (θ − θ₀)` (Ilharco et al. 2023, arXiv:2212.04089);
   * - `"ties"`: of each change its largest entries, then those of the elected sign (Yadav et al. 2023, arXiv:2306.01708);
   * - `"dare-linear"`, `"dare-ties"`: of each change a random share of the entries (Yu et al. 2024, arXiv:2311.03099);
   * - `"della-linear"`, `"della"`: the same, larger entries being likelier (Deep et al. 2024, arXiv:2406.11617);
   * - `"breadcrumbs"`, `"breadcrumbs-ties"`: without the largest and the smallest entries (Davari and Belilovsky 2024,
   *   arXiv:2312.06795);
   * - `"model-stock"`: towards the mean, by the angle between the changes (Jang et al. 2024, arXiv:2403.19522).
   *
   * @default "linear"
   */
  readonly method?: MergeMethod;
  /** What each point counts. @default 1 */
  readonly weight?: Setting | { readonly each: readonly Setting[] };
  /** Share of the entries that stay, above 0 to 1. @default 1 */
  readonly density?: Setting | { readonly each: readonly Setting[] };
  /** Share of the entries that are dropped for being the largest, of breadcrumbs. @default 0.01 */
  readonly gamma?: Setting | { readonly each: readonly Setting[] };
  /** How far probabilities go from `density` up and down, of DELLA. @default 0.15 */
  readonly epsilon?: Setting | { readonly each: readonly Setting[] };
  /** Factor on the whole change. @default 1 */
  readonly lambda?: Setting;
  /** Whether the change is divided by the sum of the weights, of TIES by that of those that agree. @default linear, ties, della: yes */
  readonly normalise?: boolean;
  /** Which sign wins: that of the weighted sum, or that of most. @default "total" */
  readonly sign?: "total" | "frequency";
  /**
   * How what stays is scaled after entries were dropped at random: to the earlier sum of magnitudes or length, by 1 / density
   * (`"expected"`, as the paper has it), or not. @default "l1", as mergekit
   */
  readonly rescale?: Rescale;
  /** Place between two points, 0 to 1, of slerp. */
  readonly t?: Setting;
  /** Most steps towards the mean on the sphere, of karcher. @default 10 */
  readonly iterations?: number;
  /** Angle in radians below which a step is the last, of karcher. @default 1e-5 */
  readonly tolerance?: number;
}

/** Numbers of a recipe. */
export type Numbers = "weight" | "density" | "gamma" | "epsilon";

/** A recipe with its defaults, for a number of points. */
export interface MergePlan {
  readonly method: MergeMethod;
  /** By name, one for each point. */
  readonly numbers: Readonly<Record<Numbers, readonly Setting[]>>;
  readonly lambda: Setting;
  readonly normalise: boolean;
  readonly sign: "total" | "frequency";
  readonly rescale: Rescale;
  readonly t: Setting;
  readonly iterations: number;
  readonly tolerance: number;
}

const gradient = z.union([z.number(), z.array(z.number()).min(1).readonly()]);
const setting = z.union([
  gradient,
  z
    .array(z.strictObject({ filter: z.string().exactOptional(), value: gradient }))
    .min(1)
    .readonly(),
]);
const perPoint = z.union([setting, z.strictObject({ each: z.array(setting).min(1).readonly() })]).exactOptional();

const METHODS = [
  "linear",
  "slerp",
  "karcher",
  "task-arithmetic",
  "ties",
  "dare-linear",
  "dare-ties",
  "della-linear",
  "della",
  "breadcrumbs",
  "breadcrumbs-ties",
  "model-stock",
] as const;

const schema = z.strictObject({
  method: z.enum(METHODS).default("linear"),
  weight: perPoint,
  density: perPoint,
  gamma: perPoint,
  epsilon: perPoint,
  lambda: setting.exactOptional(),
  normalise: z.boolean().exactOptional(),
  sign: z.enum(["total", "frequency"]).exactOptional(),
  rescale: z.enum(["none", "l1", "l2", "expected"]).exactOptional(),
  t: setting.exactOptional(),
  iterations: z.int().positive().exactOptional(),
  tolerance: z.number().positive().exactOptional(),
});

/** Which keys a method reads. */
const READS: Readonly<Record<MergeMethod, readonly (keyof MergeRecipe)[]>> = {
  linear: ["weight", "normalise"],
  slerp: ["t"],
  karcher: ["weight", "iterations", "tolerance"],
  "task-arithmetic": ["weight", "lambda", "normalise"],
  ties: ["weight", "density", "lambda", "normalise", "sign"],
  "dare-linear": ["weight", "density", "lambda", "normalise", "rescale"],
  "dare-ties": ["weight", "density", "lambda", "normalise", "rescale", "sign"],
  "della-linear": ["weight", "density", "epsilon", "lambda", "normalise", "rescale"],
  della: ["weight", "density", "epsilon", "lambda", "normalise", "rescale", "sign"],
  breadcrumbs: ["weight", "density", "gamma", "lambda", "normalise"],
  "breadcrumbs-ties": ["weight", "density", "gamma", "lambda", "normalise", "sign"],
  "model-stock": [],
};

const NORMALISED: readonly MergeMethod[] = ["linear", "ties", "della"];

/** Whether a method merges changes, which need a point that they start from. */
export const needsBase = (method: MergeMethod): boolean => !["linear", "slerp", "karcher"].includes(method);

/** Whether a method draws. */
export const draws = (method: MergeMethod): boolean => method.startsWith("dare") || method.startsWith("della");

/**
 * A recipe for so many points, checked: keys that the method does not read are errors, since they would change nothing.
 *
 * @throws {ConfigError} Listing what is wrong; an unknown key comes with the nearest known one.
 */
export function planMerge(recipe: MergeRecipe, count: number): MergePlan {
  const parsed = parseConfig("mergePoints", schema, recipe) as MergeRecipe & { readonly method: MergeMethod };
  const { method } = parsed;
  const unread = Object.keys(parsed).filter((key) => key !== "method" && !READS[method].includes(key as never));
  if (unread.length > 0) {
    throw new ConfigError({
      message: `mergePoints: "${method}" does not read ${unread.map((key) => `"${key}"`).join(", ")}; it reads ${READS[method].map((key) => `"${key}"`).join(", ") || "no settings"}`,
      unread,
    });
  }
  if (method === "slerp" && parsed.t === undefined)
    throw new ConfigError({ message: 'mergePoints: "slerp" needs "t", the place between the points, 0 to 1' });
  const of = (key: Numbers, usual: number): readonly Setting[] => {
    const value = parsed[key] ?? usual;
    const list = typeof value === "object" && "each" in value ? value.each : new Array<Setting>(count).fill(value);
    if (list.length !== count)
      throw new ConfigError({ message: `mergePoints: "${key}.each" has ${list.length} settings for ${count} points` });
    return list;
  };
  return {
    method,
    numbers: {
      weight: of("weight", 1),
      density: of("density", 1),
      gamma: of("gamma", 0.01),
      epsilon: of("epsilon", 0.15),
    },
    lambda: parsed.lambda ?? 1,
    normalise: parsed.normalise ?? NORMALISED.includes(method),
    sign: parsed.sign ?? "total",
    rescale: parsed.rescale ?? "l1",
    t: parsed.t ?? 0.5,
    iterations: parsed.iterations ?? 10,
    tolerance: parsed.tolerance ?? 1e-5,
  };
}
