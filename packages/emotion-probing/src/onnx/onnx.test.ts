import { readFile } from "node:fs/promises";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { type ExposedOnnx, exposeActivations } from "./expose-activations.ts";
import { bytesField, type Field, fieldsOf, integerField, messageField, messageOf, textField } from "./wire.ts";

const fixture = (name: string): Promise<Uint8Array> => readFile(new URL(`../../fixtures/${name}`, import.meta.url));
const golden = JSON.parse(new TextDecoder().decode(await fixture("onnx-golden.json"))) as Readonly<
  Record<"bert" | "gpt2" | "llama", { logits: number[]; activations: number[][]; ablated: number[] }>
> & { ids: number[] };
const ids = (): Tensor => new Tensor("int64", BigInt64Array.from(golden.ids, BigInt), [2, 4]);

type Level = "disabled" | "all";
const open = (model: Uint8Array, graphOptimizationLevel: Level = "disabled"): Promise<InferenceSession> =>
  InferenceSession.create(model, { graphOptimizationLevel, intraOpNumThreads: 1, logSeverityLevel: 3 });
/** What changes nothing. */
const same = ({ neutral }: ExposedOnnx): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(neutral).map(([name, { dtype, data, dims }]) => [
      name,
      new Tensor(dtype as "float32", data as Float32Array, dims),
    ]),
  );
const values = (tensor: Tensor | undefined): Float32Array => tensor!.data as Float32Array;
/** Another library sums in another order. */
const close = { absolute: 2e-5, relative: 1e-4 };

const names = ["bert", "gpt2", "llama"] as const;
const kinds = { bert: "erf", gpt2: "tanh", llama: "silu, gated" };

test.each(names)("%s, edited and left alone, gives the same bits, and its activations are PyTorch's", async (name) => {
  const original = await fixture(`${name}.onnx`);
  const exposed = exposeActivations(original);
  const { model, activations } = exposed;
  expect(activations.map(({ layer, kind, dtype }) => [layer, kind, dtype])).toEqual([
    [0, kinds[name], "float32"],
    [1, kinds[name], "float32"],
  ]);
  expect(activations.map(({ width }) => width)).toEqual([12, 12]);
  const before = await (await open(original)).run({ ids: ids() });
  const after = await (await open(model)).run({ ids: ids(), ...same(exposed) });
  expect(values(after["logits"])).toEqual(values(before["logits"]));
  expect(values(after["logits"])).toBeAllClose(golden[name].logits, close);
  for (const { layer, output } of activations)
    expect(values(after[output])).toBeAllClose(golden[name].activations[layer]!, close);
});

test.each(names)("%s, optimised, agrees to 1e-5 with masks that change nothing", async (name) => {
  const original = await fixture(`${name}.onnx`);
  const before = await (await open(original, "all")).run({ ids: ids() });
  const exposed = exposeActivations(original);
  const after = await (await open(exposed.model, "all")).run({ ids: ids(), ...same(exposed) });
  expect(values(after["logits"])).toBeAllClose([...values(before["logits"])], { absolute: 1e-5 });
});

test.each(names)("a neuron of %s that is masked is gone, by mask, by row and by delta", async (name) => {
  const exposed = exposeActivations(await fixture(`${name}.onnx`));
  const { mask, delta, output } = exposed.activations[1]!;
  const session = await open(exposed.model);
  const inputs = { ids: ids(), ...same(exposed) };
  const factors = new Float32Array(12).fill(1);
  factors[3] = 0;
  const masked = await session.run({ ...inputs, [mask!]: new Tensor("float32", factors, [12]) });
  expect(values(masked["logits"])).toBeAllClose(golden[name].ablated, close);
  // The first row alone.
  const byRow = new Float32Array(24).fill(1);
  byRow[3] = 0;
  const half = await session.run({ ...inputs, [mask!]: new Tensor("float32", byRow, [2, 1, 12]) });
  const size = golden[name].logits.length / 2;
  const expected = [...golden[name].ablated.slice(0, size), ...golden[name].logits.slice(size)];
  expect(values(half["logits"])).toBeAllClose(expected, close);
  // Taking away what the neuron was is the same again.
  const plain = await session.run(inputs);
  const taken = new Float32Array(2 * 4 * 12);
  const was = values(plain[output]);
  for (let i = 3; i < taken.length; i += 12) taken[i] = -was[i]!;
  const moved = await session.run({ ...inputs, [delta!]: new Tensor("float32", taken, [2, 4, 12]) });
  expect(values(moved["logits"])).toBeAllClose(golden[name].ablated, close);
});

/** A graph of `x → product → op → product`, by field numbers of onnx.proto3. */
function graphWith(op: string, { domain = "", element = 1, ir = 9, more = [] as readonly Field[] } = {}): Uint8Array {
  const node = (type: string, inputs: string[], output: string, from = ""): Field =>
    messageField(1, [
      ...inputs.map((name) => textField(1, name)),
      textField(2, output),
      textField(4, type),
      ...(from === "" ? [] : [textField(7, from)]),
    ]);
  const size = element === 10 ? 2 : 4;
  const weight = (name: string): Field =>
    messageField(5, [
      integerField(1, 3),
      integerField(1, 3),
      integerField(2, element),
      textField(8, name),
      bytesField(9, new Uint8Array(9 * size).fill(60)),
    ]);
  const value = (number: number, name: string): Field =>
    messageField(number, [textField(1, name), messageField(2, [messageField(1, [integerField(1, element)])])]);
  const graph = [
    node("MatMul", ["x", "w1"], "h"),
    node(op, ["h"], "a", domain),
    node("MatMul", ["a", "w2"], "y"),
    ...more,
    textField(2, "graph"),
    weight("w1"),
    weight("w2"),
    value(11, "x"),
    value(12, "y"),
  ];
  return messageOf([
    integerField(1, ir),
    messageField(8, [textField(1, ""), integerField(2, 20)]),
    messageField(8, [textField(1, "com.microsoft"), integerField(2, 1)]),
    messageField(7, graph),
  ]);
}

test.each([
  ["Gelu", ""],
  ["Gelu", "com.microsoft"],
  ["FastGelu", "com.microsoft"],
  ["QuickGelu", "com.microsoft"],
  ["Relu", ""],
])("%s of the domain '%s' is found, and runs", async (op, domain) => {
  const exposed = exposeActivations(graphWith(op, { domain }));
  const { model, activations } = exposed;
  expect(activations).toMatchObject([{ layer: 0, kind: op, output: "a", width: 3, dtype: "float32" }]);
  const session = await open(model);
  const x = new Tensor("float32", [1, 2, 3], [1, 3]);
  const whole = await session.run({ x, ...same(exposed) });
  const none = await session.run({ x, ...same(exposed), "L0.mask": new Tensor("float32", [0], [1]) });
  expect([...values(none["y"])]).toEqual([0, 0, 0]);
  expect(values(whole["a"]).some((one) => one !== 0)).toBe(true);
});

test("a classifier's activation is none of a layer's", () => {
  const node = (type: string, inputs: string[], output: string, transB = false): Field =>
    messageField(1, [
      ...inputs.map((name) => textField(1, name)),
      textField(2, output),
      textField(4, type),
      ...(transB ? [messageField(5, [textField(1, "transB"), integerField(3, 1)])] : []),
    ]);
  const weight = (name: string, ...dims: number[]): Field =>
    messageField(5, [...dims.map((size) => integerField(1, size)), integerField(2, 1), textField(8, name)]);
  const more = [
    node("Relu", ["y"], "b"),
    node("Gemm", ["b", "w3"], "z", true), // another layer, whose weight is turned round
    node("Relu", ["z"], "head"),
    node("Gemm", ["head", "w4"], "classes", true),
    weight("w3", 5, 3),
    weight("w4", 2, 5),
  ];
  const { activations } = exposeActivations(graphWith("Gelu", { more }));
  expect(activations.map(({ output, width }) => [output, width])).toEqual([
    ["a", 3],
    ["b", 3],
  ]);
});

test("halves get masks of halves", async () => {
  const exposed = exposeActivations(graphWith("Relu", { element: 10 }));
  const { model, activations } = exposed;
  expect(activations).toMatchObject([{ dtype: "float16" }]);
  const session = await open(model);
  const x = new Tensor("float16", Uint16Array.from([0x3c00, 0x3c00, 0x3c00]) as never, [1, 3]);
  const { y } = await session.run({ x, ...same(exposed) });
  const before = await (await open(graphWith("Relu", { element: 10 }))).run({ x });
  expect(y!.data).toEqual(before["y"]!.data);
});

test("only what is asked for is put in", async () => {
  const bert = await fixture("bert.onnx");
  const masked = await open(exposeActivations(bert, { outputs: false }).model);
  expect(masked.outputNames).toEqual(["logits"]);
  expect(masked.inputNames).toEqual(["ids", "L0.mask", "L0.delta", "L1.mask", "L1.delta"]);
  const read = await open(exposeActivations(bert, { masks: "none" }).model);
  expect(read.inputNames).toEqual(["ids"]);
  expect(read.outputNames).toHaveLength(3);
});

test("with defaults a session asks for nothing more", async () => {
  const bert = await fixture("bert.onnx");
  const session = await open(exposeActivations(bert, { masks: "defaults", outputs: false }).model);
  expect(session.inputNames).toEqual(["ids"]);
  const before = await (await open(bert)).run({ ids: ids() });
  expect(values((await session.run({ ids: ids() }))["logits"])).toEqual(values(before["logits"]));
});

test("what is not touched stays byte for byte", async () => {
  const bert = await fixture("bert.onnx");
  expect(messageOf(fieldsOf(bert))).toEqual(new Uint8Array(bert));
});

test("what cannot be opened is an error", async () => {
  expect(() => exposeActivations(graphWith("Softmax"))).toThrow("no activation that a product with a weight reads");
  expect(() => exposeActivations(graphWith("If"))).toThrow("what is inside of If cannot be opened");
  expect(() => exposeActivations(graphWith("QLinearSigmoid"))).toThrow("part of quantised operators (QLinearSigmoid)");
  expect(() => exposeActivations(graphWith("Gelu", { ir: 3 }), { masks: "defaults" })).toThrow("IR version 3");
  expect(exposeActivations(graphWith("Gelu", { ir: 3 }), { masks: "none" }).activations).toHaveLength(1);
  const { model } = exposeActivations(graphWith("Gelu"));
  expect(() => exposeActivations(model)).toThrow('value "L0.mask" already');
  const bert = await fixture("bert.onnx");
  expect(() => exposeActivations(bert.subarray(0, 1000))).toThrow("no ONNX model, or is cut off");
  expect(() => exposeActivations(new TextEncoder().encode("not a model"))).toThrow("no ONNX model");
  expect(() => exposeActivations(bert, { outputs: false, masks: "none" })).toThrow("stays as it is");
});
