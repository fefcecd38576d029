/** Replaces a tensor of 16 MiB 300 times on onnx, read or not, and prints how much the process grew. */
import { useBackend } from "@cambium/core";
import { neg, type Tensor, zeros } from "@tensorflow/tfjs-core";

await useBackend("onnx");
let x: Tensor = zeros([2048, 2048]);
x.dataSync();
let before = 0;
for (let i = 0; i < 300; i++) {
  const next = neg(x);
  x.dispose();
  next.dataSync();
  x = next;
  if (i === 20) before = process.memoryUsage.rss();
  // What no tensor holds belongs to JavaScript's collector, which runs between tasks.
  await new Promise(setImmediate);
}
console.log(JSON.stringify({ grewMiB: Math.round((process.resourceUsage().maxRSS * 1024 - before) / 2 ** 20) }));
