import { memory } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { createModel, saveGgufLora } from "@cambium/models";
import { concat, dispose, mul, ones, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { attach } from "../attach.ts";
import { named } from "../delta.ts";
import { adapter } from "../methods/adapter.ts";
import { dora } from "../methods/dora.ts";
import { lora } from "../methods/lora.ts";
import { saveGgufAdapter } from "./save-gguf-adapter.ts";

const sizes = { vocab_size: 23, hidden_size: 12, num_hidden_layers: 2, num_attention_heads: 3, num_key_value_heads: 1 };
const llama = { model_type: "llama", ...sizes, head_dim: 6, intermediate_size: 10, tie_word_embeddings: true } as const;
const gpt2 = { model_type: "gpt2", vocab_size: 23, n_embd: 12, n_layer: 1, n_head: 2, n_positions: 16 } as const;
const head = { kind: "causal-lm" } as const;
const base = createModel(llama, random(1), { head });
const small = createModel(gpt2, random(1), { head });
afterAll(() => {
  for (const { parameters } of [base, small]) disposeParameters(parameters);
});

const freed = (
  ...all: { readonly parameters: ReadonlyMap<string, Tensor>; readonly buffers: ReadonlyMap<string, Tensor> }[]
): void => dispose(all.flatMap(({ parameters, buffers }) => [...parameters.values(), ...buffers.values()]));

/** What `saveGgufLora` writes of these factors. */
async function written(
  factors: Parameters<typeof saveGgufLora>[2],
  dtype: "float32" | "float16" = "float32",
): Promise<Uint8Array> {
  const files = memory();
  await saveGgufLora(base, files, factors, { dtype });
  return files.read("adapter.gguf");
}

test.each(["float32", "float16"] as const)("a LoRA's factors and its alpha are the file, in %s", async (dtype) => {
  const delta = lora(base, { rank: 2, alpha: 5, targets: ["attn.q", "ff.down"] }, random(2));
  const files = memory();
  await saveGgufAdapter(attach(base, delta), files, { dtype, untrained: true });
  const paths = [0, 1].flatMap((i) => [`model.layers.${i}.self_attn.q_proj`, `model.layers.${i}.mlp.down_proj`]);
  const layers = paths.map((path) => {
    const [a, b] = ["A", "B"].map((factor) => delta.parameters.get(`${path}.lora_${factor}.weight`)!);
    return [`${path}.weight`, { a, b }] as const;
  });
  expect(await files.read("adapter.gguf")).toEqual(
    await written({ alpha: 5, layers: new Map(layers) as never }, dtype),
  );
  freed(delta);
});

test("B carries what one alpha cannot say: other ranks, other alphas, rank-stabilised scales", async () => {
  const options = { rank: 4, alpha: 6, rsLora: true, targets: ["attn.q", "attn.v"], layers: [0] } as const;
  const delta = lora(base, { ...options, rankPattern: { v_proj: 1 }, alphaPattern: { v_proj: 3 } }, random(2));
  const changed = new Map(
    [...delta.parameters].map(([name, value]) => [name, name.includes("lora_B") ? ones(value.shape) : value]),
  );
  const files = memory();
  await saveGgufAdapter(attach(base, { ...delta, parameters: changed }), files);
  const at = (path: string, factor: string): Tensor =>
    changed.get(`model.layers.0.self_attn.${path}.lora_${factor}.weight`)!;
  // Scales are 6 / √4 = 3 and 3 / √1 = 3, of ranks 4 and 1: alphas of 12 and 3.
  const quarter = tidy(() => mul(at("v_proj", "B"), 3 / 12));
  const layers = [
    ["model.layers.0.self_attn.q_proj.weight", { a: at("q_proj", "A"), b: at("q_proj", "B") }],
    ["model.layers.0.self_attn.v_proj.weight", { a: at("v_proj", "A"), b: quarter }],
  ] as const;
  expect(await files.read("adapter.gguf")).toEqual(await written({ alpha: 12, layers: new Map(layers) as never }));
  dispose([quarter, ...[...changed].filter(([name]) => name.includes("lora_B")).map(([, value]) => value)]);
  freed(delta);
});

test("what llama.cpp cannot hold is refused", async () => {
  const one = lora(base, { rank: 2 }, random(2));
  const two = named("two", lora(base, { rank: 2 }, random(3)));
  const other = adapter(base, { bottleneck: 2 }, random(2));
  const scaled = dora(base, { rank: 2 }, random(2));
  const part = lora(small, { rank: 2, targets: ["attn.q"] }, random(2));
  const plain = createModel(llama, random(1));
  const onPlain = lora(plain, { rank: 2 }, random(2));
  const save = (tuned: Parameters<typeof saveGgufAdapter>[0]) => saveGgufAdapter(tuned, memory(), { untrained: true });
  await expect(save(attach(base, one, two))).rejects.toThrow("there are 2 deltas");
  await expect(save(attach(base, other))).rejects.toThrow("of the kind adapter");
  await expect(save(attach(base, scaled))).rejects.toThrow("of the kind dora");
  await expect(save(attach(small, part))).rejects.toThrow("is a part of a layer");
  await expect(save(attach(plain, onPlain))).rejects.toThrow("no head of words");
  await expect(saveGgufAdapter(attach(base, one), memory())).rejects.toMatchObject({ code: "STATE" });
  freed(one, two, other, scaled, part, onPlain);
  disposeParameters(plain.parameters);
});

test("a LoRA whose start is taken off is one of twice the rank, at the same scale", async () => {
  const delta = lora(base, { init: "pissa", rank: 2, alpha: 6, targets: ["attn.q"] }, random(2));
  const files = memory();
  await saveGgufAdapter(attach(base, delta), files, { untrained: true });
  const paths = [0, 1].map((i) => `model.layers.${i}.self_attn.q_proj`);
  const layers = paths.map((path) => {
    const [a, b] = ["A", "B"].map((factor) => {
      const name = `${path}.lora_${factor}.weight`;
      const [own, start] = [delta.parameters.get(name)!, delta.buffers.get(`${name}.start`)!];
      return tidy(() => (factor === "A" ? concat([own, start], 0) : concat([own, mul(start, -1)], 1)));
    });
    return [`${path}.weight`, { a: a!, b: b! }] as const;
  });
  // Readers multiply by alpha over the rows of A: 12 over 4 is the delta's 6 over 2.
  expect(await files.read("adapter.gguf")).toEqual(await written({ alpha: 12, layers: new Map(layers) as never }));
  dispose(layers.flatMap(([, { a, b }]) => [a, b]));
  freed(delta);
});
