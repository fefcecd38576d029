/** Adapters that PEFT wrote, on their own model and on a later one: see delta's fixtures. */
import { readFileSync } from "node:fs";
import { disposeParameters } from "@cambium/core";
import { attach, loadAdapter, merge } from "@cambium/delta";
import { type HeadConfig, loadModel } from "@cambium/models";
import { expectClose, tinyBatch } from "@cambium/models/testing";
import { dispose, sub, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { later } from "../versions.fixture.ts";
import { recycle } from "./recycle.ts";

const packages = new URL("../../../", import.meta.url).pathname;
const adapters = `${packages}delta/fixtures/adapters/`;
const classes: HeadConfig = { kind: "sequence-classification", labels: ["LABEL_0", "LABEL_1", "LABEL_2"] };

async function open(name: string) {
  const { base: path } = JSON.parse(readFileSync(`${adapters}${name}/expected.json`, "utf8")) as { base: string };
  const base = await loadModel(`${packages}${path}`, {
    head: name.startsWith("gpt2") ? { kind: "causal-lm" } : classes,
  });
  const delta = await loadAdapter(base, `${adapters}${name}`);
  return { base, delta, old: attach(base, delta) };
}

test.each([
  "bert-adalora",
  "bert-dora",
  "bert-lora-biases",
  "bert-modules-norms",
  "bert-oft",
  "bert-ptuning",
  "bert-tokens",
  "bert-vera",
  "gpt2-embeddings",
  "gpt2-lora",
])("%s is what it was on its own model, and a change of the later one there", async (name) => {
  const { base, delta, old } = await open(name);
  const next = later(base, 0.01);
  const batch = tinyBatch(base);
  const [same, moved] = [
    await recycle(old, base, { method: "initialise" }),
    await recycle(old, next, { method: "initialise" }),
  ];
  tidy(() => {
    const expected = old.forward(batch).logits!;
    expectClose(same.forward(batch).logits!, expected, { absolute: 2e-4 });
    const [far, bare] = [moved.forward(batch).logits!, next.forward(batch).logits!];
    expect(far.shape).toEqual(expected.shape);
    if (`${bare.shape}` === `${far.shape}`) expect(Math.max(...differences(far, bare))).toBeGreaterThan(1e-4);
  });
  dispose(batch as unknown as Tensor[]);
  for (const tree of [delta.parameters, delta.buffers, delta.state, base.parameters, next.parameters])
    disposeParameters(tree);
  for (const { parameters } of [same, moved]) disposeParameters(parameters);
});

const differences = (a: Tensor, b: Tensor): number[] => [...sub(a, b).dataSync()].map(Math.abs);

test("merged, it is the new model's weights and the adapter's product", async () => {
  const { base, delta, old } = await open("gpt2-lora");
  const next = later(base, 0.01);
  const moved = await recycle(old, next, { method: "initialise" });
  const [onOld, onNew] = [merge(old), merge(moved)];
  for (const [name, tensor] of base.parameters)
    tidy(() =>
      expectClose(
        sub(onNew.parameters.get(name)!, next.parameters.get(name)!),
        sub(onOld.parameters.get(name)!, tensor),
        { absolute: 1e-5 },
      ),
    );
  for (const { parameters } of [base, next, delta, moved, onOld, onNew]) disposeParameters(parameters);
});
