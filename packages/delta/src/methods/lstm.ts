/** An LSTM that reads rows in both directions (Hochreiter and Schmidhuber 1997), with PyTorch's names and starts. */
import { applyLinear, type Parameters, type Start } from "@cambium/core";
import { add, concat, mul, sigmoid, slice, type Tensor, type Tensor2D, tanh, zeros } from "@tensorflow/tfjs-core";
import type { DeltaTensor } from "../method.ts";

const directions = ["", "_reverse"] as const;

/** The tensors of an LSTM of some layers, of rows of `input` entries and `hidden` in each direction. */
export function lstmTensors(
  name: string,
  input: number,
  hidden: number,
  layers: number,
): [name: string, tensor: DeltaTensor][] {
  const bound = 1 / Math.sqrt(hidden);
  const start: Start = { kind: "uniform", low: -bound, high: bound };
  const tensor = (what: string, ...shape: readonly number[]): [string, DeltaTensor] => [
    `${name}.${what}`,
    { shape, start },
  ];
  return Array.from({ length: layers }, (_, layer) =>
    directions.flatMap((direction) => [
      tensor(`weight_ih_l${layer}${direction}`, 4 * hidden, layer === 0 ? input : 2 * hidden),
      tensor(`weight_hh_l${layer}${direction}`, 4 * hidden, hidden),
      tensor(`bias_ih_l${layer}${direction}`, 4 * hidden),
      tensor(`bias_hh_l${layer}${direction}`, 4 * hidden),
    ]),
  ).flat();
}

/**
 * The states of the last layer, `[rows, 2 · hidden]`: those of the way forth, then of the way back. Undefined where the parameters have no
 * LSTM of that name.
 *
 * @param x - `[rows, input]`, in their order.
 */
export function readInBothDirections(parameters: Parameters, name: string, x: Tensor2D): Tensor2D | undefined {
  let states: Tensor2D | undefined;
  for (let layer = 0; parameters.has(`${name}.weight_ih_l${layer}`); layer++) {
    const given = states ?? x;
    states = concat(
      directions.map((direction) => read(parameters, name, `l${layer}${direction}`, given, direction !== "")),
      1,
    ) as Tensor2D;
  }
  return states;
}

/** The states of one direction of one layer, `[rows, hidden]`, in the order of the rows. */
function read(parameters: Parameters, name: string, end: string, x: Tensor2D, isReverse: boolean): Tensor2D {
  const part = (what: string): Tensor => parameters.get(`${name}.${what}_${end}`)!;
  const inputs = applyLinear(x, part("weight_ih"), add(part("bias_ih"), part("bias_hh"))); // [rows, 4 · hidden]
  const [rows] = x.shape;
  const hidden = inputs.shape[1]! / 4;
  let [state, cell]: [Tensor, Tensor] = [zeros([1, hidden]), zeros([1, hidden])];
  const states: Tensor2D[] = [];
  for (let i = 0; i < rows; i++) {
    const row = isReverse ? rows - 1 - i : i;
    const all = add(slice(inputs, [row, 0], [1, -1]), applyLinear(state, part("weight_hh")));
    const gate = (k: number): Tensor => slice(all, [0, k * hidden], [1, hidden]);
    // Input, forget, cell, output: PyTorch's order.
    cell = add(mul(sigmoid(gate(1)), cell), mul(sigmoid(gate(0)), tanh(gate(2))));
    state = mul(sigmoid(gate(3)), tanh(cell));
    states.push(state as Tensor2D);
  }
  return concat(isReverse ? states.reverse() : states, 0) as Tensor2D;
}
