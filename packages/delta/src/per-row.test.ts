import { memory } from "@cambium/base";
import { disposeParameters, mapParameters, type Parameters, random, valueAndGradients } from "@cambium/core";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { add, mul, profile, slice, type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { afterEach, expect, test } from "vitest";
import { attach } from "./attach.ts";
import type { Delta } from "./delta.ts";
import { saveAdapter } from "./files/save-adapter.ts";
import { merge } from "./merge.ts";
import { adapter, type LoraOptions, lora } from "./methods/index.ts";
import { perRow, rowsOf } from "./per-row.ts";

const made: Parameters[] = [];
afterEach(() => {
  for (const parameters of made.splice(0)) disposeParameters(parameters);
});

function own<D extends { readonly parameters: Parameters }>(owner: D): D {
  made.push(owner.parameters);
  return owner;
}

/** A LoRA away from its start. */
function trained(model: LanguageModel, options: LoraOptions, seed: number): Delta {
  const delta = own(lora(model, options, random(seed)));
  const parameters = mapParameters(delta.parameters, (value, name) =>
    tidy(() => add(value, mul(random(seed).at(name).normal(value.shape), 0.3))),
  );
  return own({ ...delta, parameters });
}

/** One row of a batch. */
function rowOf(batch: TokenBatch, row: number): TokenBatch {
  const fields = Object.entries(batch).map(([name, value]) => [
    name,
    slice(value as Tensor, [row, ...value.shape.slice(1).map(() => 0)], [1, ...value.shape.slice(1)]),
  ]);
  return Object.fromEntries(fields) as TokenBatch;
}

test.each(["bert", "roberta", "gpt2", "t5"])("every row is as if it ran alone with its delta (%s)", (type) => {
  const model = own(tinyModel({ type, dropout: 0 }));
  const style = trained(model, { rank: 2, alpha: 5, targets: "all-linear" }, 1);
  const facts = trained(model, { rank: 3 }, 2);
  const mixed = attach(model, perRow({ style, facts }));
  const batch = tinyBatch(model);
  tidy(() => {
    const rows = rowsOf(perRow({ style, facts }), ["facts", undefined, "style"]);
    const together = mixed.forward({ ...batch, rows }).logits!;
    [attach(model, facts), model, attach(model, style)].forEach((alone, row) => {
      const expected = alone.forward(rowOf(batch, row)).logits!;
      const received = slice(together, [row, ...together.shape.slice(1).map(() => 0)], expected.shape);
      // Sums of other sizes: a few units in the last place.
      expect(received).toBeAllClose(expected, { absolute: 2e-5, relative: 2e-5 });
    });
    expect(mixed.forward(batch).logits!.dataSync()).toEqual(model.forward(batch).logits!.dataSync());
  });
  disposeFields(batch);
});

test("parts of a fused layer are told apart by rows too", () => {
  const model = own(tinyModel({ type: "gpt2", dropout: 0 }));
  const [a, b] = [trained(model, { targets: "attn.q" }, 1), trained(model, { targets: ["attn.k", "attn.v"] }, 2)];
  const batch = tinyBatch(model);
  tidy(() => {
    const rows = rowsOf(perRow({ a, b }), ["b", "a", "b"]);
    const together = attach(model, perRow({ a, b })).forward({ ...batch, rows }).logits!;
    const expected = attach(model, b).forward(rowOf(batch, 2)).logits!;
    expect(slice(together, [2, 0], expected.shape)).toBeAllClose(expected, { absolute: 2e-5, relative: 2e-5 });
  });
  disposeFields(batch);
});

test("gradients of a mixed batch are those of its rows, each in the delta that the row names", () => {
  const model = own(tinyModel({ dropout: 0 }));
  const [style, facts] = [trained(model, { rank: 2 }, 1), trained(model, { rank: 3 }, 2)];
  const batch = tinyBatch(model);
  const rows = rowsOf(perRow({ style, facts }), ["style", "style", "style"]);
  const context = { random: random(1), training: false };
  const mixed = attach(model, perRow({ style, facts }));
  const alone = attach(model, style);
  const [both, one] = [
    valueAndGradients((at) => mixed.loss(at, { ...batch, rows }, context), mixed.parameters),
    valueAndGradients((at) => alone.loss(at, batch, context), alone.parameters),
  ];
  for (const [name, gradient] of both.gradients) {
    const [, member, ...rest] = name.split("/");
    const expected = one.gradients.get(`lora/${rest.join("/")}`);
    if (member === "style") expect(gradient).toBeAllClose(expected!, { absolute: 1e-6, relative: 1e-4 });
    else expect(Math.max(...gradient.dataSync().map(Math.abs))).toBe(0);
  }
  for (const { value, gradients } of [both, one]) {
    value.dispose();
    disposeParameters(gradients);
  }
  rows.dispose();
  disposeFields(batch);
});

test("there are two products for a layer, however many deltas there are to choose from", async () => {
  const model = own(tinyModel({ dropout: 0 }));
  const deltas = Object.fromEntries(
    [1, 2, 3, 4, 5, 6].map((seed) => [`d${seed}`, trained(model, { rank: seed }, seed)]),
  );
  const few = Object.fromEntries(Object.entries(deltas).slice(0, 2));
  const batch = tinyBatch(model);
  const productsOf = async (run: () => Tensor): Promise<number> => {
    const { kernels, result } = await profile(() => tidy(run));
    (result as Tensor).dispose();
    return kernels.filter(({ name }) => name.includes("MatMul")).length;
  };
  const rows = rowsOf(perRow(few), ["d1", "d2", "d1"]);
  const plain = await productsOf(() => model.forward(batch).logits!);
  for (const some of [few, deltas]) {
    const mixed = attach(model, perRow(some));
    const layers = 2 * 2;
    expect(await productsOf(() => mixed.forward({ ...batch, rows }).logits!)).toBe(plain + 2 * layers);
  }
  rows.dispose();
  disposeFields(batch);
});

test("what cannot be told apart by rows, merged or saved is refused with the reason", async () => {
  const model = own(tinyModel());
  const style = trained(model, {}, 1);
  expect(() => perRow({ style, other: own(adapter(model, {}, random(1))) })).toThrow(
    /perRow: delta "other" is of the method "adapter", which acts on whole batches; run its rows alone/,
  );
  expect(() => perRow({})).toThrow(/pass deltas by name/);
  expect(() => perRow({ style, other: trained(model, { dropout: 0.1 }, 2) }).hooks(style)).toThrow(/need one dropout/);
  expect(() => rowsOf(perRow({ style }), ["stlye"])).toThrow(/row 0 names "stlye"; there are style/);
  const mixed = attach(model, perRow({ style }));
  expect(() => merge(mixed)).toThrow(/"perRow"/);
  await expect(saveAdapter(mixed, memory())).rejects.toThrow(/save each by its name alone/);
  const batch = tinyBatch(model);
  tidy(() => {
    const rows = rowsOf(perRow({ style }), ["style"]);
    expect(() => mixed.forward({ ...batch, rows })).toThrow(/the batch names a delta for 1 rows/);
  });
  disposeFields(batch);
});

test.each([-2, 2])("a row that names delta %d of two is an error, and never another delta", (number) => {
  const model = own(tinyModel({ dropout: 0 }));
  const mixed = attach(model, perRow({ style: trained(model, {}, 1), facts: trained(model, {}, 2) }));
  const batch = tinyBatch(model);
  tidy(() => {
    const rows = tensor1d([0, number, -1], "int32");
    expect(() => mixed.forward({ ...batch, rows })).toThrow(
      `perRow: a row names delta ${number}; there are the numbers 0 to 1`,
    );
  });
  disposeFields(batch);
});
