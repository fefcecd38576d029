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

async function trainSteps(base: EncoderModel): Promise<{ durations: number[]; loss: number }> {
  const targets = { rank: RANK, alpha: 2 * RANK, targets: ["attn.q", "attn.v"] };
  const tuned = attach(base, lora(base, targets, random(1)), head(base));
  const rows = Array.from({ length: batch * (WARM_UP + steps) }, (_, i) => i);
  const data = batches(rows, makeBatch, { size: batch });
  const durations: number[] = [];
  let loss = Number.NaN;
  for await (const event of train(tuned, data, { optimiser: adamW({ learningRate: 1e-3 }), epochs: 1 })) {
    if (event.type !== "step") continue;
    loss = event.loss;
    if (event.step > WARM_UP) durations.push(event.durationMs);
  }
  return { durations, loss };
}

async function passForward(base: EncoderModel): Promise<number[]> {
  const input = makeBatch();
  const durations: number[] = [];
  for (let step = 0; step < WARM_UP + steps; step++) {
    const start = performance.now();
    const hidden = tidy(() => base.forward(input).hidden);
    await hidden.data();
    hidden.dispose();
    if (step >= WARM_UP) durations.push(performance.now() - start);
  }
  dispose(Object.values(input));
  return durations;
}

const { durations, loss } =
  values.kind === "step" ? await trainSteps(model) : { durations: await passForward(model), loss: undefined };
durations.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    bench: "eight-bit",
    row: values.row,
    backend: "onnx",
    mode: values.mode,
    shape: [batch, seq],
    steps,
    medianMs: Number(durations[durations.length >> 1]!.toFixed(1)),
    minMs: Number(durations[0]!.toFixed(1)),
    peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    ...(loss === undefined ? {} : { loss: Number(loss.toFixed(5)) }),
  }),
);
