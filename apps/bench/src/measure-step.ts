/**
 * One process, one row: trains a model of a given size for some steps and prints the median step, its spread and the peak
 * memory as one JSON line. `train.ts` starts it; started by hand it says what one backend does.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { type BackendChoice, random, useBackend } from "@cambium/core";
import { attach, head, lora, whole } from "@cambium/delta";
import { createModel, type EncoderBatch } from "@cambium/models";
import { adamW, batches, train } from "@cambium/train";
import { matMul, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { flopsOfStep, type SizeName, sizes } from "./sizes.ts";

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "4x256" },
    backend: { type: "string", default: "onnx" },
    steps: { type: "string", default: "20" },
    batch: { type: "string", default: "8" },
    seq: { type: "string", default: "64" },
    full: { type: "boolean", default: false },
  },
});
const size = values.size as SizeName;
const [steps, batch, seq] = [Number(values.steps), Number(values.batch), Number(values.seq)];
const WARM_UP = 3;

const runtime = await useBackend(values.backend as BackendChoice);
const vocabulary = sizes[size].vocab_size;
const base = createModel(sizes[size], random(0), { head: { kind: "sequence-classification", labels: ["0", "1"] } });
const tuned = values.full
  ? attach(base, whole(base))
  : attach(base, lora(base, { rank: 8, alpha: 16, targets: ["attn.q", "attn.v"] }, random(1)), head(base));
const trainable = [...tuned.parameters.values()].reduce((sum, tensor) => sum + tensor.size, 0);

/** The same made-up batch at every step, as on the Python side: ids that walk through the vocabulary, labels in turn. */
function makeBatch(): EncoderBatch {
  return {
    ids: tensor2d(
      Int32Array.from({ length: batch * seq }, (_, i) => 2 + ((i * 7919) % (vocabulary - 2))),
      [batch, seq],
      "int32",
    ),
    mask: tensor2d(new Float32Array(batch * seq).fill(1), [batch, seq]),
    labels: tensor1d(
      Int32Array.from({ length: batch }, (_, i) => i % 2),
      "int32",
    ),
  };
}

const rows = Array.from({ length: batch * (WARM_UP + steps) }, (_, i) => i);
const data = batches(rows, makeBatch, { size: batch });

const durations: number[] = [];
let loss = Number.NaN;
for await (const event of train(tuned, data, { optimiser: adamW({ learningRate: 1e-3 }), epochs: 1 })) {
  if (event.type !== "step") continue;
  loss = event.loss;
  if (event.step > WARM_UP) durations.push(event.durationMs);
}
durations.sort((a, b) => a - b);
const peakRssMiB = Math.round(process.resourceUsage().maxRSS / 1024);

/** Best rate of one product of 1024 × 768 × 768, in GFLOP/s. */
function gemmRate(): number {
  const [a, b] = [random(2).uniform([1024, 768]), random(3).uniform([768, 768])];
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 30; i++) {
    const start = performance.now();
    tidy(() => void matMul(a, b).dataSync()); // tidy would walk through a returned array
    best = Math.min(best, performance.now() - start);
  }
  return (2 * 1024 * 768 * 768) / best / 1e6;
}

const medianMs = durations[durations.length >> 1]!;
const gemmGflops = gemmRate();
const stepGflops = values.full ? undefined : flopsOfStep(size, batch, seq) / medianMs / 1e6;
console.log(
  JSON.stringify({
    bench: "train",
    size,
    method: values.full ? "full" : "lora",
    backend: runtime.backend,
    batch,
    seq,
    trainable,
    steps,
    medianMs: Number(medianMs.toFixed(1)),
    minMs: Number(durations[0]!.toFixed(1)),
    peakRssMiB,
    gemmGflops: Number(gemmGflops.toFixed(0)),
    ...(stepGflops === undefined
      ? {}
      : { stepGflops: Number(stepGflops.toFixed(0)), gemmFraction: Number((stepGflops / gemmGflops).toFixed(2)) }),
    loss: Number(loss.toFixed(5)),
    threads: availableParallelism(),
    node: process.version,
  }),
);
