import {
  engine,
  grad,
  grads,
  matMul,
  mul,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tidy,
} from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { random } from "../random.ts";
import { crossEntropy, linearCrossEntropy } from "./cross-entropy.ts";

const x = (): Tensor2D => random(1).at("x").normal([7, 5]) as Tensor2D;
const weight = (): Tensor2D => random(1).at("weight").normal([11, 5]) as Tensor2D;
const labels = (): Tensor1D => tensor1d([3, 0, -100, 10, 7, -100, 2], "int32");

describe.each([1, 2, 3, 7, 100])("%i rows at a time", (rows) => {
  test("the loss is that of all logits, outside of gradients and within, and so are its gradients", () => {
    tidy(() => {
      const atOnce = (rowsOfX: Tensor, matrix: Tensor): Tensor =>
        mul(linearCrossEntropy(rowsOfX as Tensor2D, matrix as Tensor2D, labels(), rows), 3);
      const whole = (rowsOfX: Tensor, matrix: Tensor): Tensor =>
        mul(crossEntropy(matMul(rowsOfX as Tensor2D, matrix as Tensor2D, false, true), labels()), 3);
      const points: Tensor[] = [x(), weight()];
      expect(atOnce(points[0]!, points[1]!)).toBeAllClose(whole(points[0]!, points[1]!), { relative: 1e-6 });
      const [found, expected] = [grads(atOnce)(points), grads(whole)(points)];
      for (const [i, gradient] of found.entries()) expect(gradient).toBeAllClose(expected[i]!, { absolute: 1e-6 });
      const ofX = grad((point: Tensor) => atOnce(point, points[1]!))(points[0]!);
      expect(ofX).toBeAllClose(expected[0]!, { absolute: 1e-6 });
    });
  });
});

test("a batch of ignored labels has neither loss nor gradient", () => {
  tidy(() => {
    const none = tensor1d(Array(7).fill(-100), "int32");
    const loss = (point: Tensor): Tensor => linearCrossEntropy(point as Tensor2D, weight(), none, 2);
    expect(loss(x()).dataSync()[0]).toBe(0);
    expect(new Set(grad(loss)(x()).dataSync())).toEqual(new Set([0]));
  });
});

test("the gradient of its gradient is an error, not a zero", () => {
  tidy(() => {
    const loss = (point: Tensor): Tensor => linearCrossEntropy(point as Tensor2D, weight(), labels(), 2);
    const steepness = (point: Tensor): Tensor => sum(mul(grad(loss)(point), 2));
    expect(() => grad(steepness)(x())).toThrow("LinearCrossEntropyGrad");
    for (const { saved = [] } of engine().state.activeTape) for (const tensor of saved) tensor.dispose(); // left by the error
  });
});

test("labels and shapes that do not fit are named", () => {
  tidy(() => {
    const fail = (change: { labels?: number[]; rows?: number; width?: number }) => () =>
      linearCrossEntropy(
        random(1).normal([7, change.width ?? 5]) as Tensor2D,
        weight(),
        tensor1d(change.labels ?? [...labels().dataSync()], "int32"),
        change.rows ?? 2,
      );
    expect(fail({ labels: [0, 0, 0, 0, 11, 0, 0] })).toThrow(
      "must be from 0 to 10, or -100 to be ignored, got 11 at index 4",
    );
    expect(fail({ labels: [0] })).toThrow(
      "rows [7,5] need a weight [classes, 5] and int32 labels [7], got [11,5] and int32 [1]",
    );
    expect(fail({ width: 4 })).toThrow("need a weight [classes, 4]");
    expect(fail({ rows: 1.5 })).toThrow("rows must be a positive integer, got 1.5");
  });
});
