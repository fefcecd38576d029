import { ConfigError, parseConfig } from "@cambium/base";
import { around, mapParameters, onWeight, type Site, zeroStart } from "@cambium/core";
import { add, type Tensor3D } from "@tensorflow/tfjs-core";
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
  /**
   * Whether layers and norms that have no bias get one, at zero. Such a delta cannot be merged: there is no weight for it.
   * @default false
   */
  readonly inject?: boolean | undefined;
}

/** A BitFit as JSON. */
export interface BitFitConfig {
  /** Module paths. */
  readonly targets: readonly string[];
  readonly keyBias: boolean;
  readonly inject: boolean;
}

const schema = z.strictObject({
  ...targetKeys,
  keyBias: z.boolean().default(false),
  inject: z.boolean().default(false),
});

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
    const { keyBias, inject, ...where } = parseConfig("bitFit", schema, options);
    const sites = sitesOf(shape, inject);
    if (sites.length === 0)
      throw new ConfigError({
        message: "bitFit: the model has no biases, which is all that BitFit trains; give it some with { inject: true }",
      });
    const candidates = sites.filter(({ role }) => keyBias || !keyRoles.includes(role));
    return { targets: selectSites("bitFit", candidates, where).map((site) => site.path), keyBias, inject };
  },
  tensors: (shape, { targets, inject }) => ({
    trained: new Map(
      sitesOf(shape, inject)
        .filter(({ path }) => targets.includes(path))
        .map((site) => [nameOf(site), { shape: [site.width], start: zeroStart }]),
    ),
  }),
  hooks({ parameters, shape }) {
    const isInjected = (site: Site): boolean => site.bias === undefined && parameters.has(nameOf(site));
    const kinds = new Set(
      shape
        .sites()
        .filter(isInjected)
        .map(({ kind }) => kind),
    );
    return [
      ...([...parameters.keys()].some((name) => shape.tensors.has(name))
        ? [
            onWeight(
              (name) => parameters.has(name),
              (name, value) => add(value, parameters.get(name)!),
            ),
          ]
        : []),
      ...(kinds.has("linear")
        ? [
            around("linear", isInjected, ({ site, input, next }) => add(next(input), parameters.get(nameOf(site))!), {
              byRow: true,
            }),
          ]
        : []),
      ...(kinds.has("norm")
        ? [
            around(
              "norm",
              isInjected,
              ({ site, input, next }) => add(next(input), parameters.get(nameOf(site))!) as Tensor3D,
              { byRow: true },
            ),
          ]
        : []),
    ];
  },
  mergeable: (shape, { targets, inject }) =>
    sitesOf(shape, inject).every(({ path, bias }) => bias !== undefined || !targets.includes(path)),
  merge: (base, { parameters }) => mapParameters(parameters, (increment, name) => add(base.get(name)!, increment)),
});

/** The stored bias, or the one that is injected. */
const nameOf = ({ path, bias }: Site): string => bias ?? `${path}.bias`;

const keyRoles: readonly string[] = ["attn.k", "cross.k"];

/** Linear layers and norms outside the head that have a bias, or may get one. */
function sitesOf(shape: Host, inject: boolean): readonly Site[] {
  return shape
    .sites()
    .filter(
      ({ kind, role, weight, bias, part }) =>
        (kind === "linear" || kind === "norm") &&
        role !== "head" &&
        (bias === undefined ? inject && part === undefined && weight !== undefined : shape.tensors.has(bias)),
    );
}
