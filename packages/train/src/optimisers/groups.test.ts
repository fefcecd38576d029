import type { Parameters } from "@cambium/core";
import { type Tensor, tensor, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { adamW } from "./adam.ts";
import { isDecayed, settingsOf } from "./groups.ts";
import { sgd } from "./sgd.ts";

const tree = (shapes: Record<string, number[]>): Parameters =>
  new Map(
    Object.entries(shapes).map(([name, shape]): [string, Tensor] => [
      name,
      tensor(new Array(shape.reduce((a, b) => a * b, 1)).fill(1), shape),
    ]),
  );

test.each([
  ["encoder.layer.0.attention.self.query.weight", [8, 8], true],
  ["lora/encoder.layer.0.attention.self.query.lora_A.weight", [2, 8], true],
  ["lora/rank.one.lora_A.weight", [1, 8], true],
  ["embeddings.word_embeddings.weight", [100, 8], true],
  ["encoder.layer.0.attention.self.query.bias", [8], false],
  ["encoder.layer.0.output.LayerNorm.weight", [8], false],
  ["h.0.ln_1.weight", [8], false],
  ["ia3/encoder.layer.0.attention.self.key.ia3_l", [8, 1], false],
  ["ia3/wide.ia3_l", [8, 8], false],
  ["model.layers.0.input_layernorm.weight", [8, 8], false],
  ["adapter.down.bias", [2, 4], false],
  ["gate", [], false],
])("decay by default: %s %j is %j", (name, shape, expected) => {
  expect(isDecayed(name, shape)).toBe(expected);
});

test("the first matching group counts, and what it leaves out keeps its default", () => {
  tidy(() => {
    const parameters = tree({ "head.weight": [2, 2], "head.bias": [2], "body.weight": [2, 2] });
    const groups = [
      { match: (name: string) => name === "head.bias", weightDecay: 0.5 },
      { match: /^head\./, learningRateFactor: 10 },
    ];
    expect(Object.fromEntries(settingsOf(parameters, groups, 0.1))).toEqual({
      "head.weight": { learningRateFactor: 10, weightDecay: 0.1 },
      "head.bias": { learningRateFactor: 1, weightDecay: 0.5 },
      "body.weight": { learningRateFactor: 1, weightDecay: 0.1 },
    });
  });
});

test("a pattern with a global flag matches every time", () => {
  tidy(() => {
    const settings = settingsOf(tree({ aa: [1], ab: [1] }), [{ match: /a/g, weightDecay: 7 }], 0);
    expect([...settings.values()].map(({ weightDecay }) => weightDecay)).toEqual([7, 7]);
  });
});

test("a factor of ten makes steps ten times as long", () => {
  tidy(() => {
    const parameters = tree({ slow: [2], fast: [2] });
    const optimiser = sgd({ learningRate: 0.01, groups: [{ match: /fast/, learningRateFactor: 10 }] });
    const moved = optimiser.update(parameters, optimiser.init(parameters), parameters).parameters;
    expect(moved.get("slow")!).toBeAllClose([0.99, 0.99]);
    expect(moved.get("fast")!).toBeAllClose([0.9, 0.9]);
  });
});

test("a group that matches nothing is an error that shows some names", () => {
  tidy(() => {
    const optimiser = adamW({ learningRate: 1, groups: [{ match: /^haed/ }] });
    expect(() => optimiser.init(tree({ "head.weight": [2] }))).toThrow(
      "adamW: group 0 (/^haed/) matches none of the 1 parameters, such as head.weight",
    );
  });
});
