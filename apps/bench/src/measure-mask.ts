/**
 * One process, one row: trains MiniLM under a class head by full fine-tuning, LoRA or a scalar mask, and prints the median
 * step, its processor time and the peak memory as one JSON line.
 */
import { random } from "@cambium/core";
import * as delta from "@cambium/delta";
import { loadModel, type TokenBatch } from "@cambium/models";
import { adamW, batches, train } from "@cambium/train";
import { tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import { chooseBackend } from "./choose-backend.ts";
import { parseFlags } from "./flags.ts";
import { walk } from "./ids.ts";
import { processorMs } from "./timed.ts";

const { values } = parseFlags({
  options: {
    model: { type: "string" },
    method: { type: "string", default: "full" },
    share: { type: "string", default: "0.001" },
    steps: { type: "string", default: "20" },
    "warm-up": { type: "string", default: "4" },
    batch: { type: "string", default: "8" },
    seq: { type: "string", default: "64" },
  },
});
const [steps, warmUp] = [Number(values.steps), Number(values["warm-up"])];
const [batch, seq] = [Number(values.batch), Number(values.seq)];

await chooseBackend("onnx");
const base = await loadModel(values.model!, { head: { kind: "sequence-classification", labels: ["0", "1"] } });
const total = [...base.parameters.values()].reduce((sum, { size }) => sum + size, 0);
const count = Math.round(total * Number(values.share));
const objective =
  values.method === "full"
    ? delta.attach(base, delta.whole(base))
    : values.method === "lora"
      ? delta.attach(base, delta.lora(base, { rank: 8 }, random(1)), delta.head(base))
      : delta.attach(
          base,
          delta.arbitrary(base, { count, granularity: "scalar", pool: "weights" }, random(1)),
          delta.head(base),
        );
const makeBatch = (): TokenBatch => ({
  ids: tensor2d(walk(batch * seq, 30_522), [batch, seq], "int32"),
  mask: tensor2d(new Float32Array(batch * seq).fill(1), [batch, seq]),
  labels: tensor1d(
    Int32Array.from({ length: batch }, (_, i) => i % 2),
    "int32",
  ),
});
const rows = Array.from({ length: batch * (warmUp + steps) }, (_, i) => i);
const durations: number[] = [];
const processor: number[] = [];
let loss = Number.NaN;
for await (const event of train(objective, batches(rows, makeBatch, { size: batch }), {
  optimiser: adamW({ learningRate: 1e-3 }),
  epochs: 1,
})) {
  if (event.type !== "step") continue;
  loss = event.loss;
  if (event.step > warmUp) durations.push(event.durationMs);
  if (event.step >= warmUp) processor.push(processorMs());
}
durations.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    bench: "mask",
    row: "step",
    backend: "onnx",
    batch,
    seq,
    trainable: [...objective.parameters.values()].reduce((sum, { size }) => sum + size, 0),
    steps,
    medianMs: Number(durations[durations.length >> 1]!.toFixed(1)),
    minMs: Number(durations[0]!.toFixed(1)),
    processorMs: Number(((processor.at(-1)! - processor[0]!) / steps).toFixed(1)),
    peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    loss: Number(loss.toFixed(5)),
  }),
);
