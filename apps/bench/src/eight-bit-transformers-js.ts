/**
 * One process, one row: a forward pass of transformers.js on a folder that holds `onnx/model.onnx` (float32) or
 * `onnx/model_quantized.onnx` (8 bits), on the ids of `eight-bit-row.ts`, as one JSON line. `eight-bit.ts` starts it.
 */
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseFlags } from "./flags.ts";
import { walk } from "./ids.ts";
import { transformersJs } from "./opponents.ts";
import { timeSteps } from "./timed.ts";

/** What is used of the library, which is no dependency of this repository. */
interface Library {
  readonly env: { allowRemoteModels: boolean; localModelPath: string; readonly version: string };
  readonly Tensor: new (type: "int64", data: BigInt64Array, dims: readonly number[]) => object;
  readonly AutoModel: {
    from_pretrained(
      name: string,
      options: object,
    ): Promise<
      ((inputs: object) => Promise<{ last_hidden_state: { data: Float32Array; dispose(): void } }>) & {
        readonly config: { readonly vocab_size: number };
      }
    >;
  };
}

const { values } = parseFlags({
  options: {
    row: { type: "string" },
    folder: { type: "string" },
    dtype: { type: "string", default: "q8" }, // or "fp32"
    steps: { type: "string", default: "20" },
    batch: { type: "string", default: "8" },
    seq: { type: "string", default: "64" },
  },
});
const [steps, batch, seq] = [Number(values.steps), Number(values.batch), Number(values.seq)];
const folder = resolve(values.folder!);

const entry = createRequire(join(resolve(transformersJs!), "package.json")).resolve("@huggingface/transformers");
const { env, Tensor, AutoModel } = (await import(pathToFileURL(entry).href)) as Library;
env.allowRemoteModels = false;
env.localModelPath = `${dirname(folder)}/`;
const model = await AutoModel.from_pretrained(basename(folder), { dtype: values.dtype, device: "cpu" });

const integers = (of: ArrayLike<number>): object =>
  new Tensor("int64", BigInt64Array.from(Array.from(of), BigInt), [batch, seq]);
const inputs = {
  input_ids: integers(walk(batch * seq, model.config.vocab_size)),
  attention_mask: integers(new Uint8Array(batch * seq).fill(1)),
  token_type_ids: integers(new Uint8Array(batch * seq)),
};
let first = Number.NaN;
const times = await timeSteps(steps, async () => {
  const { last_hidden_state: hidden } = await model(inputs);
  first = hidden.data[0]!;
  hidden.dispose();
});
console.log(
  JSON.stringify({
    bench: "eight-bit",
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
