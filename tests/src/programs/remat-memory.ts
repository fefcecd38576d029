/** A gradient through twelve long parts on onnx: prints how much the process grew, with and without computing them again. */
import { random, remat, useBackend } from "@cambium/core";
import { grad, sum, type Tensor, tanh, tidy } from "@tensorflow/tfjs-core";

const [how] = process.argv.slice(2);
const part = (x: Tensor): Tensor => {
  let y = x;
  for (let i = 0; i < 10; i++) y = tanh(y);
  return y;
};

await useBackend("onnx");
const once = how === "remat" ? remat(part) : part;
const slope = (rows: number): Float32Array =>
  tidy(() =>
    grad((x: Tensor) => {
      let y = x;
      for (let i = 0; i < 12; i++) y = once(y);
      return sum(y);
    })(random(1).uniform([rows, 1024])).dataSync<"float32">(),
  );
slope(1);
const before = process.memoryUsage.rss();
slope(512);
console.log(JSON.stringify({ grewMiB: Math.round((process.resourceUsage().maxRSS * 1024 - before) / 2 ** 20) }));
