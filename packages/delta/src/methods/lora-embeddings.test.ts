import { disposeParameters, mapParameters, type Parameters, random } from "@cambium/core";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { add, matMul, mul, tidy, transpose } from "@tensorflow/tfjs-core";
import { afterEach, expect, test } from "vitest";
import { attach } from "../attach.ts";
import { combine } from "../combine/combine.ts";
import { padLora } from "../combine/pad-lora.ts";
import type { Delta } from "../delta.ts";
import { merge } from "../merge.ts";
import { perRow } from "../per-row.ts";
import { scaled } from "../scaled.ts";
import { dora } from "./dora.ts";
import { type LoraConfig, type LoraOptions, lora } from "./lora.ts";
import { prompt } from "./prompt.ts";

const made: Parameters[] = [];
afterEach(() => {
  for (const tree of made.splice(0)) disposeParameters(tree);
});
const own = <D extends { readonly parameters: Parameters }>(owner: D): D => {
  made.push(owner.parameters);
  return owner;
};

function trained(model: LanguageModel, options: LoraOptions, seed = 1): Delta<LoraConfig> {
  const delta = own(lora(model, options, random(seed)));
  const parameters = mapParameters(delta.parameters, (value, name) =>
    tidy(() => add(value, random(seed).at(name).normal(value.shape, 0, 0.3))),
  );
  return own({ ...delta, parameters });
}

function logitsOf(model: Pick<LanguageModel, "forward">, batch: TokenBatch): number[] {
  return tidy(() => Array.from(model.forward(batch).logits!.dataSync()));
}

test("a table's rows get s · B A, by hand", () => {
  const model = own(tinyModel());
  const batch = tinyBatch(model);
  const delta = trained(model, { targets: "embed", rank: 2, alpha: 6, rsLora: true });
  const table = "embeddings.word_embeddings";
  const [a, b] = ["A", "B"].map((which) => delta.parameters.get(`${table}.lora_embedding_${which}`)!);
  const [vocabulary, width] = model.parameters.get(`${table}.weight`)!.shape;
  expect([a!.shape, b!.shape]).toEqual([
    [2, vocabulary],
    [width, 2],
  ]);
  const changed = tidy(() =>
    add(model.parameters.get(`${table}.weight`)!, transpose(mul(matMul(b! as never, a! as never), 6 / Math.sqrt(2)))),
  );
  const parameters = new Map([...model.parameters, [`${table}.weight`, changed]]);
  const expected = tidy(() => Array.from(model.forward(batch, { parameters }).logits!.dataSync()));
  expect(logitsOf(attach(model, delta), batch)).toBeAllClose(expected, { absolute: 1e-5 });
  changed.dispose();
  disposeFields(batch);
});

test("rows of a prompt in front of the words stay as they are, whichever of the two comes first", () => {
  const model = own(tinyModel());
  const batch = tinyBatch(model);
  const table = trained(model, { targets: "word_embeddings", rank: 2 });
  const rows = own(prompt(model, { length: 3 }, random(2)));
  expect(logitsOf(attach(model, rows, table), batch)).toEqual(logitsOf(attach(model, table, rows), batch));
  disposeFields(batch);
});

test.each([
  ["gpt2", { kind: "causal-lm" }, "wte"],
  ["t5", { kind: "sequence-to-sequence" }, "embed_tokens"],
] as const)("what %s shares with its table sees none of the change, so that it is not merged", (type, head, name) => {
  const model = own(tinyModel({ type, head }));
  const tuned = attach(model, trained(model, { targets: name, rank: 2 }));
  expect(() => merge(tuned)).toThrow(expect.objectContaining({ code: "CONFIG" }));
});

test("expressions, predicates and all-linear mean no table, and other methods have none", () => {
  const model = own(tinyModel());
  for (const targets of [/.*/, () => true, "all-linear"] as const) {
    const delta = own(lora(model, { targets, rank: 1 }, random(1)));
    expect([...delta.parameters.keys()].filter((name) => name.includes("embedding"))).toEqual([]);
  }
  expect(() => dora(model, { targets: "word_embeddings" }, random(1))).toThrow(/no layer answers to the target/);
  expect(() => lora(model, { targets: "embed", init: "pissa" }, random(1))).toThrow(
    /init "pissa" is for linear layers, and embeddings.word_embeddings is a table/,
  );
  expect(() => lora(model, { targets: "embed", loraBias: true }, random(1))).toThrow(/loraBias is for linear layers/);
});

test("such LoRAs are combined, padded and scaled, and refused where rows name their delta", async () => {
  const model = own(tinyModel());
  const batch = tinyBatch(model);
  const one = trained(model, { targets: ["embed", "attn.v"], rank: 2, alpha: 5 });
  const other = trained(model, { targets: ["embed"], rank: 1 }, 2);
  const expected = logitsOf(attach(model, one), batch);
  for (const method of ["cat", "svd", "linear"] as const) {
    const same = own(await combine([[one, 1]], { method }));
    expect(logitsOf(attach(model, same), batch)).toBeAllClose(expected, { absolute: 2e-5, relative: 2e-5 });
  }
  const both = own(
    await combine([
      [one, 1],
      [other, 1],
    ]),
  ); // prettier-ignore
  const stacked = attach(model, { ...one, name: "one" }, { ...other, name: "other" });
  expect(logitsOf(attach(model, both), batch)).toBeAllClose(logitsOf(stacked, batch), {
    absolute: 2e-5,
    relative: 2e-5,
  });
  const padded = own(padLora(one, { rank: 4, targets: ["embed", "attn.q", "attn.v"] }));
  expect(logitsOf(attach(model, padded), batch)).toBeAllClose(expected, { absolute: 2e-5, relative: 2e-5 });
  const merged = own(merge(attach(model, one)));
  const back = own(merge(attach(merged, scaled(one, -1))));
  expect(logitsOf(back, batch)).toBeAllClose(logitsOf(model, batch), { absolute: 2e-5, relative: 2e-5 });
  expect(() => attach(model, perRow({ one, other }))).toThrow(
    /a LoRA with the table .* among its targets acts on whole/,
  );
  disposeFields(batch);
});
