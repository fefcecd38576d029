import { createScope, disposeParameters, type Model, random, type Site } from "@cambium/core";
import { tinyModel } from "@cambium/models/testing";
import { ones, type Tensor, tensor2d, tidy, zeros } from "@tensorflow/tfjs-core";
import { afterEach, expect, test } from "vitest";
import { attach } from "../attach.ts";
import { merge } from "../merge.ts";
import { lora } from "./lora.ts";

const site: Site = {
  kind: "linear",
  path: "q",
  role: "attn.q",
  width: 2,
  weight: { name: "q.weight", layout: "out,in" },
};
const weight = tensor2d([
  [1, 2],
  [3, 4],
]);

/** One linear layer of two by two. */
const oneLayer: Model<Tensor, Tensor> = {
  config: {},
  parameters: new Map([["q.weight", weight]]),
  sites: () => [site],
  forward: (input, { hooks = [], parameters = oneLayer.parameters } = {}) =>
    tidy(() =>
      createScope(parameters, { hooks, training: false, random: random(0), sites: [site] }).linear("q", input),
    ),
};

const owned: Tensor[] = [];
afterEach(() => {
  for (const tensor of owned.splice(0)) tensor.dispose();
});
const own = (rows: number[][]): Tensor => {
  const made = tensor2d(rows);
  owned.push(made);
  return made;
};

test.each([
  ["alpha / rank", { rank: 1, alpha: 3 }, 3],
  ["alpha / √rank with rank-stabilised scaling", { rank: 1, alpha: 3, rsLora: true }, 3],
])("a layer gives W x + s · B A x by hand, s = %s", (_, options, scale) => {
  const delta = lora(oneLayer, { targets: "attn.q", ...options }, random(1));
  const tuned = attach(oneLayer, delta).with(
    new Map([
      ["lora/q.lora_A.weight", own([[1, -1]])],
      ["lora/q.lora_B.weight", own([[2], [5]])],
    ]),
  );
  const x = own([[10, 7]]);
  const y = tuned.forward(x);
  // W x = [24, 58]; A x = 3; B A x = [6, 15].
  expect(y).toBeAllClose([[24 + scale * 6, 58 + scale * 15]]);
  const merged = merge(tuned);
  expect(merged.parameters.get("q.weight")!).toBeAllClose([
    [1 + scale * 2, 2 - scale * 2],
    [3 + scale * 5, 4 - scale * 5],
  ]);
  y.dispose();
  disposeParameters(merged.parameters);
  disposeParameters(delta.parameters);
});

test.each([
  [{ rank: 4, alpha: 6 }, 6 / 4],
  [{ rank: 4, alpha: 6, rsLora: true }, 6 / 2],
  [{ rank: 4 }, 1],
  [{ rank: 8, alpha: 6, rsLora: true, rankPattern: { q: 4 } }, 6 / 2],
  [{ rank: 4, alpha: 6, alphaPattern: { "q|k": 10 } }, 10 / 4],
])("the scale of %j is %f", (options, scale) => {
  const delta = lora(oneLayer, { targets: "attn.q", ...options }, random(1));
  const rows = delta.parameters.get("q.lora_A.weight")!.shape[0]!;
  const changed = tidy(() => {
    const factors = new Map([
      ["q.lora_A.weight", ones([rows, 2])],
      ["q.lora_B.weight", ones([2, rows])],
    ]);
    const merged = delta.merge!(new Map([["q.weight", zeros([2, 2])]]), { parameters: factors }).get("q.weight")!;
    return merged.dataSync()[0]! / rows;
  });
  expect(changed).toBeAllClose(scale);
  disposeParameters(delta.parameters);
});

test("A starts uniform on ±1/√in, or normal with deviation 1/rank; B starts at zero", () => {
  const wide: Model<Tensor, Tensor> = {
    ...oneLayer,
    parameters: new Map([["q.weight", { shape: [10, 400] } as unknown as Tensor]]),
    sites: () => [{ ...site, width: 10 }],
  };
  const uniform = lora(wide, { targets: "attn.q", rank: 16 }, random(1)).parameters;
  const gaussian = lora(wide, { targets: "attn.q", rank: 16, init: "gaussian" }, random(1)).parameters;
  const values = (tree: typeof uniform): Float32Array => tree.get("q.lora_A.weight")!.dataSync() as Float32Array;
  const deviation = (numbers: Float32Array): number =>
    Math.sqrt(numbers.reduce((sum, value) => sum + value * value, 0) / numbers.length);
  expect(Math.max(...values(uniform).map(Math.abs))).toBeLessThanOrEqual(1 / 20);
  // 6,400 draws: the deviation's standard error is 1/√12,800 of itself at most, so 5 % is more than five of them.
  expect(deviation(values(uniform))).toBeAllClose(1 / 20 / Math.sqrt(3), { relative: 0.05 });
  expect(deviation(values(gaussian))).toBeAllClose(1 / 16, { relative: 0.05 });
  expect(uniform.get("q.lora_B.weight")!).toBeAllClose(Array(10).fill(Array(16).fill(0)));
  disposeParameters(uniform);
  disposeParameters(gaussian);
});

test("a layer's start depends on the seed and its path only, not on the other targets", () => {
  const model = tinyModel();
  const one = lora(model, { targets: "attn.v" }, random(1)).parameters;
  const more = lora(model, { targets: "all-linear" }, random(1)).parameters;
  for (const [name, value] of one) expect(more.get(name)!.dataSync()).toEqual(value.dataSync());
  for (const tree of [one, more, model.parameters]) disposeParameters(tree);
});

test("settings out of range and unknown keys are errors that name the key", () => {
  expect(() => lora(oneLayer, { rank: 0 }, random(1))).toThrow(/lora: "rank"/);
  expect(() => lora(oneLayer, { dropout: 1 }, random(1))).toThrow(/lora: "dropout"/);
  expect(() => lora(oneLayer, { rnak: 8 } as never, random(1))).toThrow(/unknown key "rnak"; is "rank" meant/);
});

test("a pattern for ranks that is no expression is refused by its key, and one that backtracks for ever ends", () => {
  for (const key of ["rankPattern", "alphaPattern"]) {
    expect(() => lora(oneLayer, { [key]: { "(q": 2 } }, random(1))).toThrow(
      expect.objectContaining({
        code: "CONFIG",
        message: expect.stringMatching(`"${key}": .*a "\\(" without its "\\)"`),
      }),
    );
  }
  const delta = lora(oneLayer, { targets: "attn.q", rankPattern: { "((.*)*)*x": 2, "[q]": 3 } }, random(1));
  expect(delta.parameters.get("q.lora_A.weight")!.shape).toEqual([3, 2]);
  disposeParameters(delta.parameters);
});
