/**
 * One process, one row: a LoRA step or a forward pass on a model read from a folder, in float32 or with frozen layers in
 * 8 bits, as one JSON line. `eight-bit.ts` starts it.
 */
import { parseArgs } from "node:util";
import { random, useBackend } from "@cambium/core";
import { attach, head, lora } from "@cambium/delta";
import { type EncoderBatch, type EncoderModel, loadModel } from "@cambium/models";
import { adamW, batches, train } from "@cambium/train";
import { dispose, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { RANK } from "./sizes.ts";

const { values } = parseArgs({
  options: {
    row: { type: "string", default: "step" },
    folder: { type: "string" },
    kind: { type: "string", default: "step" }, // or "forward"
    mode: { type: "string", default: "float32" }, // or "int8"
    steps: { type: "string", default: "20" },
    batch: { type: "string", default: "8" },
    seq: { type: "string", default: "64" },
  },
});
const WARM_UP = 4; // three are traced, the fourth is replayed
const [steps, batch, seq] = [Number(values.steps), Number(values.batch), Number(values.seq)];

await useBackend("onnx");
const classes = { kind: "sequence-classification", labels: ["0", "1"] } as const;
const model = await loadModel(values.folder!, {
  frozen: values.mode as "float32" | "int8",
  ...(values.kind === "step" ? { head: classes } : {}),
});

/** The same made-up batch each time, as on the Python side. */
function makeBatch(): EncoderBatch {
  const { vocab_size: vocabulary } = model.config;
  const ids = Int32Array.from({ length: batch * seq }, (_, i) => 2 + ((i * 7919) % (vocabulary - 2)));
  return {
    ids: tensor2d(ids, [batch, seq], "int32"),
    mask: tensor2d(new Float32Array(batch * seq).fill(1), [batch, seq]),
    labels: tensor1d(
      Int32Array.from({ length: batch }, (_, i) => i % 2),
      "int32",
    ),
  };
}

/** Processor time so far, of all threads, in ms: less than the clock's tells beside other programs, and more robust there. */
const processorMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
};

/** Times of each measured step, by the clock and of the processors. */
interface Times {
  readonly durations: number[];
  readonly processor: number[];
  /** Of the last training step. */
  readonly loss?: number;
}

const medianOf = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;

async function trainSteps(base: EncoderModel): Promise<Times> {
  const targets = { rank: RANK, alpha: 2 * RANK, targets: ["attn.q", "attn.v"] };
  const tuned = attach(base, lora(base, targets, random(1)), head(base));
  const rows = Array.from({ length: batch * (WARM_UP + steps) }, (_, i) => i);
  const data = batches(rows, makeBatch, { size: batch });
  const durations: number[] = [];
  const processor: number[] = [];
  let loss = Number.NaN;
  let before = processorMs();
  for await (const event of train(tuned, data, { optimiser: adamW({ learningRate: 1e-3 }), epochs: 1 })) {
    if (event.type !== "step") continue;
    loss = event.loss;
    const now = processorMs();
    if (event.step > WARM_UP) {
      durations.push(event.durationMs);
      processor.push(now - before);
    }
    before = now;
  }
  return { durations, processor, loss };
}

async function passForward(base: EncoderModel): Promise<Times> {
  const input = makeBatch();
  const durations: number[] = [];
  const processor: number[] = [];
  for (let step = 0; step < WARM_UP + steps; step++) {
    const [start, before] = [performance.now(), processorMs()];
    const hidden = tidy(() => base.forward(input).hidden);
    await hidden.data();
    hidden.dispose();
    if (step < WARM_UP) continue;
    durations.push(performance.now() - start);
    processor.push(processorMs() - before);
  }
  dispose(Object.values(input));
  return { durations, processor };
}

const times = values.kind === "step" ? await trainSteps(model) : await passForward(model);
console.log(
  JSON.stringify({
    bench: "eight-bit",
    row: values.row,
    backend: "onnx",
    mode: values.mode,
    shape: [batch, seq],
    steps,
    medianMs: Number(medianOf(times.durations).toFixed(1)),
    minMs: Number(Math.min(...times.durations).toFixed(1)),
    processorMs: Number(medianOf(times.processor).toFixed(1)),
    peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    ...(times.loss === undefined ? {} : { loss: Number(times.loss.toFixed(5)) }),
  }),
);
