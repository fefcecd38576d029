/** A LoRA as a GGUF file, for llama.cpp and what is built on it. */
import { ConfigError, type Files, parseConfig } from "@cambium/base";
import { type LanguageModel, saveGgufLora } from "@cambium/models";
import { dispose, mul, type Tensor2D } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { Tuned } from "../attach.ts";
import type { Delta } from "../delta.ts";
import { hostOf } from "../host.ts";
import { checkPlain, factorsAt, type LoraConfig, loraPlaces } from "../methods/lora.ts";
import { hasResidual } from "../methods/lora-starts.ts";
import { checkCarried, checkTrained } from "./save-adapter.ts";

/** Settings of `saveGgufAdapter`. */
export interface SaveGgufAdapterOptions {
  /** How numbers are stored. @default "float32" */
  readonly dtype?: "float32" | "float16";
  /** Whether the LoRA may be as it was made: without it, saving before training is an error. @default false */
  readonly untrained?: boolean;
}

const schema = z.strictObject({
  dtype: z.enum(["float32", "float16"]).default("float32"),
  untrained: z.boolean().default(false),
});

/**
 * Writes the LoRA of a tuned language model as a GGUF file, which llama.cpp applies to the base's own GGUF file:
 * `llama-cli -m base.gguf --lora adapter.gguf`.
 *
 * Such a file has one scale for all layers. Where patterns or rank-stabilised scales give layers different ones, B carries the rest.
 *
 * @param target - The file, by a path that ends in `.gguf`, or a folder as `Files`, in which it is called `adapter.gguf`.
 * @throws {ConfigError} For what llama.cpp cannot hold: another method than LoRA or several deltas, a part of a fused layer, the
 *   word embeddings, a model that is no language model or of a family without GGUF files. `merge` and `saveGguf` take these along.
 * @throws {StateError} When the LoRA is still what it was made as, or the base has a random head.
 * @throws {FileError} When the file cannot be written; a former one is as it was.
 * @example
 * await saveGgufAdapter(tuned.with(parameters), "adapters/style.gguf");
 */
export async function saveGgufAdapter(
  tuned: Tuned<LanguageModel>,
  target: string | Files,
  options: SaveGgufAdapterOptions = {},
): Promise<void> {
  const { dtype, untrained } = parseConfig("saveGgufAdapter", schema, options);
  const { base } = tuned;
  const lora = onlyLora(tuned);
  if (base.head?.kind !== "causal-lm") {
    throw refuse('the model has no head of words; load it with head: { kind: "causal-lm" }');
  }
  checkCarried("saveGgufAdapter", tuned);
  if (!untrained) await checkTrained("saveGgufAdapter", tuned);
  const places = loraPlaces(hostOf(base), lora.config);
  const table = places.find(({ site }) => site.kind === "embed");
  if (table !== undefined)
    throw refuse(`the delta changes ${table.site.path}, a table of words; merge it, and write the model with saveGguf`);
  const part = places.find(({ columns }) => columns !== undefined);
  if (part !== undefined) throw refuse(`${part.site.path} is a part of a layer, and llama.cpp adds to whole ones`);
  const factors = places.map(({ site }) => factorsAt(lora as never, site.path));
  const alphas = factors.map(({ a, scale }) => scale * a.shape[0]); // readers divide by the rows of A
  const alpha = alphas[0]!;
  const made: Tensor2D[] = hasResidual(lora.config.init) ? factors.flatMap(({ a, b }) => [a, b]) : [];
  const layers = places.map(({ weight }, i) => {
    const { a, b } = factors[i]!;
    if (alphas[i] === alpha) return [weight.name, { a, b }] as const;
    const scaled = mul(b, alphas[i]! / alpha) as Tensor2D;
    made.push(scaled);
    return [weight.name, { a, b: scaled }] as const;
  });
  try {
    await saveGgufLora(base, target, { alpha, layers: new Map(layers) }, { dtype });
  } finally {
    dispose(made);
  }
}

function refuse(problem: string): ConfigError {
  return new ConfigError({ message: `saveGgufAdapter: ${problem}` });
}

function onlyLora({ deltas }: Tuned<LanguageModel>): Delta<LoraConfig> {
  const [first, ...others] = deltas;
  const strange = [first, ...others].find((delta) => delta?.kind !== "lora");
  if (strange !== undefined) {
    throw refuse(
      `delta "${strange.name}" is of the kind ${strange.kind}, and llama.cpp has LoRA alone; merge it, and write the model with saveGguf`,
    );
  }
  if (first === undefined || others.length > 0) {
    throw refuse(
      `there are ${deltas.length} deltas, and a file holds one LoRA; merge them, and write the model with saveGguf`,
    );
  }
  return checkPlain("saveGgufAdapter", first as Delta<LoraConfig>);
}
