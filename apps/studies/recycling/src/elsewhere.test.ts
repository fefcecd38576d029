import { disposeParameters, random } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import { expectClose, tinyModel } from "@cambium/models/testing";
import { ones, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { elsewhere } from "./elsewhere.ts";

const head = { kind: "sequence-classification", labels: ["red", "green", "blue"] } as const;

const scores = (model: LanguageModel): number[] =>
  tidy(() => {
    const ids = tensor2d([[3, 7, 11, 5]], [1, 4], "int32");
    return [...model.forward({ ids, mask: ones([1, 4]) }).logits!.dataSync()];
  });

test.each(["bert", "llama"])("a %s whose units stand elsewhere computes the same by other weights", (type) => {
  const model = tinyModel({ type, head, dropout: 0, seed: 3 }) as LanguageModel;
  const moved = elsewhere(model, random(1));
  expectClose(scores(moved), scores(model), { absolute: 1e-5 });
  const stays = [...model.parameters].filter(([name, tensor]) => {
    const [before, after] = [tensor.dataSync(), moved.parameters.get(name)!.dataSync()];
    return tensor.rank === 2 && before.every((value, i) => value === after[i]);
  });
  expect(stays.map(([name]) => name)).toEqual([]);
  for (const each of [model, moved]) disposeParameters(each.parameters);
});
