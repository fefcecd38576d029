import { disposeParameters, mapParameters, random } from "@cambium/core";
import { adapter, attach, head, type Tuned } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { expectClose, tinyModel } from "@cambium/models/testing";
import { add, ones, type Tensor, type Tensor2D, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { jointly, jointPoint } from "./jointly.ts";

const top = { kind: "sequence-classification", labels: ["red", "green"] } as const;

const batch = () => ({ ids: tensor2d([[3, 7, 11, 5]], [1, 4], "int32"), mask: ones([1, 4]) as Tensor2D });

function tuned(seed: number): Tuned<LanguageModel> {
  const base = tinyModel({ type: "bert", head: top, dropout: 0, seed }) as LanguageModel;
  const start = attach(base, adapter(base, { bottleneck: 2 }, random(seed)), head(base));
  const moved = mapParameters(start.parameters, (value, name) =>
    tidy(() => add(value, random(seed).at(name).normal(value.shape, 0, 0.1)) as Tensor),
  );
  disposeParameters(start.parameters);
  return start.with(moved) as Tuned<LanguageModel>;
}

test("at the point of another version it is that version with its deltas, base and all", () => {
  const [a, b] = [tuned(1), tuned(2)];
  const joint = jointly(a);
  const scores = (run: () => Tensor): number[] => tidy(() => [...run().dataSync()]);
  for (const each of [a, b])
    expectClose(
      scores(() => joint.forward(batch(), { parameters: jointPoint(each) }).logits!),
      scores(() => each.forward(batch()).logits!),
      { absolute: 1e-6 },
    );
  expect(joint.head).toEqual(top);
  for (const each of [a, b]) for (const tree of [each.parameters, each.base.parameters]) disposeParameters(tree);
});
