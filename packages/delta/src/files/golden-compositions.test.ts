/** AdapterFusion and UniPELT against the adapters library: see fixtures/README.md. */
import { readFileSync } from "node:fs";
import { around, disposeParameters, type Parameters, random, valueAndGradients } from "@cambium/core";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import { disposeFields } from "@cambium/models/testing";
import { add, type Tensor, type Tensor3D, tensor } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { attach, type Tuned } from "../attach.ts";
import type { Delta } from "../delta.ts";
import { type AdapterConfig, adapter, adapterFusion, lora, prefix } from "../methods/index.ts";
import { type GoldenBatch, type GoldenTensor, goldenBatch, loadGoldenBase } from "./golden.fixture.ts";

interface Composition {
  readonly adapters?: Readonly<Record<string, Member>>;
  readonly tensors: Readonly<Record<string, GoldenTensor>>;
  readonly logits: number[];
  readonly loss: number;
  readonly gradients: Readonly<Record<string, GoldenTensor>>;
}

interface Member {
  readonly activation: "relu" | "tanh";
  readonly bottleneck: number;
  readonly scale: number;
  readonly tensors: Readonly<Record<string, GoldenTensor>>;
}

const golden = JSON.parse(
  readFileSync(new URL("../../fixtures/compositions.json", import.meta.url), "utf8"),
) as Readonly<Record<string, Composition>> & { readonly base: string; readonly batch: GoldenBatch };

let base: LanguageModel;
let batch: TokenBatch;
const owned: Parameters[] = [];
beforeEach(async () => {
  base = await loadGoldenBase(golden.base);
  batch = goldenBatch(golden.batch);
});
afterEach(() => {
  disposeParameters(base.parameters);
  disposeFields(batch);
  for (const tree of owned.splice(0)) disposeParameters(tree);
});

/** The values of a file in place of a tree's, of the same names and shapes. */
function valued(tree: Parameters, values: Readonly<Record<string, GoldenTensor>>): Map<string, Tensor> {
  const read = new Map<string, Tensor>();
  for (const [name, { shape }] of tree) {
    const given = values[name]!;
    expect([name, given.shape]).toEqual([name, shape]);
    read.set(name, tensor(given.values, [...shape]));
  }
  owned.push(tree, read);
  return read;
}

/** A delta at the values of a file. */
function at<Config>(delta: Delta<Config>, values: Readonly<Record<string, GoldenTensor>>): Delta<Config> {
  owned.push(delta.buffers);
  return { ...delta, parameters: valued(delta.parameters, values) };
}

/** Logits to 1e-4; the loss without penalties, and its gradients to 1e-3, all of them. */
function expectComposition(tuned: Tuned<LanguageModel>, expected: Composition): void {
  const output = tuned.forward(batch);
  expect([...output.logits!.dataSync()]).toBeAllClose(expected.logits, { absolute: 1e-4, relative: 1e-4 });
  disposeFields(output);
  const context = { random: random(1), training: false };
  const { value, gradients } = valueAndGradients((q) => tuned.loss(q, batch, context), tuned.parameters);
  expect(value.dataSync()[0]).toBeCloseTo(expected.loss, 4);
  const names = [...gradients.keys()].map((name) => name.slice(name.indexOf("/") + 1));
  expect(names.sort()).toEqual(Object.keys(expected.gradients).sort());
  for (const [name, gradient] of gradients) {
    const values = expected.gradients[name.slice(name.indexOf("/") + 1)]!.values;
    expect([...gradient.dataSync()]).toBeAllClose(values, { absolute: 1e-4, relative: 1e-3 });
  }
  value.dispose();
  disposeParameters(gradients);
}

function fuse(placement: "pfeiffer" | "houlsby" | "parallel"): [Tuned<LanguageModel>, Composition] {
  const expected = golden[`fusion-${placement}`]!;
  const adapters: Record<string, Delta<AdapterConfig>> = {};
  for (const [name, { tensors, ...settings }] of Object.entries(expected.adapters!))
    adapters[name] = at(adapter(base, { placement, ...settings }, random(1)), tensors);
  const fusion = adapterFusion(base, { adapters, regularisation: 0 }, random(2));
  return [attach(base, at(fusion, expected.tensors)), expected];
}

test.each(["pfeiffer", "houlsby"] as const)(
  "a fusion of two %s adapters does what it does in the adapters library, its gradients too",
  (placement) => expectComposition(...fuse(placement)),
);

test("a fusion of parallel adapters does what it does in the adapters library, but for the input, which is added twice there", () => {
  const [tuned, { logits }] = fuse("parallel");
  const twice = around(
    "sublayer",
    ({ role }) => role === "ff",
    ({ input, next }) => add(next(input), input) as Tensor3D,
  );
  const output = tuned.forward(batch, { hooks: [twice] });
  expect([...output.logits!.dataSync()]).toBeAllClose(logits, { absolute: 1e-4, relative: 1e-4 });
  disposeFields(output);
});

test("UniPELT's gates on a prefix, an adapter and a LoRA, padding included, are those of the adapters library", () => {
  const { unipelt: expected } = golden as Readonly<Record<string, Composition>>;
  const parts = [
    prefix(base, { length: 3, gate: true }, random(1)),
    adapter(base, { placement: "pfeiffer", bottleneck: 3, activation: "relu", gate: true }, random(2)),
    lora(base, { rank: 2, gate: true }, random(3)), // the library has the gate in place of a scale, here it is one
  ].map((part) => at(part as Delta, expected!.tensors));
  expectComposition(attach(base, ...parts), expected!);
});
