/** One process: rows of `decode.ts` with transformers.js, which is no dependency of this repository, on what `export_decoder.py` writes. */
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { CONTEXTS, idsOf, printRow } from "./decode-rows.ts";
import { parseFlags } from "./flags.ts";
import { transformersJs } from "./opponents.ts";

/** What is used of the library. */
interface Library {
  readonly env: { allowRemoteModels: boolean; localModelPath: string };
  readonly Tensor: new (type: "int64", data: BigInt64Array, dims: readonly number[]) => object;
  readonly AutoModelForCausalLM: {
    from_pretrained(name: string, options: object): Promise<{ generate(options: object): Promise<unknown> }>;
  };
}

const { values } = parseFlags({
  options: {
    model: { type: "string" },
    dtype: { type: "string", default: "q4" }, // or "fp32"
    tokens: { type: "string", default: "24" },
    spinning: { type: "boolean", default: false },
  },
});
const folder = resolve(values.model!);
const entry = createRequire(join(resolve(transformersJs!), "package.json")).resolve("@huggingface/transformers");
const { env, Tensor, AutoModelForCausalLM } = (await import(pathToFileURL(entry).href)) as Library;
env.allowRemoteModels = false;
env.localModelPath = `${dirname(folder)}/`;
const model = await AutoModelForCausalLM.from_pretrained(basename(folder), {
  dtype: values.dtype,
  device: "cpu",
  session_options: {
    intraOpNumThreads: availableParallelism(),
    extra: { session: { intra_op: { allow_spinning: values.spinning ? "1" : "0" } } },
  },
});
const backend = `transformers.js, ${values.dtype}`;

/** Times of each token; that of the first is what reading took. */
async function timesOf(ids: readonly number[], tokens: number): Promise<number[]> {
  const dims = [1, ids.length];
  const times: number[] = [];
  let before = Number.NaN;
  const streamer = {
    put(): void {
      const now = performance.now();
      if (!Number.isNaN(before)) times.push(now - before); // it is given the prompt first
      before = now;
    },
    end(): void {},
  };
  await model.generate({
    input_ids: new Tensor("int64", BigInt64Array.from(ids, BigInt), dims),
    attention_mask: new Tensor("int64", new BigInt64Array(ids.length).fill(1n), dims),
    max_new_tokens: tokens,
    min_new_tokens: tokens,
    do_sample: false,
    streamer,
  });
  return times;
}

const tokens = Number(values.tokens) + 1;
await timesOf(idsOf(8), tokens);
for (const context of CONTEXTS) {
  const [prefill, ...times] = await timesOf(idsOf(context), tokens);
  printRow(backend, `token behind ${context}`, times);
  if (context === 512) printRow(backend, "reading 512", [prefill!, (await timesOf(idsOf(context), 2))[0]!]);
}
