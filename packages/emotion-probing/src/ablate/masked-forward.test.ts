import { around, disposeParameters } from "@cambium/core";
import { type LanguageModel, scaleUnits, type Unit } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { dispose, memory, tensor3d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { maskedForward, type UnitSet } from "./masked-forward.ts";

const close = { absolute: 1e-6, relative: 1e-5 }; // batches of other sizes may sum in another order

test.each(["bert", "distilbert", "gpt2", "llama", "t5"])(
  "%s: many sets at once are each set alone, and what lies before the first changed layer is shared",
  (type) => {
    const model = tinyModel({ type, dropout: 0 });
    const batch = tinyBatch(model);
    const stack = type === "t5" ? ({ stack: "decoder" } as const) : {};
    const unit = (layer: number, index: number): Unit => ({ ...stack, layer, unit: index });
    const last = Math.max(...model.sites().map(({ layer }) => layer ?? 0));
    const sets: readonly (UnitSet & { readonly factor?: number })[] = [
      { units: [unit(last, 1), unit(last, 5)] },
      { units: [unit(0, 2), unit(last, 0)], factor: 0.5 },
      { units: [] },
      { units: [unit(last, 3)], factor: 0 },
      { units: [unit(0, 7)] },
    ];
    const before = memory().numTensors;
    const together = maskedForward("test", model, sets, { most: 2 });
    const found = together.run(batch, (output) => output.logits!);
    sets.forEach(({ units, factor = 0 }, i) => {
      tidy(() => {
        const alone = model.forward(batch, { hooks: [scaleUnits("ff.act", units, factor)] }).logits!;
        expect(found[i]).toBeAllClose(alone, close);
      });
    });
    dispose(found);
    expect(memory().numTensors).toBe(before);
    const [size, blocks] = [3, model.sites().filter(({ role }) => role === "block").length];
    let visits = 0;
    const counter = around(
      "block",
      () => true,
      ({ input, next }) => {
        visits += input.shape[0];
        return next(input);
      },
    );
    dispose(maskedForward("test", model, sets, { most: 2, hooks: [counter] }).run(batch, (output) => output.logits!));
    // The hook that skips stands outside, so that skipped blocks are not counted.
    expect(visits).toBe(together.blockVisits(size));
    // Two sets begin in the first block (of the decoder, behind the encoder's), two in the last; the empty one shares all.
    const fromFirst = type === "t5" ? blocks / 2 : blocks;
    expect(visits).toBe(size * (blocks + 2 * fromFirst + 2));
    disposeFields(batch);
    disposeParameters(model.parameters);
  },
);

test("a reading that fails in a later pass leaves nothing of the earlier ones", () => {
  const model: LanguageModel = tinyModel({ type: "bert", dropout: 0 });
  const batch = tinyBatch(model);
  const before = memory().numTensors;
  const forward = maskedForward("test", model, [{ units: [] }, { units: [{ layer: 0, unit: 1 }] }], { most: 1 });
  let passes = 0;
  const read = (output: { logits?: import("@tensorflow/tfjs-core").Tensor }) => {
    if (passes++ > 0) throw new Error("no reading");
    return output.logits!;
  };
  expect(() => forward.run(batch, read)).toThrow("no reading");
  expect(memory().numTensors).toBe(before);
  disposeFields(batch);
  disposeParameters(model.parameters);
});

test("offsets set units to values of their own, and an order borrows them from other examples", () => {
  const model: LanguageModel = tinyModel({ type: "bert", dropout: 0 });
  const batch = tinyBatch(model);
  const units = [
    { layer: 1, unit: 4 },
    { layer: 1, unit: 2 },
  ];
  const [set, own] = maskedForward("test", model, [
    { units, offset: [3, -1] },
    { units, order: [0, 1, 2] },
  ]).run(batch, (output) => output.logits!);
  tidy(() => {
    const asSet = around(
      "activation",
      ({ layer }) => layer === 1,
      ({ input, next }) => {
        const x = next(input);
        const values = x.arraySync();
        for (const row of values) for (const token of row) [token[4], token[2]] = [3, -1];
        return tensor3d(values);
      },
    );
    expect(set).toBeAllClose(model.forward(batch, { hooks: [asSet] }).logits!, close);
    expect(own).toBeAllClose(model.forward(batch).logits!, close);
  });
  dispose([set!, own!]);
  disposeFields(batch);
  disposeParameters(model.parameters);
});

test("units that do not exist are errors", () => {
  const model = tinyModel({ type: "t5", dropout: 0 });
  const run = (unit: Unit, role = "ff.act") => maskedForward("test", model, [{ units: [unit] }], { role });
  expect(() => run({ layer: 0, unit: 1 })).toThrow("in both stacks");
  expect(() => run({ stack: "decoder", layer: 9, unit: 1 })).toThrow("no layer 9");
  expect(() => run({ stack: "decoder", layer: 0, unit: 99 })).toThrow("got unit 99");
  expect(() => run({ stack: "decoder", layer: 0, unit: 0 }, "attn.core")).toThrow("with units in their last axis");
  disposeParameters(model.parameters);
});
