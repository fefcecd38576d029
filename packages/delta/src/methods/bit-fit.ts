import { ConfigError, parseConfig } from "@cambium/base";
import { mapParameters, onWeight, type Site, zeroStart } from "@cambium/core";
import { add } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { Host } from "../host.ts";
import { type SeedlessMethod, seedlessMethod } from "../method.ts";
import { selectSites, type TargetOptions, targetKeys } from "../targets.ts";

/** Settings of `bitFit`. Targets are linear layers and norms. */
export interface BitFitOptions extends TargetOptions {
  /**
   * Whether the biases of attention's keys are trained as well. Softmax does not see them: their gradient is nothing but
   * rounding noise, which Adam turns into steps of full size. Where queries, keys and values are one layer, its bias is one
   * tensor, and trained either way. @default false
   */
  readonly keyBias?: boolean | undefined;
}

/** A BitFit as JSON. */
export interface BitFitConfig {
  /** Module paths. */
  readonly targets: readonly string[];
  readonly keyBias: boolean;
}

const schema = z.strictObject({ ...targetKeys, keyBias: z.boolean().default(false) });

/**
 * BitFit (Ben Zaken et al. 2021, arXiv:2106.10199): trains the biases that the model has, as increments that start at
 * zero, so the model is unchanged until the first step.
 *
 * Trains every bias outside the head, the biases of norms included, but not those of keys; see `keyBias`. The paper's
 * half-size variant is `targets: ["attn.q", "ff.up"]`.
 *
 * @throws {ConfigError} For targets that match no layer with a bias.
 * @example
 * const tuned = attach(base, bitFit(base), head(base));
 */
export const bitFit: SeedlessMethod<BitFitOptions, BitFitConfig> = seedlessMethod<BitFitOptions, BitFitConfig>({
  kind: "bitFit",
  parse(options, shape) {
    const { keyBias, ...where } = parseConfig("bitFit", schema, options);
    const biased = biasedSites(shape);
    if (biased.length === 0)
      throw new ConfigError({ message: "bitFit: the model has no biases, which is all that BitFit trains" });
    const candidates = biased.filter(({ role }) => keyBias || !keyRoles.includes(role));
    return { targets: selectSites("bitFit", candidates, where).map((site) => site.path), keyBias };
  },
  tensors: (shape, { targets }) => ({
    trained: new Map(
      biasedSites(shape)
        .filter(({ path }) => targets.includes(path))
        .map(({ bias }) => [bias!, { shape: shape.tensors.get(bias!)!.shape, start: zeroStart }]),
    ),
  }),
  hooks: ({ parameters }) => [
    onWeight(
      (name) => parameters.has(name),
      (name, value) => add(value, parameters.get(name)!),
    ),
  ],
  merge: (base, { parameters }) => mapParameters(parameters, (increment, name) => add(base.get(name)!, increment)),
});

const keyRoles: readonly string[] = ["attn.k", "cross.k"];

/** Linear layers and norms outside the head that have a bias. */
function biasedSites(shape: Host): readonly Site[] {
  return shape
    .sites()
    .filter(
      ({ kind, role, bias }) =>
        (kind === "linear" || kind === "norm") && role !== "head" && bias !== undefined && shape.tensors.has(bias),
    );
}
