import { type Files, memory } from "@cambium/base";
import { disposeParameters, isQuantised, random } from "@cambium/core";
import { expandDims, mul, onesLike, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { asArchitecture } from "../architecture.ts";
import { llama } from "../architectures/index.ts";
import { fixture, fixtureJson, type Numbers, toTensor } from "../fixtures.ts";
import { loadModel } from "../load.ts";
import { f32, type RawGguf, type RawTensor, rawGguf, text, u32, value } from "./raw-gguf.fixture.ts";

const head = { kind: "causal-lm" } as const;
/** Of the scale of the logits. */
const close = { relative: 0, absolute: 1e-4 };

/** A folder with one file of the fixtures. */
async function only(name: string): Promise<Files> {
  return memory({ [name]: await fixture("gguf").read(name) });
}

describe.each([
  ["llama3.gguf", "llama/llama3"],
  ["linear.gguf", "llama/linear"],
  ["mistral.gguf", "mistral/window"],
  ["gpt2.gguf", "gpt2/gelu-new"],
])("%s", (name, folder) => {
  test("holds the weights of the Hugging Face folder that it was made of, in their order", async () => {
    const model = await loadModel(await only(name), { head });
    const same = await loadModel(fixture(folder), { head });
    expect([...model.parameters.keys()]).toEqual([...same.parameters.keys()]);
    expect([model.created, model.unused]).toEqual([[], []]);
    for (const [parameter, wanted] of same.parameters) {
      expect(model.parameters.get(parameter), parameter).toBeAllClose(wanted, { relative: 0, absolute: 0 });
    }
    for (const { parameters } of [model, same]) disposeParameters(parameters);
  });

  test("gives transformers' logits and loss", async () => {
    const [family, entry] = folder.split("/") as [string, string];
    const { right } = fixtureJson<
      Record<string, { right: Record<"ids" | "mask" | "labels", number[][]> & { logits: Numbers; loss: number } }>
    >(`${family}/golden.json`)[entry]!;
    const model = await loadModel(await only(name), { head });
    tidy(() => {
      const batch = {
        ids: tensor2d(right.ids, undefined, "int32"),
        mask: tensor2d(right.mask),
        labels: tensor2d(right.labels, undefined, "int32"),
      };
      const { logits } = model.forward(batch);
      const whole = mul(logits!, expandDims(batch.mask, 2));
      expect(whole).toBeAllClose(toTensor(right.logits), close);
      expect(model.loss!(batch)).toBeAllClose(right.loss, close);
    });
    disposeParameters(model.parameters);
  });
});

test.each(["qwen2", "qwen3"])("%s gives transformers' logits", async (name) => {
  const { ids, logits } = fixtureJson<Record<string, { ids: number[][]; logits: Numbers }>>("gguf/golden.json")[name]!;
  const model = await loadModel(await only(`${name}.gguf`), { head });
  tidy(() => {
    const batch = { ids: tensor2d(ids, undefined, "int32"), mask: onesLike(tensor2d(ids)) };
    expect(model.forward(batch).logits).toBeAllClose(toTensor(logits), close);
  });
  disposeParameters(model.parameters);
});

test("a file without a head's matrix has a tied head, and one with it has its own", async () => {
  const tied = await loadModel(await only("llama3.gguf"), { head });
  const own = await loadModel(await only("linear.gguf"), { head });
  expect(
    [tied, own].map(({ config }) => (config as unknown as { tie_word_embeddings: boolean }).tie_word_embeddings),
  ).toEqual([true, false]);
  expect([tied, own].map(({ parameters }) => parameters.has("lm_head.weight"))).toEqual([false, true]);
  for (const { parameters } of [tied, own]) disposeParameters(parameters);
});

test("a body alone leaves the head aside, and a classifier is created on it", async () => {
  const body = await loadModel(await only("linear.gguf"));
  expect(body.unused).toEqual(["lm_head.weight"]);
  const classifier = { kind: "sequence-classification", labels: ["ham", "spam"] } as const;
  const model = await loadModel(await only("linear.gguf"), { head: classifier, random: random(1) });
  expect(model.created).toEqual(["score.weight"]);
  for (const { parameters } of [body, model]) disposeParameters(parameters);
});

test("layers are held in 8 bits as from a Hugging Face folder", async () => {
  const model = await loadModel(await only("gpt2.gguf"), { head, frozen: "int8" });
  const same = await loadModel(fixture("gpt2/gelu-new"), { head, frozen: "int8" });
  for (const [name, wanted] of same.parameters) {
    const found = model.parameters.get(name)!;
    expect([name, isQuantised(found)]).toEqual([name, isQuantised(wanted)]);
    expect(found).toBeAllClose(wanted, { relative: 0, absolute: 0 });
  }
  for (const { parameters } of [model, same]) disposeParameters(parameters);
});

// A LLaMA of one layer, width 2, and one head: bytes that tests change.
const sizes = {
  token_embd: [2, 3],
  "blk.0.attn_q": [2, 2],
  "blk.0.attn_k": [2, 2],
  "blk.0.attn_v": [2, 2],
  "blk.0.attn_output": [2, 2],
};
const more = { "blk.0.ffn_gate": [2, 4], "blk.0.ffn_up": [2, 4], "blk.0.ffn_down": [4, 2] };
const norms = { "blk.0.attn_norm": [2], "blk.0.ffn_norm": [2], output_norm: [2] };
const smallTensors = Object.entries({ ...sizes, ...more, ...norms }).map(
  ([name, each], i): RawTensor => ({ name: `${name}.weight`, sizes: each, type: 0, offset: 32 * i }),
);
const smallMetadata: Record<
  string,
  Parameters<typeof rawGguf>[0]["metadata"] extends readonly (readonly [unknown, infer V])[] | undefined ? V : never
> = {
  "general.architecture": value.text("llama"),
  "llama.block_count": value.u32(1),
  "llama.context_length": value.u32(16),
  "llama.embedding_length": value.u32(2),
  "llama.feed_forward_length": value.u32(4),
  "llama.attention.head_count": value.u32(1),
  "llama.attention.layer_norm_rms_epsilon": value.f32(1e-5),
};

function small(changes: typeof smallMetadata = {}, tensors: readonly RawTensor[] = smallTensors): Files {
  const metadata = Object.entries({ ...smallMetadata, ...changes });
  const data = new Uint8Array(32 * 16).fill(1);
  const given: RawGguf = { metadata, tensors, data };
  return memory({ "small.gguf": rawGguf(given) });
}

/** The config of a small file, or the error that it gives. */
async function configOf(files: Files): Promise<Record<string, unknown>> {
  const model = await loadModel(files);
  disposeParameters(model.parameters);
  return model.config as unknown as Record<string, unknown>;
}

test("what the metadata leave out is what llama.cpp takes", async () => {
  expect(await configOf(small())).toMatchObject({
    vocab_size: 3,
    head_dim: 2,
    num_key_value_heads: 1,
    rms_norm_eps: 1e-5,
    rope_parameters: { rope_type: "default", rope_theta: 10000 },
    tie_word_embeddings: true,
  });
});

test.each([
  [
    "a scaling of its type",
    { type: value.text("linear"), factor: value.f32(2.5) },
    { rope_type: "linear", factor: 2.5 },
  ],
  ["a scaling without a type", { factor: value.f32(4) }, { rope_type: "linear", factor: 4 }],
  ["no scaling", { type: value.text("none"), factor: value.f32(4) }, { rope_type: "default" }],
  ["a scaling by 1", { factor: value.f32(1) }, { rope_type: "default" }],
])("rotary positions of %s are followed", async (_, scaling, wanted) => {
  const keys = Object.entries(scaling).map(([key, each]) => [`llama.rope.scaling.${key}`, each] as const);
  const { rope_parameters: rope } = await configOf(small(Object.fromEntries(keys)));
  expect(rope).toMatchObject({ rope_theta: 10000, ...wanted });
});

test("a window makes a Mistral, and one of 0 is none", async () => {
  const [window, none] = [4, 0].map((rows) => small({ "llama.attention.sliding_window": value.u32(rows) }));
  expect(await configOf(window!)).toMatchObject({ model_type: "mistral", sliding_window: 4 });
  expect(await configOf(none!)).toMatchObject({ model_type: "mistral", sliding_window: null });
  expect(await configOf(small())).toMatchObject({ model_type: "llama" });
});

test("a window is refused by name where no architecture among those given has one", async () => {
  const windowed = small({ "llama.attention.sliding_window": value.u32(4) });
  await expect(loadModel(windowed, { architectures: [asArchitecture(llama)] })).rejects.toThrow(
    "llama.attention.sliding_window",
  );
});

test("the scaling of older files, and sizes of equal layers, are followed", async () => {
  const older = { "llama.rope.scale_linear": value.f32(3), "llama.attention.head_count": value.array(4, 1, u32(1)) };
  expect(await configOf(small(older))).toMatchObject({
    num_attention_heads: 1,
    rope_parameters: { rope_type: "linear", factor: 3 },
  });
});

test.each([
  ["llama.rope.scaling.type", value.text("yarn")],
  ["llama.rope.scaling.attn_factor", value.f32(1.5)],
  ["llama.rope.scaling.yarn_log_multiplier", value.f32(0.1)],
  ["llama.rope.dimension_count", value.u32(1)],
  ["llama.attention.value_length", value.u32(4)],
  ["llama.attention.head_count_kv", value.array(4, 2, u32(1), u32(2))],
  ["llama.attention.head_count", value.text("two")],
  ["llama.block_count", value.f32(1.5)],
  ["llama.block_count", value.u32(0)],
  ["llama.block_count", value.u32(2)],
  ["llama.block_count", value.u32(0xffffffff)],
  ["llama.expert_count", value.u32(8)],
  ["llama.attention.scale", value.f32(0.5)],
  ["llama.attention.causal", value.bool(0)],
  ["llama.logit_scale", value.f32(2)],
  ["llama.vocab_size", value.u32(4)],
  ["llama.something_new", value.u32(1)],
])("metadata that would compute something else are refused by name: %s %j", async (key, given) => {
  await expect(loadModel(small({ [key]: given }))).rejects.toThrow(key);
});

test.each(["llama.block_count", "llama.attention.layer_norm_rms_epsilon"])("a file must have %s", async (key) => {
  const metadata = Object.entries(smallMetadata).filter(([each]) => each !== key);
  const file = rawGguf({ metadata, tensors: smallTensors, data: new Uint8Array(512) });
  await expect(loadModel(memory({ "m.gguf": file }))).rejects.toThrow(`"${key}"`);
});

test("a vocabulary of another length than the word embeddings is an error", async () => {
  const tokens = value.array(8, 4, ...["a", "b", "c", "d"].map(text));
  await expect(loadModel(small({ "tokenizer.ggml.tokens": tokens }))).rejects.toMatchObject({
    code: "FORMAT",
    message: expect.stringContaining("model.embed_tokens.weight has shape [3,2], not [4,2]"),
  });
});

test.each([
  ["blk.0.attn_q_norm.weight"],
  ["blk.0.ffn_gate_exps.weight"],
  ["rope_factors_long.weight"],
  ["blk.0.attn_q.scale"],
])("a tensor that the family has no place for is refused by name: %s", async (name) => {
  const strange = { name, sizes: [2], type: 0, offset: 32 * 15 };
  await expect(loadModel(small({}, [...smallTensors, strange]))).rejects.toThrow(name);
});

test("a missing tensor and one of another shape are named as in Hugging Face folders", async () => {
  await expect(loadModel(small({}, smallTensors.slice(1)))).rejects.toThrow("model.embed_tokens.weight");
  const wrong = smallTensors.map((each) => (each.name === "blk.0.attn_q.weight" ? { ...each, sizes: [2, 4] } : each));
  await expect(loadModel(small({}, wrong))).rejects.toThrow("q_proj.weight has shape [4,2], not [2,2]");
});

test("types that cannot be read are named with their tensor, before any weight is read", async () => {
  const files = small({}, [{ name: "blk.0.attn_q.weight", sizes: [256, 1], type: 10, offset: 0 }]);
  const ranges: unknown[] = [];
  const watched: Files = {
    ...files,
    read(name, range) {
      ranges.push(range);
      return files.read(name, range);
    },
  };
  await expect(loadModel(watched)).rejects.toThrow('"blk.0.attn_q.weight" is Q2_K');
  expect(ranges).toHaveLength(1);
});

test.each([
  ["of another architecture", { "general.architecture": value.text("mamba") }, 'the architecture "mamba"'],
  ["of an architecture that is a number", { "general.architecture": value.u32(1) }, 'the architecture "1"'],
  ["with an adapter", { "general.type": value.text("adapter") }, '"adapter", not a model'],
  ["with a part of a model", { "split.count": [2, 2, 0] as const }, "one of 2 parts"],
])("a file %s is refused", async (_, changes, message) => {
  await expect(loadModel(small(changes))).rejects.toThrow(message);
});

test("a file without an architecture is refused, also where an architecture has no GGUF files", async () => {
  const metadata = Object.entries(smallMetadata).filter(([key]) => key !== "general.architecture");
  const file = rawGguf({ metadata, tensors: smallTensors, data: new Uint8Array(512) });
  await expect(loadModel(memory({ "m.gguf": file }))).rejects.toThrow("no stated architecture");
});

describe("the factors of rotary frequencies", () => {
  const factors = (type: number, count: number): RawTensor => ({
    name: "rope_freqs.weight",
    sizes: [count],
    type,
    offset: 32 * 15,
  });

  test("of another type or number are refused", async () => {
    await expect(loadModel(small({}, [...smallTensors, factors(1, 1)]))).rejects.toThrow("F16 [1]");
    await expect(loadModel(small({}, [...smallTensors, factors(0, 2)]))).rejects.toThrow("no llama3 scaling");
  });

  test("are refused where a family has no rotary positions", async () => {
    const metadata = Object.entries({
      "general.architecture": value.text("gpt2"),
      "gpt2.block_count": value.u32(1),
      "gpt2.context_length": value.u32(16),
      "gpt2.embedding_length": value.u32(2),
      "gpt2.feed_forward_length": value.u32(4),
      "gpt2.attention.head_count": value.u32(1),
      "gpt2.attention.layer_norm_epsilon": value.f32(1e-5),
    });
    const layer = { name: "blk.0.attn_norm.weight", sizes: [2], type: 0, offset: 0 };
    const tensors = [layer, { ...factors(0, 1), offset: 32 }];
    const file = rawGguf({ metadata, tensors, data: new Uint8Array(64) });
    await expect(loadModel(memory({ "m.gguf": file }))).rejects.toThrow('"rope_freqs.weight", which models of "gpt2"');
  });

  test("beside a linear scaling are refused", async () => {
    const scaled = small({ "llama.rope.scaling.factor": value.f32(2) }, [...smallTensors, factors(0, 1)]);
    await expect(loadModel(scaled)).rejects.toThrow("only one can be followed");
  });

  test("of 1 change nothing", async () => {
    const file = rawGguf({
      metadata: Object.entries(smallMetadata),
      tensors: [...smallTensors, factors(0, 1)],
      data: Uint8Array.from({ length: 512 }, (_, i) => (i >= 480 ? (f32(1)[i - 480] ?? 0) : 0)),
    });
    expect(await configOf(memory({ "m.gguf": file }))).toMatchObject({ rope_parameters: { rope_type: "default" } });
  });
});

test("a file that the disk fails on leaves no tensors behind", async () => {
  const files = small();
  let reads = 0;
  const failing: Files = {
    ...files,
    async read(name, range) {
      reads += 1;
      if (reads > 4) throw new Error("gone");
      return files.read(name, range);
    },
  };
  await expect(loadModel(failing)).rejects.toThrow("gone");
});
