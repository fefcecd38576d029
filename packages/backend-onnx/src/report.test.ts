/** What `backendReport` says of memory, against what is known of the tensors. */
import { randomMaskKernel } from "@cambium/kernels";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeEach, expect, test } from "vitest";
import { backendReport } from "./index.ts";

beforeEach(async () => {
  await tf.setBackend("onnx");
});
afterAll(async () => {
  await tf.setBackend("cpu");
});

const KIB = 1024;
const values = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => i / count);

/** Live bytes from here on. */
function watchBytes(): () => number {
  const before = backendReport().liveBytes;
  return () => backendReport().liveBytes - before;
}

test("live bytes are those of the tensors that exist", () => {
  const bytes = watchBytes();
  const x = tf.tensor1d(values(KIB));
  expect(bytes()).toBe(4 * KIB);
  const flags = tf.tensor1d(
    Uint8Array.from({ length: KIB }, (_, i) => i % 2),
    "bool",
  );
  expect(bytes()).toBe(5 * KIB);
  tf.dispose([x, flags]);
  expect(bytes()).toBe(0);
});

test("a pending tensor has bytes once it was made, and none when it is disposed of before", () => {
  const bytes = watchBytes();
  const x = tf.tensor1d(values(KIB));
  const [made, unread] = [tf.exp(x), tf.neg(x)];
  expect(bytes()).toBe(4 * KIB);
  unread.dispose();
  made.dataSync();
  expect(bytes()).toBe(8 * KIB);
  tf.dispose([x, made]);
  expect(bytes()).toBe(0);
});

test("tensors that share memory count once, until the last is disposed of", () => {
  const bytes = watchBytes();
  const x = tf.tensor1d(values(KIB));
  const shared = tf.tidy(() => [tf.clone(x), tf.reshape(x, [2, KIB / 2]), tf.transpose(tf.reshape(x, [1, KIB]))]);
  shared.at(-1)!.dataSync();
  expect(bytes()).toBe(4 * KIB);
  x.dispose();
  expect(bytes()).toBe(4 * KIB);
  tf.dispose(shared);
  expect(bytes()).toBe(0);
});

test("masks that are drawn twice of one key are one", () => {
  const bytes = watchBytes();
  const key = tf.tensor1d([1, 2], "int32");
  const draw = (rate: number): tf.Tensor =>
    tf.engine().runKernel(randomMaskKernel.name, { key }, { shape: [KIB], rate }) as tf.Tensor;
  const masks = [draw(0.5), draw(0.5), draw(0.25)];
  const [first, again, other] = masks.map((mask) => mask.dataSync());
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
  expect(bytes()).toBe(2 * 4 * KIB + 8);
  tf.dispose([key, ...masks]);
});

test("a tensor of equal elements has bytes once it was read", () => {
  const bytes = watchBytes();
  const x = tf.fill([KIB], 3);
  expect(bytes()).toBe(0);
  x.dataSync();
  expect(bytes()).toBe(4 * KIB);
  x.dispose();
  expect(bytes()).toBe(0);
});

test("the peak holds what a graph needs between its inputs and its results", () => {
  // Larger than all that tests before it have used at one time.
  const size = backendReport().peakBytes + KIB ** 2;
  const x = tf.tensor1d(values(size / 4));
  const before = backendReport();
  expect(before.peakBytes).toBe(before.liveBytes);
  // exp(x) is read again when sin is made: two intermediate values, of which the second becomes the result.
  tf.tidy(() => void tf.sum(tf.mul(tf.exp(x), tf.sin(x))).dataSync());
  const after = backendReport();
  expect(after.liveBytes).toBe(before.liveBytes);
  expect(after.peakBytes - before.liveBytes).toBeGreaterThanOrEqual(2 * size);
  expect(after.peakBytes - before.liveBytes).toBeLessThanOrEqual(3 * size + 4);
  x.dispose();
});

test("everything that has happened is counted: native kernels, fallbacks, compiles and why, bytes, sessions and hits", () => {
  const step = (length: number): void => tf.tidy(() => void tf.exp(tf.tensor1d(values(length))).dataSync());
  for (const length of [KIB, KIB, KIB + 1]) step(length);
  const before = backendReport();
  step(KIB);
  tf.tidy(() => void tf.fft(tf.complex([1, 2], [0, 0])).dataSync());
  const after = backendReport();
  expect(after.native).toContain("Exp");
  expect((after.fallback["FFT"] ?? 0) - (before.fallback["FFT"] ?? 0)).toBe(1);
  expect(after.runs - before.runs).toBe(1);
  expect(after.cacheHits - before.cacheHits).toBe(1);
  expect(after.bytesCopied - before.bytesCopied).toBe(4 * KIB);
  expect(before.compiles.at(-1)!.reason).toBeTruthy();
  expect(before.compiles.some(({ reason }) => /\[1024\] became .*\[1025\]/.test(reason))).toBe(true);
  expect(before.sessions).toBeGreaterThanOrEqual(2);
  expect(before.sessionBytes).toBeGreaterThan(0);
  expect(after.liveValues).toBe(before.liveValues);
  expect(after.pendingValues).toBe(0);
});
