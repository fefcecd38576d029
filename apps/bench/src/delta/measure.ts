/** One process, one row: trains a model of a given size by one method, and prints the median step, peak memory and the adapter's size. */
import { memory } from "@cambium/base";
import { random } from "@cambium/core";
import { attach, head, saveAdapter } from "@cambium/delta";
import { createModel, type TokenBatch } from "@cambium/models";
import { adamW, batches, train } from "@cambium/train";
import { tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import { chooseBackend } from "../choose-backend.ts";
import { parseFlags } from "../flags.ts";
import { walk } from "../ids.ts";
import { parseSize, robertaConfig } from "../sizes.ts";
import { processorMs, summarise, WARM_UP } from "../timed.ts";
import { llamaConfig, methods } from "./methods.ts";

const { values } = parseFlags({
  options: {
    method: { type: "string" },
    size: { type: "string", default: "4x256" },
    steps: { type: "string", default: "20" },
    batch: { type: "string", default: "8" },
    seq: { type: "string", default: "64" },
    round: { type: "string", default: "0" },
  },
});
const size = parseSize(values.size);
const measured = methods.get(values.method!);
if (measured === undefined) throw new Error(`measure: there is no method "${values.method}"`);
const [steps, batch, seq] = [Number(values.steps), Number(values.batch), Number(values.seq)];

await chooseBackend("onnx");
const isDecoder = measured.on === "decoder";
const base = createModel(isDecoder ? llamaConfig(size) : robertaConfig(size), random(0), {
  head: isDecoder ? { kind: "causal-lm" } : { kind: "sequence-classification", labels: ["0", "1"] },
});
const tuned = attach(base, ...measured.make(base, size), ...(isDecoder ? [] : [head(base)]));
const makeBatch = (): TokenBatch => {
  const ids = walk(batch * seq, size.vocabulary);
  return {
    ids: tensor2d(ids, [batch, seq], "int32"),
    mask: tensor2d(new Float32Array(batch * seq).fill(1), [batch, seq]),
    labels: isDecoder
      ? tensor2d(ids, [batch, seq], "int32")
      : tensor1d(
          Int32Array.from({ length: batch }, (_, i) => i % 2),
          "int32",
        ),
  };
};
const rows = Array.from({ length: batch * (WARM_UP + steps) }, (_, i) => i);
const [durations, processor]: [number[], number[]] = [[], []];
let [loss, before] = [Number.NaN, processorMs()];
const run = train(tuned, batches(rows, makeBatch, { size: batch }), {
  optimiser: adamW({ learningRate: 1e-3, weightDecay: 0 }),
  epochs: 1,
});
let parameters = tuned.parameters;
for await (const event of run) {
  if (event.type === "end") parameters = event.parameters;
  if (event.type !== "step") continue;
  loss = event.loss;
  const now = processorMs();
  if (event.step > WARM_UP) {
    durations.push(event.durationMs);
    processor.push(now - before);
  }
  before = now;
}
const times = summarise(durations, processor);
const files = memory();
// Of trained tokens that no text held, the saved ones are still those of the start.
const { format } = await saveAdapter(tuned.with(parameters), files, { untrained: true });
console.log(
  JSON.stringify({
    bench: "delta",
    row: values.method,
    size: size.name,
    round: Number(values.round),
    backend: "onnx",
    batch,
    seq,
    steps,
    trainable: [...tuned.parameters.values()].reduce((sum, tensor) => sum + tensor.size, 0),
    ...times,
    fileBytes: (await files.list()).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    format,
    loss: Number(loss.toFixed(5)),
  }),
);
