import { disposeParameters } from "@cambium/core";
import { tinyModel } from "@cambium/models/testing";
import { expect, test } from "vitest";
import { describeTargets, formatTargets } from "./describe.ts";
import { lora } from "./methods/lora.ts";
import { prefix } from "./methods/prefix.ts";

test("a dry run lists places, shapes and counts, and leaves nothing behind", () => {
  const model = tinyModel();
  const report = describeTargets(model, lora, { rank: 2, targets: ["attn.q"], layers: [1] });
  expect(report).toEqual({
    rows: [
      {
        path: "encoder.layer.1.attention.self.query",
        role: "attn.q",
        layer: 1,
        weight: [8, 8],
        trained: { "lora_A.weight": [2, 8], "lora_B.weight": [8, 2] },
        count: 32,
      },
    ],
    trained: 32,
    total: [...model.parameters.values()].reduce((count, { size }) => count + size, 0),
  });
  disposeParameters(model.parameters);
});

test("a parameter of no module stands under its own name", () => {
  const model = tinyModel();
  expect(describeTargets(model, prefix, { length: 2 }).rows).toEqual([
    { path: "prompt_embeddings", trained: { prompt_embeddings: [2, 32] }, count: 64 },
  ]);
  disposeParameters(model.parameters);
});

test("the table prints one line for each place and a sum", () => {
  const model = tinyModel();
  expect(formatTargets(describeTargets(model, lora, { rank: 2, targets: ["ff.up"] }))).toMatchInlineSnapshot(`
    "module                              role   weight   trained                                      count
    encoder.layer.0.intermediate.dense  ff.up  [12, 8]  lora_A.weight [2, 8], lora_B.weight [12, 2]     40
    encoder.layer.1.intermediate.dense  ff.up  [12, 8]  lora_A.weight [2, 8], lora_B.weight [12, 2]     40
    trains 80 scalars beside 1,539 (5.20 %)"
  `);
  disposeParameters(model.parameters);
});
