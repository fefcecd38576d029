/** One process: rows of `decode.ts` with this repository's `generate`. */
import { configureOnnx } from "@cambium/backend-onnx";
import { useBackend } from "@cambium/core";
import { generate, generateBatch, type LoadModelOptions, loadModel, loadTokenizer } from "@cambium/models";
import { CONTEXTS, idsOf, printRow, timesBetween } from "./decode-rows.ts";
import { parseFlags } from "./flags.ts";

const { values } = parseFlags({
  options: {
    model: { type: "string" },
    frozen: { type: "string", default: "as stored" },
    tokens: { type: "string", default: "24" },
    spinning: { type: "boolean", default: false },
  },
});
configureOnnx({ spinning: values.spinning });
await useBackend("onnx");
const frozen = values.frozen as NonNullable<LoadModelOptions["frozen"]>;
const model = await loadModel(values.model!, { head: { kind: "causal-lm" }, frozen });
const tokenizer = await loadTokenizer(values.model!);
const backend = `cambium, ${values.frozen}`;
const options = { maxTokens: Number(values.tokens) + 1, stopIds: [], fileDefaults: false } as const;

/** Tokens come as they are made, except those that end in the middle of a character: by id there is one time each. */
async function* tokensOf(context: number): AsyncGenerator<unknown> {
  for await (const event of generate(model, tokenizer, idsOf(context), options)) {
    if (event.type === "piece") yield event;
  }
}

await timesBetween(tokensOf(8));
for (const context of CONTEXTS) {
  const [prefill, ...times] = await timesBetween(tokensOf(context));
  printRow(backend, `token behind ${context}`, times);
  if (context === 512) printRow(backend, "reading 512", [prefill!, (await timesBetween(tokensOf(context)))[0]!]);
}
const steps: number[] = [];
let before = performance.now();
let count = 0;
for await (const event of generateBatch(
  model,
  tokenizer,
  [1, 2, 3, 4].map((row) => idsOf(64, row)),
  options,
)) {
  if (event.type !== "piece" || event.index !== 0) continue;
  const now = performance.now();
  if (count++ > 0) steps.push(now - before);
  before = now;
}
printRow(backend, "four tokens behind 64", steps);
