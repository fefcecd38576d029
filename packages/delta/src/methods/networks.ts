/** Networks that make the rows of prompts and prefixes while training. */
import { applyLinear, type Parameters } from "@cambium/core";
import { relu, slice, type Tensor, type Tensor2D, tanh } from "@tensorflow/tfjs-core";
import { readInBothDirections } from "./lstm.ts";

/** The rows of a prompt, `[length, dModel]`: of a network, where there is one. */
export function promptRows(parameters: Parameters): Tensor2D {
  const rows = parameters.get("prompt_embeddings");
  if (rows !== undefined) return rows as Tensor2D;
  const layer = (x: Tensor, index: number): Tensor =>
    applyLinear(x, parameters.get(`mlp_head.${index}.weight`)!, parameters.get(`mlp_head.${index}.bias`)!);
  const states = readInBothDirections(parameters, "lstm_head", parameters.get("embedding.weight")! as Tensor2D);
  if (states !== undefined) return layer(relu(layer(states, 0)), 2) as Tensor2D;
  return layer(relu(layer(relu(layer(parameters.get("embedding.weight")!, 0)), 2)), 4) as Tensor2D;
}

/** Columns of a prefix, `[length, width]`: of a network of two layers, where there is one, no more than these are computed. */
export function prefixColumnsOf(parameters: Parameters): (from: number, width: number) => Tensor {
  const rows = parameters.get("prompt_embeddings");
  if (rows !== undefined) return (from, width) => slice(rows, [0, from], [-1, width]);
  const part = (name: string): Tensor => parameters.get(name)!;
  const hidden = tanh(applyLinear(part("embedding.weight"), part("transform.0.weight"), part("transform.0.bias")));
  return (from, width) =>
    applyLinear(
      hidden,
      slice(part("transform.2.weight"), [from, 0], [width, -1]),
      slice(part("transform.2.bias"), [from], [width]),
    );
}

/** A whole prefix, `[length, columns]`. */
export function prefixRows(parameters: Parameters): Tensor {
  return prefixColumnsOf(parameters)(0, parameters.get("transform.2.bias")?.size ?? -1);
}
