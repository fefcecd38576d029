/** A label that is no class, on every backend: an error where labels can be looked at, else a loss and a gradient that are NaN. */
import { type BackendChoice, compile, crossEntropy, useBackend } from "@cambium/core";
import { grad, type Scalar, type Tensor, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";

const labelled = (labels: number[]): Tensor => tensor1d(labels, "int32");
const logits = (): Tensor => tensor2d([0.5, 1, -1, 2, 0, 1], [2, 3]);

const loss =
  (labels: Tensor) =>
  (x: Tensor): Scalar =>
    crossEntropy(x, labels);

test.each<BackendChoice>(["cpu", "wasm"])("on %s it is an error that names it", async (backend) => {
  await useBackend(backend);
  for (const label of [-1, 3]) {
    expect(() => loss(labelled([0, label]))(logits())).toThrow(
      expect.objectContaining({ code: "SHAPE", message: expect.stringContaining(`got ${label} at index 1`) }),
    );
  }
});

test("on onnx loss and gradient are NaN, in a replayed step too, and of good labels what they are on cpu", async () => {
  await useBackend("cpu");
  const expected = await loss(labelled([0, -100]))(logits()).data();
  await useBackend("onnx");
  const step = compile((x: Tensor, labels: Tensor): Tensor[] => [loss(labels)(x), grad(loss(labels))(x)]);
  for (const label of [1, -1, 3, 2, 7]) {
    const [value, gradient] = step(logits(), labelled([0, label]));
    const isGood = label >= 0 && label < 3;
    expect(Number.isNaN((await value!.data())[0])).toBe(!isGood);
    expect([...(await gradient!.data())].map(Number.isNaN)).toEqual([false, false, false, !isGood, !isGood, !isGood]);
  }
  const [ignored] = step(logits(), labelled([0, -100]));
  expect((await ignored!.data())[0]).toBeCloseTo(expected[0]!, 6);
});
