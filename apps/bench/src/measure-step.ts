/**
 * One process, one row: trains a model of a given size for some steps and prints the median step, the peak memory and the
 * share of the runtime's own rate of products as one JSON line. `train.ts` starts it; started by hand it says what one
 * backend does.
 */
import { adamW, batches, train } from "@cambium/train";
import { getBackend } from "@tensorflow/tfjs-core";
import { chooseBackend } from "./choose-backend.ts";
import { parseFlags } from "./flags.ts";
import { trainable } from "./objectives.ts";
import { measureRuntimeGemm } from "./runtime-gemm.ts";
import { flopsOfStep, type Method, parseSize } from "./sizes.ts";
import { processorMs } from "./timed.ts";

const { values } = parseFlags({
  options: {
    size: { type: "string", default: "4x256" },
    method: { type: "string", default: "lora" },
    dropout: { type: "string", default: "0" },
    backend: { type: "string", default: "onnx" },
    steps: { type: "string", default: "20" },
    "warm-up": { type: "string", default: "4" }, // three are traced, the fourth is replayed
    batch: { type: "string", default: "8" },
    seq: { type: "string", default: "64" },
    row: { type: "string" },
  },
});
const [size, method] = [parseSize(values.size), values.method as Method];
const [steps, warmUp] = [Number(values.steps), Number(values["warm-up"])];
const [batch, seq] = [Number(values.batch), Number(values.seq)];

await chooseBackend(values.backend);
const { objective, batch: makeBatch } = trainable(size, method, Number(values.dropout));
const rows = Array.from({ length: batch * (warmUp + steps) }, (_, i) => i);
const data = batches(rows, () => makeBatch(batch, seq), { size: batch });

const durations: number[] = [];
/** Processor time of all threads at the ends of steps, in ms: what other work on the machine changes least. */
const processor: number[] = [];
let loss = Number.NaN;
for await (const event of train(objective, data, { optimiser: adamW({ learningRate: 1e-3 }), epochs: 1 })) {
  if (event.type !== "step") continue;
  loss = event.loss;
  if (event.step > warmUp) durations.push(event.durationMs);
  if (event.step >= warmUp) processor.push(processorMs());
}
durations.sort((a, b) => a - b);
const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
const medianMs = durations[durations.length >> 1]!;
const gflops = flopsOfStep(size, batch, seq, method) / medianMs / 1e6;

/** The step's rate beside that of the runtime's own products, in GFLOP/s. */
async function rates(): Promise<object> {
  const gemm = await measureRuntimeGemm(1024, 768, 768, 0.5);
  return {
    gemmGflopsFed: Math.round(gemm.fed),
    gemmGflopsInitialiser: Math.round(gemm.initialiser),
    gemmFraction: Number((gflops / Math.max(gemm.fed, gemm.initialiser)).toFixed(3)),
  };
}

console.log(
  JSON.stringify({
    bench: "train",
    row: values.row ?? `${method} ${size.name}`,
    backend: getBackend(),
    batch,
    seq,
    trainable: [...objective.parameters.values()].reduce((sum, tensor) => sum + tensor.size, 0),
    steps,
    medianMs: Number(medianMs.toFixed(1)),
    minMs: Number(durations[0]!.toFixed(1)),
    processorMs: Number(((processor.at(-1)! - processor[0]!) / steps).toFixed(1)),
    peakMiB,
    gflops: Math.round(gflops),
    ...(values.backend === "onnx" ? await rates() : {}),
    loss: Number(loss.toFixed(5)),
  }),
);
