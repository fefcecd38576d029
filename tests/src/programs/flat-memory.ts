/** Trains for 10,000 steps with batches of three lengths and prints, every 1,000 steps, what is alive, as JSON lines. */
import { backendReport } from "@cambium/backend-onnx";
import { type Objective, random, useBackend } from "@cambium/core";
import { adamW, batches, train } from "@cambium/train";
import { matMul, mean, memory, relu, type Scalar, square, sub, type Tensor2D, tidy } from "@tensorflow/tfjs-core";

await useBackend("onnx");
const WIDTH = 16;
const objective: Objective<Tensor2D> = {
  parameters: new Map(["first", "second"].map((name) => [name, random(1).at(name).normal([WIDTH, WIDTH], 0, 0.2)])),
  loss: (parameters, x) =>
    tidy(() => {
      const hidden = relu(matMul(x, parameters.get("first") as Tensor2D));
      return mean(square(sub(matMul(hidden, parameters.get("second") as Tensor2D), x))) as Scalar;
    }),
};
/** Rows 0, 1 and 2 stand for batches of 8, 16 and 24 rows. */
const collate = ([row]: readonly number[]): Tensor2D =>
  random(2)
    .at(row!)
    .normal([8 * (row! + 1), WIDTH]) as Tensor2D;
const data = batches([0, 1, 2], collate, { size: 1, random: random(3) });

for await (const event of train<Tensor2D>(objective, data, {
  optimiser: adamW({ learningRate: 1e-3 }),
  steps: 10_000,
})) {
  if (event.type !== "step" || event.step % 1_000 !== 0) continue;
  const { sessions, compileCount, pendingValues } = backendReport();
  globalThis.gc?.();
  const rssMiB = Math.round(process.memoryUsage.rss() / 2 ** 20);
  console.log(
    JSON.stringify({
      step: event.step,
      tensors: memory().numTensors,
      sessions,
      compiles: compileCount,
      pending: pendingValues,
      rssMiB,
    }),
  );
}
