/**
 * One process, one row: texts to vectors with transformers.js's feature-extraction pipeline on a folder that holds
 * `onnx/model.onnx` (float32) or `onnx/model_quantized.onnx` (8 bits), as one JSON line. `embed.ts` starts it.
 */
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { textsOf } from "./embed-texts.ts";
import { parseFlags } from "./flags.ts";
import { transformersJs } from "./opponents.ts";
import { timeSteps } from "./timed.ts";

/** What is used of the library, which is no dependency of this repository. */
interface Library {
  readonly env: { allowRemoteModels: boolean; localModelPath: string; readonly version: string };
  pipeline(
    task: "feature-extraction",
    name: string,
    options: object,
  ): Promise<(texts: readonly string[], options: object) => Promise<{ data: Float32Array; dispose(): void }>>;
}

const { values } = parseFlags({
  options: {
    row: { type: "string" },
    folder: { type: "string" },
    dtype: { type: "string", default: "fp32" }, // or "q8"
    steps: { type: "string", default: "20" },
    batch: { type: "string", default: "32" },
    seq: { type: "string", default: "64" },
  },
});
const [steps, batch, seq] = [Number(values.steps), Number(values.batch), Number(values.seq)];
const folder = resolve(values.folder!);

const entry = createRequire(join(resolve(transformersJs!), "package.json")).resolve("@huggingface/transformers");
const { env, pipeline } = (await import(pathToFileURL(entry).href)) as Library;
env.allowRemoteModels = false;
env.localModelPath = `${dirname(folder)}/`;
const extract = await pipeline("feature-extraction", basename(folder), { dtype: values.dtype, device: "cpu" });
const texts = textsOf(batch, seq);
let first = Number.NaN;
const times = await timeSteps(steps, async () => {
  const vectors = await extract(texts, { pooling: "mean", normalize: true });
  first = vectors.data[0]!;
  vectors.dispose();
});
console.log(
  JSON.stringify({
    bench: "embed",
    row: values.row,
    backend: "transformers.js",
    version: env.version,
    mode: values.dtype,
    shape: [batch, seq],
    steps,
    ...times,
    first: Number(first.toFixed(4)),
  }),
);
