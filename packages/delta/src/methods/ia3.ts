import { parseConfig } from "@cambium/base";
import { around, oneStart, type Role, type Site } from "@cambium/core";
import { mul, reshape, sub } from "@tensorflow/tfjs-core";
import * as z from "zod";
import { ia3Format } from "../files/peft-ia3.ts";
import { defaultRoles, type Host, oncePerPair } from "../host.ts";
import { type SeedlessMethod, seedlessMethod } from "../method.ts";
import {
  findTargets,
  placesOf,
  selectSites,
  shortestNames,
  type TargetOptions,
  type Targets,
  targetKeys,
} from "../targets.ts";
import { addToMatrix, changeWeights, readMatrix, scaleBias } from "../weights.ts";

/** Settings of `ia3`. */
export interface Ia3Options extends TargetOptions {
  /** Those among the targets that are scaled on their input in place of their output. @default the feed-forward output, on BERT and RoBERTa also attention's */
  readonly feedForward?: Targets | undefined;
}

/** An (IA)³ as JSON. */
export interface Ia3Config {
  readonly targets: readonly string[];
  readonly feedForward: readonly string[];
}

const schema = z.strictObject({ ...targetKeys, feedForward: targetKeys.targets });

/**
 * (IA)³ (Liu et al. 2022, arXiv:2205.05638): learned scales. Keys and values are scaled, `y = l ⊙ (W x + b)`, and so is
 * what the feed-forward output layer reads, `y = W (l ⊙ x) + b`.
 *
 * Scales start at one, so the model is unchanged until the first step. Trains `out` (or `in`) scalars for each layer. Train
 * without weight decay, which would pull the scales to zero. The paper's placement is `targets: ["attn.k", "attn.v", "ff.down"]`.
 *
 * @throws {ConfigError} For targets that match nothing, and for feed-forward layers that are no targets.
 * @example
 * const tuned = attach(base, ia3(base));
 */
export const ia3: SeedlessMethod<Ia3Options, Ia3Config> = seedlessMethod<Ia3Options, Ia3Config>({
  kind: "ia3",
  parse(options, shape) {
    const { targets, feedForward, ...rest } = parseConfig("ia3", schema, options);
    const roles = defaultRoles(shape, ["ia3"], ["ff.down"], "feedForward");
    const usual = defaultRoles(shape, ["ia3"], ["attn.k", "attn.v", ...roles]);
    const sites = findTargets("ia3", shape, { targets: targets ?? usual, ...rest }).map(({ site }) => site);
    const inputScaled = chooseInputScaled(sites, feedForward, roles);
    const namesOf = (some: readonly Site[]): readonly string[] =>
      shortestNames(
        shape,
        some.map(({ path }) => path),
      );
    return { targets: namesOf(sites), feedForward: namesOf(inputScaled) };
  },
  tensors: (shape, config) => ({
    trained: new Map(
      placesOf(shape, config).map(({ site, input, output }) => [
        nameOf(site.path),
        { shape: inputScaled(shape, config).has(site.path) ? [1, input] : [output, 1], start: oneStart },
      ]),
    ),
  }),
  hooks: ({ parameters, shape, config }) => [
    around(
      "linear",
      (site) => parameters.has(nameOf(site.path)),
      ({ site, input, next }) => {
        const scale = reshape(parameters.get(nameOf(site.path))!, [-1]);
        return inputScaled(shape, config).has(site.path) ? next(mul(input, scale)) : mul(next(input), scale);
      },
      { byRow: true },
    ),
  ],
  merge: (base, { parameters, shape, config }) =>
    changeWeights(base, placesOf(shape, config), (weights, place) => {
      const scale = parameters.get(nameOf(place.site.path))!; // [out, 1] or [1, in]
      const update = mul(readMatrix(weights, place), sub(scale, 1)) as ReturnType<typeof readMatrix>;
      const weight = [place.weight.name, addToMatrix(weights, place, update)] as const;
      if (inputScaled(shape, config).has(place.site.path) || place.bias === undefined) return [weight];
      return [weight, [place.bias, scaleBias(weights, place, reshape(scale, [-1]))]];
    }),
  peft: ia3Format,
});

const nameOf = (path: string): string => `${path}.ia3_l`;

/** Paths of the layers that are scaled on their input. */
const inputScaled = oncePerPair(
  (shape: Host, { feedForward }: Ia3Config) =>
    new Set(
      feedForward.length === 0
        ? []
        : findTargets("ia3: feedForward", shape, { targets: feedForward }).map(({ site }) => site.path),
    ),
);

/** The targets that are scaled on their input: those asked for, of which there may be none, or those of the usual roles. */
function chooseInputScaled(
  sites: readonly Site[],
  asked: Targets | undefined,
  roles: readonly Role[],
): readonly Site[] {
  if (asked === undefined) return sites.filter((site) => roles.includes(site.role));
  if (Array.isArray(asked) && asked.length === 0) return [];
  return selectSites("ia3: feedForward", sites, { targets: asked });
}
