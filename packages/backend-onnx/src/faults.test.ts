/** What goes wrong is told, and everything else goes on. */
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeEach, expect, test } from "vitest";
import type { OnnxBackend } from "./backend.ts";
import { backendReport, compile, GraphError } from "./index.ts";
import { operation, traceAs } from "./tracer.ts";

beforeEach(async () => {
  await tf.setBackend("onnx");
});
afterAll(async () => {
  await tf.setBackend("cpu");
});

const errorOf = (run: () => unknown): Error => {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
};

test("a graph that fails while it runs names the operation, what led there, and the reason", () => {
  tf.tidy(() => {
    const error = errorOf(() => {
      const moved = tf.tidy(() =>
        tf.gather(tf.tensor2d([[1, 2]]), tf.cast(tf.add(tf.tensor1d([0, 7, 0]), 0), "int32")),
      );
      tf.neg(tf.mul(moved, 2)).dataSync();
    });
    expect(error).toBeInstanceOf(GraphError);
    expect(error).toMatchObject({ code: "STATE" });
    expect(error.message).toMatch(
      /failed at GatherV2 \[3,2\] of float32 \[1,2\], int32 \[3\] ← Cast \[3\] ← Add \[3\]: .*idx=7/,
    );
    expect([...tf.add(tf.tensor1d([1]), 1).dataSync()]).toEqual([2]);
  });
});

test("a graph that the runtime cannot compile names its operations, and the backend goes on", () => {
  tf.tidy(() => {
    const backend = tf.backend() as OnnxBackend;
    const given = backend.valueBehind(tf.tensor1d([1, 2], "int32"))!;
    const wrong = traceAs("Sine", () => operation("Sin", [given], [2], "int32"));
    const tensor = tf.engine().makeTensorFromTensorInfo(backend.handle(wrong, "int32"));
    const good = tf.mul(tf.tensor1d([1, 2]), 3);
    expect([...good.dataSync()]).toEqual([3, 6]);
    expect(() => tensor.dataSync()).toThrow(/the graph failed at Sine \[2\] of int32 \[2\]: .*int32/);
    expect(backendReport().pendingValues).toBe(0);
  });
});

test("a compiled function that fails leaves no tensors, and works again with good arguments", () => {
  tf.tidy(() => {
    const pick = compile((table: tf.Tensor, indices: tf.Tensor1D) => tf.gather(table, tf.cast(indices, "int32")));
    const [table, good, bad] = [tf.tensor1d([5, 6]), tf.tensor1d([1]), tf.tensor1d([9])];
    const failing = (): void => {
      const before = tf.memory().numTensors;
      expect(() => pick(table, bad)).toThrow(/failed at GatherV2 \[1\] of float32 \[2\], int32 \[1\] ← Cast \[1\]: /);
      expect(tf.memory().numTensors).toBe(before);
    };
    failing();
    for (let i = 0; i < 4; i++) expect([...pick(table, good).dataSync()]).toEqual([6]);
    failing(); // replayed
    expect([...pick(table, good).dataSync()]).toEqual([6]);
  });
});

test("a tensor that cannot fit into memory is refused where it is asked for, and nothing is lost", () => {
  tf.tidy(() => {
    const side = 2 ** 21;
    const column = tf.fill([side, 1], 2);
    const pending = tf.mul(tf.tensor1d([1, 2]), 3);
    const before = [tf.memory().numTensors, backendReport().pendingValues];
    const error = errorOf(() => tf.matMul(column, column, false, true));
    expect(error.message).toMatch(/^BatchMatMul: a tensor \[2097152,2097152\] needs 16384.0 GiB, this machine has/);
    expect(error).toMatchObject({ name: "AllocationError", code: "STATE", sizeBytes: 4 * side * side });
    expect([tf.memory().numTensors, backendReport().pendingValues]).toEqual(before);
    expect([...pending.dataSync()]).toEqual([3, 6]);
  });
});

test("a constant that is never stored is refused only when it is read", () => {
  tf.tidy(() => {
    const huge = tf.fill([2 ** 21, 2 ** 21], 3);
    expect(() => huge.dataSync()).toThrow(/needs 16384.0 GiB/);
  });
});

test("a tensor that was disposed of is refused as on every backend", () => {
  const x = tf.tensor1d([1, 2]);
  const y = tf.exp(x);
  tf.dispose([x, y]);
  expect(() => x.dataSync()).toThrow("Tensor is disposed.");
  expect(() => y.dataSync()).toThrow("Tensor is disposed.");
});

test.each<[string, () => unknown]>([
  ["a product of vectors", () => tf.matMul(tf.tensor1d([1]) as never, tf.tensor1d([1]) as never)],
  ["a product of matrices that do not fit", () => tf.matMul(tf.ones([2, 3]), tf.ones([2, 3]))],
  ["shapes that do not broadcast", () => tf.add(tf.ones([2]), tf.ones([3]))],
  ["a reshape to another size", () => tf.reshape(tf.ones([2]), [3])],
  ["an axis that there is not", () => tf.concat([tf.ones([2]), tf.ones([2])], 2)],
  ["an image of rank 2", () => tf.conv2d(tf.ones([2, 3]) as never, tf.ones([1, 1, 1, 1]), 1, "same")],
  ["a slice beyond the end", () => tf.slice(tf.ones([3]), [2], [2])],
])("%s is refused in tfjs's words", async (_, run) => {
  const messages: string[] = [];
  for (const backend of ["cpu", "onnx"]) {
    await tf.setBackend(backend);
    tf.tidy(() => void messages.push(errorOf(run).message));
  }
  expect(messages[1]).toBe(messages[0]);
});
