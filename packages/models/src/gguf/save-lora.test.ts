import { memory } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { add, matMul, mul, type Tensor2D, tensor2d, tidy, transpose } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { createModel } from "../create.ts";
import { loadModel } from "../load.ts";
import { readValues } from "./checkpoint.ts";
import { openGguf } from "./load-gguf.ts";
import { saveGguf } from "./save-gguf.ts";
import { saveGgufLora } from "./save-lora.ts";

const head = { kind: "causal-lm" } as const;
const sizes = { vocab_size: 23, hidden_size: 12, num_hidden_layers: 1, num_attention_heads: 3, num_key_value_heads: 1 };
const llama = { model_type: "llama", ...sizes, head_dim: 6, intermediate_size: 10 } as const;
const gpt2 = {
  model_type: "gpt2",
  vocab_size: 23,
  n_embd: 12,
  n_layer: 1,
  n_head: 2,
  n_inner: 10,
  n_positions: 16,
} as const;
const draw = (label: string, shape: [number, number]) => random(4).at(label).normal(shape) as Tensor2D;

test.each([
  [llama, "model.layers.0.self_attn.q_proj.weight", "blk.0.attn_q.weight"],
  [llama, "model.layers.0.self_attn.k_proj.weight", "blk.0.attn_k.weight"],
  [llama, "model.layers.0.mlp.down_proj.weight", "blk.0.ffn_down.weight"],
  [{ ...llama, model_type: "qwen2" }, "model.layers.0.self_attn.q_proj.weight", "blk.0.attn_q.weight"],
  [gpt2, "transformer.h.0.attn.c_attn.weight", "blk.0.attn_qkv.weight"],
  [gpt2, "transformer.h.0.mlp.c_proj.weight", "blk.0.ffn_down.weight"],
])("what the file adds to the model's own file is the update: $0.model_type, %s", async (config, weight, name) => {
  const model = createModel(config, random(3), { head });
  const stored = model.parameters.get(weight)!.shape as [number, number];
  const isTurned = config.model_type === "gpt2";
  const [out, input] = isTurned ? [stored[1], stored[0]] : stored;
  const [a, b] = [draw("a", [2, input]), draw("b", [out, 2])];
  const files = memory();
  await saveGgufLora(model, files, { alpha: 3, layers: new Map([[weight, { a, b }]]) });

  // As llama.cpp computes: the matrix of the file, and beside it alpha / rank · B A, both [out, in].
  const file = await openGguf({ files, name: "adapter.gguf" });
  expect(Object.fromEntries(file.header.metadata)).toMatchObject({
    "general.type": "adapter",
    "general.architecture": config.model_type,
    "adapter.type": "lora",
    "adapter.lora.alpha": 3,
  });
  expect([...file.header.tensors.keys()]).toEqual([`${name}.lora_a`, `${name}.lora_b`]);
  const [fileA, fileB] = await Promise.all([...file.header.tensors.values()].map((each) => readValues(file, each)));
  const own = memory();
  await saveGguf(model, own, { dtype: "float32" });
  const base = await openGguf({ files: own, name: "model.gguf" });
  const tensor = base.header.tensors.get(name)!;
  const updated = tidy(() => mul(matMul(tensor2d(fileB!, [out, 2]), tensor2d(fileA!, [2, input])), 1.5));
  const bytes = await own.read("model.gguf");
  const values = await readValues(base, tensor);
  const sum = Float32Array.from(await updated.data(), (value, i) => value + values[i]!);
  bytes.set(new Uint8Array(sum.buffer), tensor.from);
  const tuned = await loadModel(memory({ "model.gguf": bytes }), { head });

  tidy(() => {
    const update = mul(matMul(b, a), 1.5);
    const wanted = add(model.parameters.get(weight)!, isTurned ? transpose(update) : update);
    expect(tuned.parameters.get(weight)).toBeAllClose(wanted, { relative: 0, absolute: 1e-5 });
  });
  for (const { parameters } of [model, tuned]) disposeParameters(parameters);
  for (const each of [a, b, updated]) each.dispose();
});

test("what no such file holds is refused", async () => {
  const model = createModel({ ...llama, tie_word_embeddings: true }, random(3), { head });
  const [a, b] = [draw("a", [2, 12]), draw("b", [23, 2])];
  const layersOf = (weight: string) => ({ alpha: 1, layers: new Map([[weight, { a, b }]]) });
  await expect(saveGgufLora(model, memory(), layersOf("model.embed_tokens.weight"))).rejects.toThrow(
    "have no update of",
  );
  await expect(saveGgufLora(model, memory(), layersOf("score.weight"))).rejects.toThrow('"score.weight"');
  await expect(saveGgufLora(model, "out", layersOf("lm_head.weight"))).rejects.toThrow("must end in .gguf");
  await expect(
    saveGgufLora(model, memory(), layersOf("lm_head.weight"), { dtype: "q8_0" as "float16" }),
  ).rejects.toThrow("dtype");
  for (const each of [a, b]) each.dispose();
  disposeParameters(model.parameters);
});
