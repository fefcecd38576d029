/** One process of `pnpm bench:gguf`: a model from its GGUF file to its first forward pass, as one JSON line. */
import { countParameters } from "@cambium/core";
import { type LoadModelOptions, loadModel } from "@cambium/models";
import { ones, range, reshape, type Tensor2D } from "@tensorflow/tfjs-core";
import { chooseBackend } from "./choose-backend.ts";
import { parseFlags } from "./flags.ts";

const { values } = parseFlags({
  options: {
    model: { type: "string" },
    frozen: { type: "string", default: "float32" },
    backend: { type: "string", default: "onnx" },
    tokens: { type: "string", default: "16" },
  },
});
const tokens = Number(values.tokens);
await chooseBackend(values.backend);
const before = process.memoryUsage().rss;

const start = performance.now();
const model = await loadModel(values.model!, {
  head: { kind: "causal-lm" },
  frozen: values.frozen as LoadModelOptions["frozen"] & string,
});
const loadMs = performance.now() - start;
const loadedPeak = process.resourceUsage().maxRSS * 1024;
const ids = reshape(range(0, tokens, 1, "int32"), [1, tokens]) as Tensor2D;
await model.forward({ ids, mask: ones([1, tokens]) }).logits!.data();
const medianMs = performance.now() - start;

console.log(
  JSON.stringify({
    bench: "gguf",
    row: values.frozen,
    backend: values.backend,
    medianMs: Math.round(medianMs),
    loadMs: Math.round(loadMs),
    forwardMs: Math.round(medianMs - loadMs),
    // What loading needed at most, over what is held: 4 bytes for each number in float32.
    memoryOverTensors: Number(((loadedPeak - before) / (4 * countParameters(model.parameters))).toFixed(3)),
    peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
);
