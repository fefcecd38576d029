/** transformers.js, where it is installed: a folder named by TRANSFORMERS_JS. It is no dependency, for it brings 450 MB. */
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** A tensor of the library. */
export interface TheirTensor {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
  tolist(): unknown;
}

type Generate = (inputs: Readonly<Record<string, unknown>>) => Promise<TheirTensor>;
type Loaded = ((inputs: object) => Promise<Readonly<Record<string, TheirTensor>>>) & { readonly generate: Generate };

/** What is used of the library. */
export interface TransformersJs {
  readonly env: { allowRemoteModels: boolean; localModelPath: string };
  readonly Tensor: new (type: "int64", data: BigInt64Array, dims: readonly number[]) => TheirTensor;
  readonly AutoModelForCausalLM: { from_pretrained(name: string, options: object): Promise<Loaded> };
  readonly AutoModelForSeq2SeqLM: { from_pretrained(name: string, options: object): Promise<Loaded> };
  pipeline(task: string, name: string, options: object): Promise<(texts: unknown, options?: object) => Promise<never>>;
}

const folder = process.env["TRANSFORMERS_JS"];

/** Whether it is there; says so once where it is not. */
export const hasTransformersJs: boolean = folder !== undefined;
if (!hasTransformersJs) {
  console.log(
    "skipped: no transformers.js; set TRANSFORMERS_JS to a folder in which @huggingface/transformers is installed",
  );
}

/** The library, which reads models from folders below `models`. */
export async function loadTransformersJs(models: string): Promise<TransformersJs> {
  const entry = createRequire(join(resolve(folder!), "package.json")).resolve("@huggingface/transformers");
  const library = (await import(pathToFileURL(entry).href)) as TransformersJs;
  library.env.allowRemoteModels = false;
  library.env.localModelPath = `${resolve(models)}/`;
  return library;
}
