import { around, disposeParameters, gelu, type Hook, mapParameters, random } from "@cambium/core";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { add, matMul, reshape, type Tensor, type Tensor2D, type Tensor3D, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
import { adapter } from "./adapter.ts";

test("Pfeiffer's order is LN((A(h) + f) + r) with h = LN(f + r), the norm's weights used twice", () => {
  const model = tinyModel();
  const batch = tinyBatch(model);
  const start = adapter(model, { placement: "pfeiffer", bottleneck: 3, activation: "gelu", layers: [0] }, random(1));
  const delta = {
    ...start,
    parameters: mapParameters(start.parameters, (value, name) => random(2).at(name).normal(value.shape)),
  };
  const part = (name: string): Tensor => delta.parameters.get(`encoder.layer.0.ff.adapter.${name}`)!;

  /** The block by hand: what goes into the norm is f + r. */
  const byHand: Hook = around(
    "norm",
    (site) => site.layer === 0 && site.role === "ff.norm",
    ({ input, next }) => {
      const h = next(input);
      const rows = reshape(h, [-1, 8]) as Tensor2D;
      const narrow = gelu(add(matMul(rows, part("down.weight") as Tensor2D, false, true), part("down.bias")), "none");
      const wide = add(matMul(narrow as Tensor2D, part("up.weight") as Tensor2D, false, true), part("up.bias"));
      return next(add(reshape(wide, h.shape), input) as Tensor3D);
    },
  );
  tidy(() => {
    const expected = model.forward(batch, { hooks: [byHand] }).logits!;
    expect(attach(model, delta).forward(batch).logits!).toBeAllClose(expected);
  });
  for (const tree of [start.parameters, delta.parameters, model.parameters]) disposeParameters(tree);
  disposeFields(batch);
});

test("a layer that does not exist is an error that says which there are", () => {
  const model = tinyModel();
  expect(() => adapter(model, { layers: [0, 5] }, random(1))).toThrow(
    /adapter: there is no layer 5; the model has layers 0 to 1/,
  );
  expect(() => adapter(model, { layers: [] }, random(1))).toThrow(/no layer is left/);
  disposeParameters(model.parameters);
});

test("Pfeiffer's placement is refused on a model that norms before its parts", () => {
  const model = tinyModel();
  const normsFirst = { ...model, sites: () => [...model.sites()].reverse() };
  expect(() => adapter(normsFirst, { placement: "pfeiffer" }, random(1))).toThrow(/needs a model that norms after/);
  disposeParameters(model.parameters);
});
