/** A small objective for tests: a net with dropout that fits a curve, and the loss it reaches. */
import { dropout, type Objective, type Parameters, type Random, random } from "@cambium/core";
import {
  add,
  matMul,
  mean,
  reshape,
  type Scalar,
  square,
  sub,
  type Tensor,
  type Tensor2D,
  tanh,
  tensor2d,
} from "@tensorflow/tfjs-core";
import { type Batches, type BatchesOptions, batches } from "./data/batches.ts";

/** A point of the curve. */
export interface Row {
  readonly x: readonly [number, number];
  readonly y: number;
}

export interface ToyBatch {
  readonly x: Tensor2D;
  readonly y: Tensor2D;
}

export function toyRows(count: number, key: Random = random(11)): Row[] {
  return Array.from({ length: count }, (_, i): Row => {
    const [a, b] = key.at(i).normals(2);
    return { x: [a!, b!], y: Math.sin(a!) - b! };
  });
}

export const collateToy = (rows: readonly Row[]): ToyBatch => ({
  x: tensor2d(
    rows.flatMap(({ x }) => x),
    [rows.length, 2],
  ),
  y: tensor2d(
    rows.map(({ y }) => y),
    [rows.length, 1],
  ),
});

export function toyData(count: number, options: BatchesOptions<Row>): Batches<ToyBatch> {
  return batches(toyRows(count), collateToy, options);
}

/** The caller owns the parameters. */
export function toyObjective({
  rate = 0,
  seed = 1,
}: {
  readonly rate?: number;
  readonly seed?: number;
} = {}): Objective<ToyBatch> {
  const key = random(seed);
  return {
    describe: () => ({ kind: "toy", rate }),
    parameters: new Map<string, Tensor>([
      ["hidden.weight", key.at("hidden").normal([2, 6])],
      ["hidden.bias", key.at("bias").normal([6])],
      ["out.weight", key.at("out").normal([6, 1])],
    ]),
    loss(parameters: Parameters, { x, y }, context): Scalar {
      const of = (name: string): Tensor2D => parameters.get(name) as Tensor2D;
      const hidden = tanh(add(matMul(x, of("hidden.weight")), of("hidden.bias")));
      const kept = context.training ? dropout(hidden, rate, context.random) : hidden;
      return reshape(mean(square(sub(matMul(kept as Tensor2D, of("out.weight")), y))), []);
    },
  };
}

/** Values by name, to compare trees bit for bit. */
export const bits = (parameters: Parameters): Record<string, number[]> =>
  Object.fromEntries([...parameters].map(([name, tensor]) => [name, Array.from(tensor.dataSync())]));
