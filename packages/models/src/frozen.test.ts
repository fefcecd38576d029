import { type Files, memory } from "@cambium/base";
import {
  around,
  disposeParameters,
  floatUnderHooks,
  isQuantised,
  loadSafetensors,
  onWeight,
  type Site,
  saveSafetensors,
  valueAndGradients,
} from "@cambium/core";
import { add, dispose, mul, sub, sum, type Tensor, tensor, tidy, zeros, zerosLike } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { TokenBatch } from "./architecture.ts";
import type { BertConfig } from "./architectures/bert/config.ts";
import { type Family, fixture, golden, goldenBatch, heads } from "./fixtures.ts";
import { eightBitNames, eightBitOf } from "./frozen.ts";
import type { LanguageModel } from "./language-model.ts";
import { loadModel } from "./load.ts";
import { saveModel } from "./save.ts";

const head = heads["sequence-classification"];

function batchOf(family: Family): TokenBatch {
  const numbers = golden(family);
  return goldenBatch(numbers, head, numbers.heads["sequence-classification"].labels);
}

const disposeBatch = (batch: TokenBatch): void => dispose(Object.values(batch));

const relativeError = (got: Tensor, expected: Tensor): number =>
  tidy(() => {
    const size = (x: Tensor): number => Math.sqrt(sum(mul(x, x)).dataSync()[0]!);
    return size(sub(got, expected)) / size(expected);
  });

/** Gradient of the loss for what flows into the first block, `[batch, seq, dModel]`. */
function gradientOf(model: LanguageModel, batch: TokenBatch): Tensor {
  return tidy(() => {
    const isFirst = (site: Site): boolean => site.layer === 0;
    const { gradients } = valueAndGradients(
      (at) =>
        model.loss!(batch, { hooks: [around("block", isFirst, ({ input, next }) => next(add(input, at.get("x")!)))] }),
      new Map([["x", zeros([...batch.ids.shape, (model.config as BertConfig).hidden_size])]]),
    );
    return gradients.get("x")!;
  });
}

test.each(["bert", "roberta"] as const)("%s in 8 bits is near the model it was read from", async (family) => {
  const files = fixture(`${family}/sequence-classification`);
  const [plain, rounded] = [await loadModel(files, { head }), await loadModel(files, { head, frozen: "int8" })];
  expect([...rounded.parameters.keys()]).toEqual([...plain.parameters.keys()]);
  expect(eightBitOf(rounded.parameters)).toHaveLength(6 * (plain.config as BertConfig).num_hidden_layers);
  expect(eightBitOf(plain.parameters)).toEqual([]);
  for (const [name, tensor] of rounded.parameters) {
    expect(tensor.shape).toEqual(plain.parameters.get(name)!.shape);
    if (!isQuantised(tensor)) expect(tensor).toBeAllClose(plain.parameters.get(name)!, { absolute: 0, relative: 0 });
  }
  const batch = batchOf(family);
  const outputs = [rounded, plain].map((model) => model.forward(batch));
  const error = relativeError(outputs[0]!.hidden, outputs[1]!.hidden);
  expect(error).toBeGreaterThan(1e-5);
  expect(error).toBeLessThan(0.03); // three layers, each with six products of 1 to 2 %
  const [got, expected] = [gradientOf(rounded, batch), gradientOf(plain, batch)];
  expect(relativeError(got, expected)).toBeLessThan(0.1);
  dispose([outputs as never, got, expected]);
  disposeBatch(batch);
  disposeParameters(plain.parameters);
  disposeParameters(rounded.parameters);
});

test("weights that are kept in float32 are those of the file", async () => {
  const name = "encoder.layer.1.attention.self.key.weight";
  const files = fixture("bert/base");
  const model = await loadModel(files, { frozen: "int8", keepFloat: [name] });
  const stored = await loadSafetensors(files, "model.safetensors");
  expect(isQuantised(model.parameters.get(name)!)).toBe(false);
  expect(model.parameters.get(name)!).toBeAllClose(stored.get(name)!, { absolute: 0, relative: 0 });
  expect(eightBitOf(model.parameters)).toHaveLength(6 * 3 - 1);
  disposeParameters(model.parameters);
  disposeParameters(stored);
});

test("with every weight kept in float32 the model is the plain one", async () => {
  const files = fixture("bert/base");
  const plain = await loadModel(files);
  const kept = await loadModel(files, { frozen: "int8", keepFloat: [...eightBitNames(plain.layout)] });
  const batch = batchOf("bert");
  const [got, expected] = [kept.forward(batch), plain.forward(batch)];
  expect(got.hidden).toBeAllClose(expected.hidden, { absolute: 0, relative: 0 });
  dispose([got, expected] as never);
  disposeBatch(batch);
  disposeParameters(plain.parameters);
  disposeParameters(kept.parameters);
});

test("a weight under a hook is multiplied in float32, the others in 8 bits", async () => {
  const model = await loadModel(fixture("bert/base"), { frozen: "int8" });
  const batch = batchOf("bert");
  const name = "encoder.layer.0.attention.self.query.weight";
  const values = tidy(() => model.parameters.get(name)!.arraySync());
  let seen: unknown;
  const hooks = [
    onWeight(
      (at) => at === name,
      (_, value) => {
        seen = value.arraySync();
        return mul(value, 1);
      },
    ),
  ];
  const [hooked, plain] = [model.forward(batch, { hooks }), model.forward(batch)];
  expect(seen).toEqual(values);
  expect(floatUnderHooks(model.parameters, hooks)).toEqual([name]);
  expect(floatUnderHooks(model.parameters, [])).toEqual([]);
  const error = relativeError(hooked.hidden, plain.hidden);
  expect(error).toBeGreaterThan(0); // the query's inputs are no longer rounded
  expect(error).toBeLessThan(0.02);
  dispose([hooked, plain] as never);
  disposeBatch(batch);
  disposeParameters(model.parameters);
});

/** The encoder's files, with some changed. */
async function editedFiles(edit: {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly weight?: readonly [name: string, value: number];
}): Promise<Files> {
  const files = fixture("bert/base");
  const config = JSON.parse(new TextDecoder().decode(await files.read("config.json"))) as object;
  const weights = await loadSafetensors(files, "model.safetensors");
  const changed = new Map(weights);
  if (edit.weight !== undefined) {
    const [name, value] = edit.weight;
    const old = weights.get(name)!;
    changed.set(name, tensor([...old.dataSync().slice(0, -1), value], old.shape));
  }
  const copy = memory({ "config.json": JSON.stringify({ ...config, ...edit.config }) });
  await saveSafetensors(copy, "model.safetensors", changed);
  dispose([...new Set([...weights.values(), ...changed.values()])]);
  return copy;
}

test.each([Number.NaN, Number.POSITIVE_INFINITY])(
  "a weight of %s is refused by name, and nothing is left behind",
  async (value) => {
    const name = "encoder.layer.2.output.dense.weight";
    const files = await editedFiles({ weight: [name, value] });
    await expect(loadModel(files, { frozen: "int8" })).rejects.toMatchObject({
      code: "FORMAT",
      message: expect.stringContaining(`"${name}" holds ${value} in output channel 19`),
    });
  },
);

test("a channel of zeros gives its bias", async () => {
  const name = "encoder.layer.0.attention.self.query.weight";
  const files = memory(await zeroed(name));
  const [plain, rounded] = [await loadModel(files), await loadModel(files, { frozen: "int8" })];
  expect(rounded.parameters.get(name)!).toBeAllClose(plain.parameters.get(name)!, { absolute: 0 });
  const batch = batchOf("bert");
  const [got, expected] = [rounded.forward(batch), plain.forward(batch)];
  expect(relativeError(got.hidden, expected.hidden)).toBeLessThan(0.03);
  dispose([got, expected] as never);
  disposeBatch(batch);
  disposeParameters(plain.parameters);
  disposeParameters(rounded.parameters);
});

async function zeroed(name: string): Promise<Record<string, string | Uint8Array>> {
  const files = fixture("bert/base");
  const weights = await loadSafetensors(files, "model.safetensors");
  const zero = zerosLike(weights.get(name)!);
  const copy = memory();
  await saveSafetensors(copy, "model.safetensors", new Map([...weights, [name, zero]]));
  disposeParameters(weights);
  zero.dispose();
  return { "config.json": await files.read("config.json"), "model.safetensors": await copy.read("model.safetensors") };
}

test("a checkpoint that another program has quantised is refused by the name of the method", async () => {
  const files = await editedFiles({ config: { quantization_config: { quant_method: "gptq", bits: 4 } } });
  for (const frozen of ["float32", "int8"] as const)
    await expect(loadModel(files, { frozen })).rejects.toMatchObject({
      code: "FORMAT",
      message: expect.stringContaining("quantised already, by gptq"),
    });
});

test("wrong options are refused", async () => {
  const files = fixture("bert/base");
  const load = (options: object): Promise<LanguageModel> => loadModel(files, options);
  await expect(load({ frozen: "int4" })).rejects.toThrow('frozen must be "float32" or "int8", got "int4"');
  await expect(load({ keepFloat: [], frozen: "float32" })).resolves.toSatisfy((model: LanguageModel) => {
    disposeParameters(model.parameters);
    return true;
  });
  await expect(load({ keepFloat: ["encoder.layer.0.attention.self.query.weight"] })).rejects.toThrow(
    'frozen is "float32"',
  );
  await expect(load({ frozen: "int8", keepFloat: ["encoder.layer.0.attention.self.query.wight"] })).rejects.toThrow(
    'did you mean "encoder.layer.0.attention.self.query.weight"?',
  );
  await expect(load({ frozen: "int8", keepFloat: ["embeddings.word_embeddings.weight"] })).rejects.toMatchObject({
    code: "CONFIG",
  });
});

test("a model in 8 bits is not saved as if it were the one that it was rounded from", async () => {
  const model = await loadModel(fixture("bert/base"), { frozen: "int8" });
  const files = memory();
  await expect(saveModel(model, files)).rejects.toMatchObject({
    code: "CONFIG",
    message: expect.stringContaining(
      '18 weights, such as "encoder.layer.0.attention.self.query.weight", are in 8 bits',
    ),
  });
  expect(await files.list()).toEqual([]);
  disposeParameters(model.parameters);
});
