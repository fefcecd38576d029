import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import {
  copyRegisteredKernels,
  engine,
  grad,
  registerBackend,
  setBackend,
  slice,
  sum,
  type Tensor,
  tensor,
  tensor2d,
  tidy,
} from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { type CrossEntropyOptions, crossEntropy, crossEntropyRows } from "./cross-entropy.ts";

const logits = (): Tensor => tensor2d([0.5, 1, -1, 2, 0, 1, 3, 2, 1], [3, 3]);
const labelled = (labels: number[]): Tensor => tensor(labels, [labels.length], "int32");

describe("on a backend whose values can be looked at", () => {
  test.each([
    [[0, -1, 2], -1, 1],
    [[0, 1, 3], 3, 2],
    [[-100, 1, 1000], 1000, 2],
    [[-99, 1, 0], -99, 0],
  ])("labels %j are refused, naming %i at index %i", (labels, label, index) => {
    tidy(() => {
      const message = `labels must be from 0 to 2, or -100 to be ignored, got ${label} at index ${index}`;
      const refusal = expect.objectContaining({ code: "SHAPE", message: expect.stringContaining(message) });
      expect(() => crossEntropy(logits(), labelled(labels))).toThrow(refusal);
      expect(() => crossEntropyRows(logits(), labelled(labels))).toThrow(refusal);
    });
  });

  test("the ignore index may be another, a class too; −100 is none then", () => {
    tidy(() => {
      const whole = crossEntropy(logits(), labelled([0, -1, 2]), { ignoreIndex: -1 }).dataSync()[0];
      const rows = crossEntropyRows(logits(), labelled([0, 1, 2])).dataSync();
      expect(whole).toBeCloseTo((rows[0]! + rows[2]!) / 2, 6);
      expect(crossEntropyRows(logits(), labelled([0, 1, 2]), { ignoreIndex: 0 }).dataSync()[0]).toBe(0);
      expect(() => crossEntropy(logits(), labelled([0, -100, 2]), { ignoreIndex: -1 })).toThrow("got -100 at index 1");
    });
  });
});

test("labels that cannot be looked at make loss and gradient of their rows NaN, and change no other row", async () => {
  copyRegisteredKernels("cpu", "unseen");
  registerBackend("unseen", () => Object.assign(new MathBackendCPU(), { firstUse: false })); // without its banner
  try {
    await setBackend("unseen");
    tidy(() => {
      const bad = labelled([0, 3, -100]);
      const good = labelled([0, 1, -100]);
      const rows = crossEntropyRows(logits(), bad).dataSync();
      expect(rows[0]).toBe(crossEntropyRows(logits(), good).dataSync()[0]);
      expect([...rows]).toEqual([expect.any(Number), Number.NaN, 0]);
      expect(crossEntropy(logits(), bad).dataSync()).toEqual(Float32Array.of(Number.NaN));
      expect(
        crossEntropyRows(logits(), labelled([-1, -101, 2]))
          .dataSync()
          .slice(0, 2),
      ).toEqual(Float32Array.of(Number.NaN, Number.NaN));
      const gradient = (labels: Tensor): Tensor => grad((x: Tensor) => sum(crossEntropyRows(x, labels)))(logits());
      expect(slice(gradient(bad), [0, 0], [1, 3])).toBeAllClose(slice(gradient(good), [0, 0], [1, 3]), { absolute: 0 });
      expect([...gradient(bad).dataSync()].map(Number.isNaN)).toEqual([0, 0, 0, 1, 1, 1, 0, 0, 0].map(Boolean));
    });
  } finally {
    await setBackend("cpu");
    engine().removeBackend("unseen");
  }
});

test("of a single class there is nothing to tell: neither loss nor gradient", () => {
  tidy(() => {
    const single = tensor2d([3, -1], [2, 1]);
    const options = { labelSmoothing: 0.1 };
    expect([...crossEntropyRows(single, labelled([0, -100])).dataSync()]).toEqual(
      [0, 0].map((zero) => expect.closeTo(zero)),
    );
    const gradient = grad((x: Tensor) => crossEntropy(x, labelled([0, 0]), options))(single);
    expect([...gradient.dataSync()]).toEqual([0, 0].map((zero) => expect.closeTo(zero)));
  });
});

test("a mistyped option names the nearest", () => {
  tidy(() => {
    const options = { labelSmooting: 0.1 } as CrossEntropyOptions;
    const unknown = 'unknown option "labelSmooting"; is "labelSmoothing" meant?';
    expect(() => crossEntropy(logits(), labelled([0, 1, 2]), options)).toThrow(`crossEntropy: ${unknown}`);
    expect(() => crossEntropyRows(logits(), labelled([0, 1, 2]), options)).toThrow(`crossEntropyRows: ${unknown}`);
  });
});
