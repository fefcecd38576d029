import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll } from "vitest";
import "../index.ts";

/** Runs the tests of a file on onnx. */
export function onOnnx(): void {
  beforeAll(async () => {
    await tf.setBackend("onnx");
  });
  afterAll(async () => {
    await tf.setBackend("cpu");
  });
}
