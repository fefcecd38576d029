import { parseConfig } from "@cambium/base";
import { mapParameters, onWeight } from "@cambium/core";
import { add, zeros } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { Delta, Host } from "../delta.ts";
import { selectSites, type TargetOptions, targetKeys } from "../targets.ts";

/** Settings of `bitFit`. Targets are linear layers and norms. */
export interface BitFitOptions extends TargetOptions {
  /**
   * Whether the biases of attention's keys are trained as well. Softmax does not see them: their gradient is nothing but
   * rounding noise, which Adam turns into steps of full size. @default false
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
 * @param model - Read for its sites and shapes only.
 * @throws {ConfigError} For targets that match no layer with a bias.
 * @example
 * const tuned = attach(base, bitFit(base), head(base));
 */
export function bitFit(model: Host, options: BitFitOptions = {}): Delta<BitFitConfig> {
  const { keyBias, ...where } = parseConfig("bitFit", schema, options);
  const biased = model
    .sites()
    .filter(
      ({ kind, role, path }) =>
        (kind === "linear" || kind === "norm") && role !== "head" && model.parameters.has(`${path}.bias`),
    );
  const sites = selectSites("bitFit", keyBias ? biased : biased.filter((site) => site.role !== "attn.k"), where);

  return {
    kind: "bitFit",
    name: "bitFit",
    config: { targets: sites.map((site) => site.path), keyBias },
    parameters: new Map(
      sites.map(({ path }) => [`${path}.bias`, zeros([...model.parameters.get(`${path}.bias`)!.shape])]),
    ),
    hooks: (current) => [
      onWeight(
        (name) => current.has(name),
        (name, value) => add(value, current.get(name)!),
      ),
    ],
    merge: (base, current) => mapParameters(current, (increment, name) => add(base.get(name)!, increment)),
  };
}
