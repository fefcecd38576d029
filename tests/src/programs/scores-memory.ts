/** A step's gradient through 16,384 classes on onnx: prints how much the process grew, with all logits at once and in parts. */
import { crossEntropy, linearCrossEntropy, random, useBackend } from "@cambium/core";
import { grad, matMul, type Tensor, type Tensor2D, tensor1d, tidy } from "@tensorflow/tfjs-core";

const [how] = process.argv.slice(2);
const [width, classes] = [16, 16_384];

await useBackend("onnx");
const weight = random(1).normal([classes, width]) as Tensor2D;
weight.dataSync();
const slope = (rows: number): Float32Array =>
  tidy(() => {
    const labels = tensor1d(
      Array.from({ length: rows }, (_, i) => (i * 7919) % classes),
      "int32",
    );
    return grad((x: Tensor) =>
      how === "parts"
        ? linearCrossEntropy(x as Tensor2D, weight, labels, rows / 8)
        : crossEntropy(matMul(x as Tensor2D, weight, false, true), labels),
    )(random(2).normal([rows, width])).dataSync<"float32">();
  });
slope(8);
const before = process.memoryUsage.rss();
const values = slope(1024);
const grewMiB = Math.round((process.resourceUsage().maxRSS * 1024 - before) / 2 ** 20);
console.log(JSON.stringify({ grewMiB, values: [...values.slice(0, 64)] }));
