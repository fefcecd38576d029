/** Computes on onnx in the main thread and in workers, at the same time and after one has ended; prints all products. */
import { once } from "node:events";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { useBackend } from "@cambium/core";
import { matMul, tensor2d, tidy } from "@tensorflow/tfjs-core";

async function compute(factor: number): Promise<number> {
  await useBackend("onnx");
  return tidy(() => matMul(tensor2d([[factor, 2]]), tensor2d([[3], [4]])).dataSync()[0]!);
}

/** What a worker computes, once it has ended. */
async function computeInWorker(): Promise<number> {
  // Workers do not inherit what reads TypeScript.
  const start = `import("${import.meta.resolve("tsx/esm/api")}").then(({ register }) => { register(); return import("${import.meta.url}"); })`;
  const worker = new Worker(start, { eval: true });
  const [[product]] = await Promise.all([once(worker, "message"), once(worker, "exit")]);
  return product as number;
}

if (isMainThread) {
  const together = await Promise.all([compute(1), computeInWorker(), computeInWorker()]);
  console.log(JSON.stringify([...together, await compute(5), await computeInWorker()]));
} else {
  parentPort!.postMessage(await compute(3));
}
