/**
 * One process, one whole job: a model is read, tuned by LoRA for some epochs with an evaluation after each, and its adapter
 * saved. Prints one JSON line. `pnpm bench:job` starts it; it is what a user would write, with a clock around its parts.
 */
import { readFileSync } from "node:fs";
import { backendReport, configureOnnx } from "@cambium/backend-onnx";
import { random, useBackend } from "@cambium/core";
import { attach, head, lora, saveAdapter } from "@cambium/delta";
import { collate, loadModel, loadTokenizer, predictor } from "@cambium/models";
import { measureClassification } from "@cambium/tasks";
import { adamW, batches, linear, train } from "@cambium/train";
import { parseFlags } from "../flags.ts";
import { processorMs } from "../timed.ts";
import { type JobRow, TRAIN } from "./row.ts";

const { values } = parseFlags({
  options: {
    row: { type: "string" },
    model: { type: "string" },
    data: { type: "string" },
    out: { type: "string" },
    mode: { type: "string", default: "float32" }, // or "int8"
    seed: { type: "string", default: "1" },
    dropout: { type: "string" }, // for every dropout; without it the model's own
    epochs: { type: "string", default: "3" },
    batch: { type: "string", default: "16" },
    train: { type: "string", default: `${TRAIN}` }, // rows to train on, fewer to try things out
    threads: { type: "string" }, // without it, as many as the backend chooses
  },
});

/** Seconds since the process began. */
const clock = (): number => performance.now() / 1000;
const split: Record<string, number> = { import: clock() };
let last = clock();
function mark(part: string): void {
  split[part] = (split[part] ?? 0) + clock() - last;
  last = clock();
}

const rows = readFileSync(values.data!, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as JobRow);
const [trained, evaluated] = [rows.slice(0, Number(values.train)), rows.slice(TRAIN)];
const labels = [...new Set(rows.map(({ label }) => label))].sort();
const seed = random(Number(values.seed));
if (values.threads !== undefined) configureOnnx({ threads: Number(values.threads) });
await useBackend("onnx");
mark("start");

const base = await loadModel(values.model!, {
  head: { kind: "sequence-classification", labels },
  frozen: values.mode as "float32" | "int8",
  random: seed.at("head"),
});
const tokenizer = await loadTokenizer(values.model!);
mark("model");

const tuned = attach(
  base,
  lora(base, { rank: 8, alpha: 16, targets: ["attn.q", "attn.v"] }, seed.at("delta")),
  head(base),
);
const toBatch = collate(base, tokenizer, { maxLength: 128 });
const data = batches(trained, toBatch, {
  size: Number(values.batch),
  random: seed.at("order"),
  buckets: toBatch.lengthOf,
});
const steps = data.batchCount! * Number(values.epochs);
const classify = (parameters: typeof tuned.parameters) =>
  predictor(tuned.with(parameters), tokenizer, { maxLength: 128 });
const run = train(tuned, data, {
  optimiser: adamW({ learningRate: linear(1e-3, { warmUp: Math.ceil(steps / 10), steps }), weightDecay: 0 }),
  steps,
  clipNorm: 1,
  random: seed.at("dropout"),
  evaluate: {
    every: data.batchCount!,
    run: async (parameters) => {
      const { accuracy, macro } = measureClassification(
        await classify(parameters)(evaluated.map(({ text }) => text)),
        evaluated.map(({ label }) => label),
      );
      return { accuracy, macroF1: macro.f1 };
    },
  },
});
const epochs: object[] = [];
const durations: number[] = [];
for await (const event of run) {
  if (event.type === "step") {
    durations.push(event.durationMs);
    mark("train");
  }
  if (event.type === "evaluation") {
    epochs.push(event.metrics);
    mark("evaluation");
  }
  if (event.type !== "end") continue;
  await saveAdapter(tuned.with(event.parameters), values.out!);
  mark("save");
}
const wall = clock();
const { compileCount, compileMs } = {
  compileCount: backendReport().compiles.length,
  compileMs: backendReport().compiles.reduce((sum, { durationMs }) => sum + durationMs, 0),
};
const sorted = [...durations].sort((a, b) => a - b);
console.log(
  JSON.stringify({
    bench: "job",
    row: values.row,
    backend: "onnx",
    mode: values.mode,
    seed: Number(values.seed),
    medianMs: Math.round(1000 * wall),
    processorMs: Math.round(processorMs()),
    peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    steps: durations.length,
    stepMs: Math.round(sorted[sorted.length >> 1]!),
    split: Object.fromEntries(Object.entries(split).map(([part, seconds]) => [part, Number(seconds.toFixed(2))])),
    compileCount,
    compileSeconds: Number((compileMs / 1000).toFixed(2)),
    epochs,
  }),
);
