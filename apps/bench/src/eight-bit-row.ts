/**
 * One process, one row: a LoRA step or a forward pass on a model read from a folder or a GGUF file, in float32 or with frozen
 * layers in few bits, as one JSON line. `eight-bit.ts` starts it.
 */
import { compile, random, useBackend } from "@cambium/core";
import { attach, head, lora } from "@cambium/delta";
import { type LanguageModel, type LoadModelOptions, loadModel, type TokenBatch } from "@cambium/models";
import { adamW, batches, train } from "@cambium/train";
import { dispose, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { parseFlags } from "./flags.ts";
import { walk } from "./ids.ts";
import { RANK } from "./sizes.ts";
import { processorMs, summarise, type Times, timeSteps, WARM_UP } from "./timed.ts";

const { values } = parseFlags({
  options: {
    row: { type: "string", default: "step" },
    folder: { type: "string" },
    kind: { type: "string", default: "step" }, // or "forward"
    mode: { type: "string", default: "float32" }, // or another way of `frozen`
    steps: { type: "string", default: "20" },
    batch: { type: "string", default: "8" },
    seq: { type: "string", default: "64" },
  },
});
const [steps, batch, seq] = [Number(values.steps), Number(values.batch), Number(values.seq)];

await useBackend("onnx");
const before = process.memoryUsage().rss;
const classes = { kind: "sequence-classification", labels: ["0", "1"] } as const;
const model = await loadModel(values.folder!, {
  frozen: values.mode as NonNullable<LoadModelOptions["frozen"]>,
  ...(values.kind === "step" ? { head: classes } : {}),
});
const loadedMiB = Math.round((process.memoryUsage().rss - before) / 2 ** 20);

function makeBatch(): TokenBatch {
  return {
    ids: tensor2d(walk(batch * seq, model.config.vocab_size), [batch, seq], "int32"),
    mask: tensor2d(new Float32Array(batch * seq).fill(1), [batch, seq]),
    labels: tensor1d(
      Int32Array.from({ length: batch }, (_, i) => i % 2),
      "int32",
    ),
  };
}

async function trainSteps(base: LanguageModel): Promise<Times & { loss: number }> {
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
  return { ...summarise(durations, processor), loss: Number(loss.toFixed(5)) };
}

async function passForward(base: LanguageModel): Promise<Times & { first: number }> {
  const input = makeBatch();
  const forward = compile((batch: TokenBatch) => tidy(() => base.forward(batch).hidden));
  let first = Number.NaN;
  const times = await timeSteps(steps, async () => {
    const hidden = forward(input);
    first = (await hidden.data())[0]!;
    hidden.dispose();
  });
  dispose(Object.values(input));
  return { ...times, first: Number(first.toFixed(4)) };
}

console.log(
  JSON.stringify({
    bench: "eight-bit",
    row: values.row,
    backend: "onnx",
    mode: values.mode,
    shape: [batch, seq],
    steps,
    loadedMiB,
    ...(values.kind === "step" ? await trainSteps(model) : await passForward(model)),
  }),
);
