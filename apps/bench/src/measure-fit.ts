/**
 * One process of `pnpm bench:fit`: `fit` of plain tf.layers, or a loop over the same batches that reads every loss. Prints
 * one JSON line.
 */
import { backendReport } from "@cambium/backend-onnx";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-cpu";
import { parseFlags } from "./flags.ts";

const { values } = parseFlags({
  options: {
    backend: { type: "string", default: "onnx" },
    mode: { type: "string", default: "fit" },
    width: { type: "string", default: "512" },
    batches: { type: "string", default: "100" },
    epochs: { type: "string", default: "3" },
  },
});
const [width, count, epochs] = [Number(values.width), Number(values.batches), Number(values.epochs)];
const BATCH = 32;

await tf.setBackend(values.backend);
const model = tf.sequential({
  layers: [
    tf.layers.dense({ inputShape: [width], units: width, activation: "relu" }),
    tf.layers.dense({ units: width, activation: "relu" }),
    tf.layers.dense({ units: 10, activation: "softmax" }),
  ],
});
model.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
const rows = tf.randomUniform([count * BATCH, width], 0, 1, "float32", 1);
const labels = tf.oneHot(tf.randomUniform([count * BATCH], 0, 10, "int32", 2), 10);

/** One pass over all batches. */
async function epoch(): Promise<void> {
  if (values.mode === "fit") {
    await model.fit(rows, labels, { batchSize: BATCH, epochs: 1, verbose: 0 });
    return;
  }
  for (let i = 0; i < count; i++) {
    const [x, y] = [tf.slice(rows, [i * BATCH, 0], [BATCH, width]), tf.slice(labels, [i * BATCH, 0], [BATCH, 10])];
    await model.trainOnBatch(x, y);
    tf.dispose([x, y]);
  }
}

const epochMs: number[] = [];
for (let i = 0; i < epochs; i++) {
  const start = performance.now();
  await epoch();
  epochMs.push(Math.round(performance.now() - start));
}
const compiles = values.backend === "onnx" ? backendReport().compileCount : undefined;
console.log(
  JSON.stringify({ row: `fit ${width} x ${count}`, backend: values.backend, mode: values.mode, epochMs, compiles }),
);
