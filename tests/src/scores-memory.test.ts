/** Losses over many classes in parts: the same numbers on every backend, in less memory on onnx. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { crossEntropy, linearCrossEntropy, random, useBackend } from "@cambium/core";
import { grads, matMul, type Tensor, type Tensor2D, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { fromSources } from "./children.ts";

test.each(["onnx", "wasm", "cpu"] as const)("on %s a loss in parts has the gradients of the whole", async (backend) => {
  await useBackend(backend);
  tidy(() => {
    const labels = tensor1d([3, 0, -100, 10, 7, -100, 2], "int32");
    const points = [random(1).normal([7, 5]), random(2).normal([11, 5])];
    const [found, expected] = [
      (x: Tensor, w: Tensor) => linearCrossEntropy(x as Tensor2D, w as Tensor2D, labels, 3),
      (x: Tensor, w: Tensor) => crossEntropy(matMul(x as Tensor2D, w as Tensor2D, false, true), labels),
    ].map((loss) => grads(loss)(points));
    for (const [i, gradient] of found!.entries()) {
      const values = expected![i]!.dataSync();
      expect([...gradient.dataSync()]).toEqual([...values].map((value) => expect.closeTo(value, 6)));
    }
  });
});

test("on onnx the logits of one part are gone before those of the next exist", () => {
  const program = fileURLToPath(new URL("programs/scores-memory.ts", import.meta.url));
  const [whole, parts] = ["whole", "parts"].map((how) => {
    const line = execFileSync(process.execPath, [...fromSources, program, how], {
      encoding: "utf8",
    });
    return JSON.parse(line) as { grewMiB: number; values: number[] };
  }) as [{ grewMiB: number; values: number[] }, { grewMiB: number; values: number[] }];
  expect(parts.values).toEqual(whole.values.map((value) => expect.closeTo(value, 6)));
  expect(whole.grewMiB).toBeGreaterThan(128); // two arrays of 64 MiB
  expect(parts.grewMiB).toBeLessThan(whole.grewMiB / 2);
});
