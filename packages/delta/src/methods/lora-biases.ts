/** The model's own biases, trained beside a LoRA: PEFT's `bias`. */
import { ConfigError } from "@cambium/base";
import type { Parameters } from "@cambium/core";
import { add, sub } from "@tensorflow/tfjs-core";
import type { Host } from "../host.ts";
import type { DeltaPoint } from "../method.ts";
import { placesOf } from "../targets.ts";
import { tidyParameters } from "../trees.ts";

/** Which biases are trained: none, those of the layers that have a LoRA, or all outside the head. */
export type BiasChoice = "none" | "lora_only" | "all";

/** Settings that say which biases are trained. */
interface BiasConfig {
  readonly targets: readonly string[];
  readonly bias: BiasChoice;
}

/** Names of the biases that are trained, in the model's order. */
export function biasesOf(shape: Host, config: BiasConfig): readonly string[] {
  const { tensors, headParameters = [] } = shape;
  if (config.bias === "none") return [];
  if (config.bias === "all")
    return [...tensors.keys()].filter((name) => name.endsWith(".bias") && !headParameters.includes(name));
  const own = placesOf(shape, config).flatMap(({ bias }) => (bias === undefined ? [] : [bias]));
  return [...new Set(own)];
}

/**
 * Throws where there are none to train.
 *
 * @throws {ConfigError} When biases are asked for, and there are none.
 */
export function checkBiases(shape: Host, config: BiasConfig): void {
  if (config.bias === "none" || biasesOf(shape, config).length > 0) return;
  const where = config.bias === "all" ? "the model has none outside its head" : "none of the targets has one";
  throw new ConfigError({ message: `lora: bias "${config.bias}" asks for biases, and ${where}`, bias: config.bias });
}

/** The trained biases among a LoRA's parameters. */
export function biasesAt({ parameters, shape, config }: DeltaPoint<BiasConfig>): Parameters {
  return new Map(biasesOf(shape, config).map((name) => [name, parameters.get(name)!]));
}

/** A LoRA's parameters on another base: what training changed of biases, added to that base's. */
export function rebaseBiases(at: DeltaPoint<BiasConfig>, from: Parameters, to: Parameters): Parameters {
  const biases = biasesAt(at);
  if (biases.size === 0) return at.parameters;
  return tidyParameters(
    () =>
      new Map(
        [...at.parameters].map(([name, value]) => [
          name,
          biases.has(name) ? add(sub(value, from.get(name)!), to.get(name)!) : value.clone(),
        ]),
      ),
  );
}
