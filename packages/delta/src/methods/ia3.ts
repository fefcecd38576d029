import { parseConfig } from "@cambium/base";
import { around, type Role, type Site } from "@cambium/core";
import { mul, ones, reshape, sub, type Tensor } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { Delta, Host } from "../delta.ts";
import { findTargets, selectSites, shortestNames, type TargetOptions, type Targets, targetKeys } from "../targets.ts";
import { addToMatrix, biasName, changeWeights, readMatrix, scaleBias } from "../weights.ts";

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
 * PEFT's defaults, by role. Its name `output.dense` for BERT's feed-forward output is also the end of attention's
 * `attention.output.dense`, so that files of BERT and RoBERTa scale both.
 */
function inputScaledRoles(model: Host): readonly Role[] {
  const type = (model.config as { readonly model_type?: string }).model_type;
  return type === "bert" || type === "roberta" ? ["attn.out", "ff.down"] : ["ff.down"];
}

/**
 * (IA)³ (Liu et al. 2022, arXiv:2205.05638): learned scales. Keys and values are scaled, `y = l ⊙ (W x + b)`, and so is
 * what the feed-forward output layer reads, `y = W (l ⊙ x) + b`.
 *
 * Scales start at one, so the model is unchanged until the first step. Trains `out` (or `in`) scalars for each layer. Train
 * without weight decay, which would pull the scales to zero. The paper's placement is `targets: ["attn.k", "attn.v", "ff.down"]`.
 *
 * @param model - Read for its sites and shapes only.
 * @throws {ConfigError} For targets that match nothing, and for feed-forward layers that are no targets.
 * @example
 * const tuned = attach(base, ia3(base));
 */
export function ia3(model: Host, options: Ia3Options = {}): Delta<Ia3Config> {
  const { targets, feedForward, ...rest } = parseConfig("ia3", schema, options);
  const roles = inputScaledRoles(model);
  const found = findTargets("ia3", model, { targets: targets ?? ["attn.k", "attn.v", ...roles], ...rest });
  const sites = found.map(({ site }) => site);
  const inputScaled = new Set(chooseInputScaled(sites, feedForward, roles).map((site) => site.path));

  return {
    kind: "ia3",
    name: "ia3",
    config: {
      targets: shortestNames(
        model,
        sites.map((site) => site.path),
      ),
      feedForward: shortestNames(model, [...inputScaled]),
    },
    parameters: new Map<string, Tensor>(
      found.map(({ site, input, output }) => [
        nameOf(site.path),
        ones(inputScaled.has(site.path) ? [1, input] : [output, 1]),
      ]),
    ),
    hooks: (current) => [
      around(
        "linear",
        (site) => current.has(nameOf(site.path)),
        ({ site, input, next }) => {
          const scale = reshape(current.get(nameOf(site.path))!, [-1]);
          return inputScaled.has(site.path) ? next(mul(input, scale)) : mul(next(input), scale);
        },
      ),
    ],
    merge: (base, current) =>
      changeWeights(base, sites, (weights, site) => {
        const scale = current.get(nameOf(site.path))!; // [out, 1] or [1, in]
        const matrix = readMatrix(weights, site);
        const weight = [site.weight!.name, addToMatrix(weights, site, mul(matrix, sub(scale, 1)))] as const;
        if (inputScaled.has(site.path) || !weights.has(biasName(site))) return [weight];
        return [weight, [biasName(site), scaleBias(weights, site, reshape(scale, [-1]))]];
      }),
  };
}

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

const nameOf = (path: string): string => `${path}.ia3_l`;
