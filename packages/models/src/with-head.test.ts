import { disposeParameters, random } from "@cambium/core";
import { type Tensor, memory as tensorMemory, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { HeadConfig } from "./head-config.ts";
import { disposeFields, tinyBatch, tinyModel } from "./testing/index.ts";
import { withHead } from "./with-head.ts";

const five: HeadConfig = { kind: "sequence-classification", labels: ["a", "b", "c", "d", "e"] };

test.each(["bert", "gpt2", "llama"])("heads of any size stand on one %s, whose weights are not copied", (type) => {
  const base = tinyModel({ type, head: undefined });
  const before = tensorMemory().numTensors;
  const [small, large] = [withHead(base, { ...five, labels: ["a", "b"] }, random(1)), withHead(base, five, random(2))];
  const own = [small, large].flatMap((model) => model.created.map((name) => model.parameters.get(name)!));
  expect(tensorMemory().numTensors - before).toBe(own.length);
  for (const [name, tensor] of base.parameters) {
    expect(small.parameters.get(name)).toBe(tensor);
    expect(large.parameters.get(name)).toBe(tensor);
  }
  const batch = tinyBatch(base);
  tidy(() => {
    const [hidden, other] = [base.forward(batch).hidden, large.forward(batch).hidden].map((x: Tensor) => x.dataSync());
    expect(other).toEqual(hidden);
    expect(small.forward(batch).logits!.shape).toEqual([3, 2]);
    expect(large.forward(batch).logits!.shape).toEqual([3, 5]);
  });
  expect(small.created.every((name) => small.headParameters.includes(name))).toBe(true);
  for (const tensor of own) tensor.dispose();
  disposeParameters(base.parameters);
  disposeFields(batch);
});

test("a head of the same size is another one, and a head that there is not is refused", () => {
  const base = tinyModel();
  const other = withHead(base, base.head!, random(3));
  const name = "classifier.weight";
  expect(other.parameters.get(name)!.dataSync()).not.toEqual(base.parameters.get(name)!.dataSync());
  expect(() => withHead(base, { kind: "sequence-to-sequence" }, random(1))).toThrow(/no head of kind/);
  for (const each of other.created) if (!base.created.includes(each)) other.parameters.get(each)!.dispose();
  disposeParameters(base.parameters);
});
