/**
 * One process, one row: texts to vectors with `embed`, tokenisation included, as one JSON line. `embed.ts` starts it.
 */
import { useBackend } from "@cambium/core";
import { embed, loadModel, loadTokenizer } from "@cambium/models";
import { textsOf } from "./embed-texts.ts";
import { parseFlags } from "./flags.ts";
import { timeSteps } from "./timed.ts";

const { values } = parseFlags({
  options: {
    row: { type: "string" },
    folder: { type: "string" },
    mode: { type: "string", default: "float32" }, // or "int8"
    steps: { type: "string", default: "20" },
    batch: { type: "string", default: "32" },
    seq: { type: "string", default: "64" },
  },
});
const [steps, batch, seq] = [Number(values.steps), Number(values.batch), Number(values.seq)];

await useBackend("onnx");
const model = await loadModel(values.folder!, { frozen: values.mode as "float32" | "int8" });
const tokenizer = await loadTokenizer(values.folder!);
const texts = textsOf(batch, seq);
const lengths = new Set(texts.map((text) => tokenizer.encode(text).ids.length));
if (lengths.size !== 1 || !lengths.has(seq)) throw new Error(`texts have ${[...lengths]} tokens, not ${seq}`);
let first = Number.NaN;
const times = await timeSteps(steps, async () => {
  const [vector] = await embed(model, tokenizer, texts, { pooling: "mean", normalise: true, batchSize: batch });
  first = vector![0]!;
});
console.log(
  JSON.stringify({
    bench: "embed",
    row: values.row,
    backend: "onnx",
    mode: values.mode,
    shape: [batch, seq],
    steps,
    ...times,
    first: Number(first.toFixed(4)),
  }),
);
