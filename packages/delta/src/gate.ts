/** Gates of UniPELT: how much a delta counts in a sequence, told from what the delta reads. */
import { ConfigError } from "@cambium/base";
import { applyLinear, type Parameters, type Site, zeroStart } from "@cambium/core";
import { mean, sigmoid, type Tensor } from "@tensorflow/tfjs-core";
import type { Host } from "./host.ts";
import type { DeltaTensor } from "./method.ts";

/**
 * Throws where a gate would tell words of those behind them: it reads whole sequences.
 *
 * @throws {ConfigError} For decoders.
 */
export function checkGates(kind: string, { isCausal = false }: Host, sites: readonly Site[]): void {
  const decoder = sites.find(({ stack }) => stack === "decoder");
  if (!isCausal && decoder === undefined) return;
  throw new ConfigError({
    message: `${kind}: a gate reads whole sequences, and ${decoder === undefined ? "this model" : decoder.path} is a decoder, whose words must not see those behind them; gates are for encoders`,
  });
}

/** The tensors of a gate that reads rows of `width` entries: near a half at the start. */
export function gateTensors(name: string, width: number): [name: string, tensor: DeltaTensor][] {
  return [
    [`${name}.gate.weight`, { shape: [1, width], start: { kind: "normal", deviation: 0.02 } }],
    [`${name}.gate.bias`, { shape: [1], start: zeroStart }],
  ];
}

/**
 * `mean_t σ(w · x_t + b)` over the rows t of each sequence, padding among them, as the adapters library has it.
 *
 * @param x - `[batch, …, width]`.
 * @returns `[batch, 1, …, 1]`, between 0 and 1.
 * @see Mao et al. 2022, UniPELT, arXiv:2110.07577, section 3.2.
 */
export function gateOf(parameters: Parameters, name: string, x: Tensor): Tensor {
  const open = sigmoid(applyLinear(x, parameters.get(`${name}.gate.weight`)!, parameters.get(`${name}.gate.bias`)!));
  const axes = x.shape.slice(1, -1).map((_, i) => i + 1);
  return axes.length === 0 ? open : mean(open, axes, true);
}
