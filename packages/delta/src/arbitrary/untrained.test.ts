/** Models from outside may keep tables of integers beside their weights: no choice falls on them, and that is told. */
import { disposeParameters, random } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { tensor1d } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { whole } from "../methods/whole.ts";
import { disposeDelta } from "../testing/laws.ts";
import { arbitrary } from "./arbitrary.ts";
import { selectBiases, selectByMagnitude } from "./by-score.ts";
import { selectArbitrary } from "./selection.ts";

let plain: LanguageModel;
let model: LanguageModel;
const untrained = [{ tensor: "embeddings.position_ids", dtype: "int32", count: 3 }];

beforeEach(() => {
  plain = tinyModel();
  const table = ["embeddings.position_ids", tensor1d([0, 1, 2], "int32")] as const;
  model = { ...plain, parameters: new Map([...plain.parameters, table]) };
});
afterEach(() => disposeParameters(model.parameters));

test("a choice is the one without them, and its manifest lists them", async () => {
  const expected = selectArbitrary(plain, { count: 100 }, random(1));
  expect(selectArbitrary(model, { count: 100 }, random(1))).toEqual({ ...expected, untrained });
  expect((await selectByMagnitude(model, { count: 100 })).untrained).toEqual(untrained);
  const selection = selectBiases(model);
  expect(selection.untrained).toEqual(untrained);
  const delta = arbitrary(model, { selection }, random(1));
  expect(delta.config).toEqual({ selection });
  disposeDelta(delta);
});

test("a count above what there is names them, and so does a selection of them", () => {
  const count = [...plain.parameters.values()].reduce((sum, { size }) => sum + size, 0) + 1;
  expect(() => selectArbitrary(model, { count, excludeHead: false }, random(1))).toThrow(
    `there are ${count - 1} scalars to choose from; "embeddings.position_ids" (int32) is not float32, and not trained`,
  );
  const part = { tensor: "embeddings.position_ids", shape: [3], count: 3, all: true } as const;
  const selection = { requested: 3, count: 3, layers: {}, roles: {}, dead: 0, parts: [part] };
  expect(() => arbitrary(model, { selection }, random(1))).toThrow(/is int32 here; only float32 is trained/);
});

test("a whole fine-tuning refuses them by name, and takes modules beside them", () => {
  expect(() => whole(model)).toThrow(
    'whole: "embeddings.position_ids" would start from values that are int32, and float32 is what is trained',
  );
  disposeDelta(whole(model, { modules: ["encoder"] }));
});
