import { memory } from "@cambium/base";
import { around, disposeParameters, random } from "@cambium/core";
import { tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { saveGguf } from "./gguf/save-gguf.ts";
import { replicateLayers } from "./replicate-layers.ts";
import { saveModel } from "./save.ts";
import { disposeFields, tinyBatch, tinyModel } from "./testing/index.ts";
import { viewModel } from "./view.ts";
import { withHead } from "./with-head.ts";

test.each(["bert", "distilbert", "gpt2", "llama", "t5"])(
  "a %s without a block is the model with that block skipped",
  (type) => {
    const model = tinyModel({ type });
    const batch = tinyBatch(model);
    const block = model.sites().findLast(({ kind }) => kind === "block")!;
    const view = viewModel(model, { without: [block.path] });
    tidy(() => {
      const skip = around(
        "block",
        ({ path }) => path === block.path,
        ({ input }) => input,
      );
      const expected = model.forward(batch, { hooks: [skip] }).logits!.dataSync();
      expect(view.forward(batch).logits!.dataSync()).toEqual(expected);
      expect(view.loss!(batch).dataSync()).toEqual(model.loss!(batch, { hooks: [skip] }).dataSync());
      // A hook on what is left out does nothing.
      const wrong = around(
        "block",
        ({ path }) => path === block.path,
        () => {
          throw new Error("visited");
        },
      );
      expect(view.forward(batch, { hooks: [wrong] }).logits!.dataSync()).toEqual(expected);
    });
    expect(view.sites().some(({ path }) => path.startsWith(block.path))).toBe(false);
    expect([...view.parameters.keys()].filter((name) => name.startsWith(`${block.path}.`))).toEqual([]);
    expect(viewModel(model, { without: [] }).parameters).toEqual(model.parameters);
    disposeParameters(model.parameters);
    disposeFields(batch);
  },
);

test("what would make another model of a view refuses it", async () => {
  const model = tinyModel({ type: "llama" });
  const view = viewModel(model, { without: ["model.layers.1"] });
  await expect(saveModel(view, memory())).rejects.toThrow(/saveModel: this is a view/);
  await expect(saveGguf(view, memory())).rejects.toThrow(/saveGguf: this is a view/);
  expect(() => replicateLayers(view, [[0, 1]])).toThrow(/is a view/);
  expect(() => withHead(view, { kind: "causal-lm" }, random(1))).toThrow(/is a view/);
  expect(() => viewModel(view, { without: [] })).toThrow(/is a view/);
  expect(() => viewModel(model, { without: ["model.layers.9"] })).toThrow(/has no model.layers.9/);
  disposeParameters(model.parameters);
});
