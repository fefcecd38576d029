/** Gradients held against central differences of an operation's definition, which is computed in float64. */
import * as tf from "@tensorflow/tfjs-core";
// @ts-expect-error A deep import without types: tfjs-core registers no gradients by itself, and vite resolves it.
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import fc from "fast-check";
import { expect } from "vitest";
import { at, broadcast, build, differenceOf, floats, type Plain } from "./plain.fixture.ts";

/** An operation of tfjs and its definition. */
export interface Differentiable {
  readonly run: (...tensors: never[]) => tf.Tensor;
  readonly define: (...plains: never[]) => Plain;
}

/** Weights that tell the elements of a result apart. */
export const weight = (i: number): number => Math.sin(i + 1);

const STEP = 1e-5;

/** Central differences of a weighted sum of the definition's result, for each element of each input. */
export function differences(define: Differentiable["define"], inputs: readonly Plain[]): Plain[] {
  const loss = (given: readonly Plain[]): number =>
    define(...(given as unknown as never[])).data.reduce((sum, element, i) => sum + weight(i) * element, 0);
  return inputs.map((input, which): Plain => {
    const shifted = (i: number, by: number): number =>
      loss(inputs.with(which, { ...input, data: input.data.with(i, input.data[i]! + by) }));
    return { ...input, data: input.data.map((_, i) => (shifted(i, STEP) - shifted(i, -STEP)) / (2 * STEP)) };
  });
}

/** Compares the gradient of a weighted sum of the result for each input. */
export function compareGradients(name: string, { run, define }: Differentiable, inputs: readonly Plain[]): void {
  const actual: Plain[] = [];
  tf.tidy(() => {
    const tensors = inputs.map(({ data, shape }) => tf.tensor([...data], [...shape]));
    const weighted = (...given: tf.Tensor[]): tf.Scalar => {
      const made = run(...(given as never[]));
      const weights = Array.from({ length: made.size }, (_, i) => weight(i));
      return tf.sum(tf.mul(made, tf.tensor(weights, made.shape)));
    };
    for (const gradient of tf.grads(weighted)(tensors))
      actual.push({ shape: gradient.shape, dtype: "float32", data: [...gradient.dataSync()] });
  });
  const expected = differences(define, inputs);
  for (const [i, gradient] of actual.entries())
    expect(
      differenceOf(`${name}, input ${i}`, gradient, expected[i]!, { relative: 1e-4, absolute: 1e-4 }),
    ).toBeUndefined();
}

/** Compares several operations on the same inputs. */
export function compareAll(cases: Readonly<Record<string, Differentiable>>, inputs: readonly Plain[]): void {
  for (const [name, differentiable] of Object.entries(cases)) compareGradients(name, differentiable, inputs);
}

/** Moves elements apart, so that no step exchanges the largest. */
export const spread = (x: Plain): Plain => ({
  ...x,
  data: x.data.map((element, i) => Math.fround(element + 0.0123457 * i)),
});

/** A function of two elements, broadcast. */
export const binary = (
  run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  element: (a: number, b: number) => number,
): Differentiable => ({
  run: run as Differentiable["run"],
  define: ((a: Plain, b: Plain) =>
    build(broadcast(a.shape, b.shape), "float32", (index) =>
      element(at(a, index), at(b, index)),
    )) as Differentiable["define"],
});

/** A function of one element. */
export const unary = (run: (x: tf.Tensor) => tf.Tensor, element: (x: number) => number): Differentiable => ({
  run: run as Differentiable["run"],
  define: ((x: Plain) => build(x.shape, "float32", (index) => element(at(x, index)))) as Differentiable["define"],
});

/** Away from the kinks and poles at 0, so that differences make sense. */
export const smooth: fc.Arbitrary<number> = fc.oneof(
  floats({ low: 0.2, high: 1.8, odd: false }),
  floats({ low: -1.8, high: -0.2, odd: false }),
);
export const positive: fc.Arbitrary<number> = floats({ low: 0.2, high: 2, odd: false });
