/** Blocks of GGUF files that are held as the file has them. */
import { type Files, memory } from "@cambium/base";
import { bitsOf, disposeParameters, random } from "@cambium/core";
import { ones, type Tensor, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { createModel } from "../create.ts";
import { fixture } from "../fixtures.ts";
import type { LanguageModel } from "../language-model.ts";
import { loadModel } from "../load.ts";
import { type RawTensor, rawGguf, value } from "./raw-gguf.fixture.ts";
import { saveGguf } from "./save-gguf.ts";

const head = { kind: "causal-lm" } as const;

/** Numbers of types, and the bytes of a block of 32 (or of a number, for F32 and F16). */
const types = { F32: [0, 4], F16: [1, 2], Q4_0: [2, 18], Q4_1: [3, 20], Q5_0: [6, 22], Q8_0: [8, 34] } as const;
type TypeName = keyof typeof types;

let seed = 1;
const byte = (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed >>> 24;
};

/** Bytes of a tensor of random blocks, with scales and minima between a hundredth and one, of both signs. */
function bytesOf(type: TypeName, count: number): number[] {
  if (type === "F32") return [...new Uint8Array(Float32Array.from({ length: count }, () => 1 + byte() / 512).buffer)];
  if (type === "F16") return Array.from({ length: count }, () => [byte(), 0x28 | (byte() & 0x83)]).flat();
  const [, size] = types[type];
  const halves = type === "Q4_1" ? 4 : 2;
  return Array.from({ length: count / 32 }, () =>
    Array.from({ length: size }, (_, i) => (i < halves && i % 2 === 1 ? 0x24 | (byte() & 0x87) : byte())),
  ).flat();
}

/** A LLaMA of one layer, width 64, two heads and one of keys: by name, sizes from the innermost axis on, and type. */
const plan: Record<string, readonly [sizes: number[], type: TypeName]> = {
  token_embd: [[64, 11], "Q8_0"],
  "blk.0.attn_q": [[64, 64], "Q4_1"],
  "blk.0.attn_k": [[64, 32], "Q4_0"],
  "blk.0.attn_v": [[64, 32], "Q8_0"],
  "blk.0.attn_output": [[64, 64], "Q4_0"],
  "blk.0.ffn_gate": [[64, 96], "Q4_1"],
  "blk.0.ffn_up": [[64, 96], "F16"],
  "blk.0.ffn_down": [[96, 64], "Q4_1"],
  "blk.0.attn_norm": [[64], "F32"],
  "blk.0.ffn_norm": [[64], "F32"],
  output_norm: [[64], "F32"],
};

function fileOf(changes: typeof plan = {}): Files {
  const data: number[] = [];
  const tensors = Object.entries({ ...plan, ...changes }).map(([name, [sizes, type]]): RawTensor => {
    const offset = Math.ceil(data.length / 32) * 32;
    while (data.length < offset) data.push(0);
    data.push(
      ...bytesOf(
        type,
        sizes.reduce((product, size) => product * size, 1),
      ),
    );
    return { name: `${name}.weight`, sizes, type: types[type][0], offset };
  });
  const metadata = [
    ["general.architecture", value.text("llama")],
    ["llama.block_count", value.u32(1)],
    ["llama.context_length", value.u32(16)],
    ["llama.embedding_length", value.u32(64)],
    ["llama.feed_forward_length", value.u32(96)],
    ["llama.attention.head_count", value.u32(2)],
    ["llama.attention.head_count_kv", value.u32(1)],
    ["llama.attention.layer_norm_rms_epsilon", value.f32(1e-5)],
  ] as const;
  return memory({ "small.gguf": rawGguf({ metadata, tensors, data: Uint8Array.from(data) }) });
}

/** Their bits: zeros of both signs differ. */
const bits = (tensor: Tensor): number[] => [...new Uint32Array(Float32Array.from(tensor.dataSync()).buffer)];

function expectEqualLogits(held: LanguageModel, floats: LanguageModel): void {
  tidy(() => {
    const ids = tensor2d([[1, 5, 3, 10, 0]], undefined, "int32");
    const [got, expected] = [held, floats].map((model) => model.forward({ ids, mask: ones([1, 5]) } as never).logits!);
    const size = Math.max(...expected!.dataSync().map(Math.abs));
    expect(got!).toBeAllClose(expected!, { relative: 0, absolute: 1e-5 * size });
  });
}

test("every weight is bit for bit that of the float32 load, heads' rows in order, and so are the logits", async () => {
  const file = fileOf();
  const [held, floats] = [await loadModel(file, { head, frozen: "as stored" }), await loadModel(file, { head })];
  const layer = "model.layers.0";
  const widths = Object.fromEntries([...held.parameters].map(([name, tensor]) => [name, bitsOf(tensor)]));
  expect(widths).toEqual({
    "model.embed_tokens.weight": 8,
    [`${layer}.input_layernorm.weight`]: undefined,
    [`${layer}.self_attn.q_proj.weight`]: 4,
    [`${layer}.self_attn.k_proj.weight`]: 4,
    [`${layer}.self_attn.v_proj.weight`]: 8,
    [`${layer}.self_attn.o_proj.weight`]: 4,
    [`${layer}.post_attention_layernorm.weight`]: undefined,
    [`${layer}.mlp.gate_proj.weight`]: 4,
    [`${layer}.mlp.up_proj.weight`]: undefined,
    [`${layer}.mlp.down_proj.weight`]: 4,
    "model.norm.weight": undefined,
  });
  for (const [name, wanted] of floats.parameters) {
    const found = held.parameters.get(name)!;
    expect([name, found.shape, bits(found)]).toEqual([name, wanted.shape, bits(wanted)]);
  }
  expectEqualLogits(held, floats);
  for (const { parameters } of [held, floats]) disposeParameters(parameters);
});

test("a head with its own blocks is held beside the words", async () => {
  const file = fileOf({ output: [[64, 11], "Q4_1"], token_embd: [[64, 11], "Q4_0"] });
  const [held, floats] = [await loadModel(file, { head, frozen: "as stored" }), await loadModel(file, { head })];
  expect(["lm_head.weight", "model.embed_tokens.weight"].map((name) => bitsOf(held.parameters.get(name)!))).toEqual([
    4, 4,
  ]);
  expectEqualLogits(held, floats);
  for (const { parameters } of [held, floats]) disposeParameters(parameters);
});

test.each(["q4_0", "q8_0"] as const)(
  "layers that files store the other way round are held so: GPT-2 in %s",
  async (dtype) => {
    const sizes = { n_embd: 64, n_head: 2, n_inner: 96, n_layer: 1, vocab_size: 11, n_positions: 16 };
    const made = createModel({ model_type: "gpt2", ...sizes }, random(1), { head });
    const file = memory();
    await saveGguf(made, file, { dtype });
    const [held, floats] = [await loadModel(file, { head, frozen: "as stored" }), await loadModel(file, { head })];
    const name = "transformer.h.0.mlp.c_fc.weight";
    expect([held.parameters.get(name)!.shape, bitsOf(held.parameters.get(name)!)]).toEqual([
      [64, 96],
      dtype === "q4_0" ? 4 : 8,
    ]);
    for (const [parameter, wanted] of floats.parameters)
      expect([parameter, bits(held.parameters.get(parameter)!)]).toEqual([parameter, bits(wanted)]);
    expectEqualLogits(held, floats);
    for (const { parameters } of [made, held, floats]) disposeParameters(parameters);
  },
);

test("blocks of other types are refused by name, unless they are kept in float32", async () => {
  const file = fileOf({ "blk.0.ffn_gate": [[64, 96], "Q5_0"], "blk.0.attn_q": [[64, 64], "Q5_0"] });
  const names = ["model.layers.0.self_attn.q_proj.weight", "model.layers.0.mlp.gate_proj.weight"];
  await expect(loadModel(file, { head, frozen: "as stored" })).rejects.toMatchObject({
    code: "CONFIG",
    message: expect.stringContaining(
      `"${names[0]}" (Q5_0) and 1 more in "small.gguf" in memory are stored in other blocks than Q4_0, Q4_1, Q8_0`,
    ),
    details: { others: names },
  });
  const [held, floats] = [
    await loadModel(file, { head, frozen: "as stored", keepFloat: names }),
    await loadModel(file, { head }),
  ];
  expect(names.map((name) => bitsOf(held.parameters.get(name)!))).toEqual([undefined, undefined]);
  expectEqualLogits(held, floats);
  for (const { parameters } of [held, floats]) disposeParameters(parameters);
});

test("files without blocks, and names that are none of theirs, are refused", async () => {
  const floats = await fixture("gguf").read("gpt2.gguf");
  const file = memory({ "gpt2.gguf": floats });
  await expect(loadModel(file, { head, frozen: "as stored" })).rejects.toThrow("no matrix in");
  const keepFloat = ["model.layers.0.mlp.gate_proj.wight"];
  await expect(loadModel(fileOf(), { head, frozen: "as stored", keepFloat })).rejects.toThrow(
    'did you mean "model.layers.0.mlp.gate_proj.weight"?',
  );
});
