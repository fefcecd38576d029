/** Deltas that put rows or keys in front, with a cache: later passes see what the first one put there. */
import { disposeParameters, mapParameters, random } from "@cambium/core";
import { createCache, type LanguageModel, type TokenBatch } from "@cambium/models";
import { disposeFields, expectClose, tinyModel } from "@cambium/models/testing";
import { slice, type Tensor3D, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach, type Tuned } from "../attach.ts";
import { prefix } from "./prefix.ts";
import { prompt } from "./prompt.ts";

const IDS = [
  [3, 9, 14, 7, 22, 5],
  [4, 18, 6, 11, 2, 8],
];
const int = (rows: readonly (readonly number[])[]): TokenBatch["ids"] =>
  tensor2d(
    rows.map((row) => [...row]),
    undefined,
    "int32",
  );

/** Rows `from` to `to` of the words, or of the targets where there are such. */
function part(type: string, from: number, to: number): TokenBatch {
  const words = int(IDS.map((row) => row.slice(from, to)));
  const mask = (rows: number): TokenBatch["mask"] => tensor2d(IDS.map(() => new Array(rows).fill(1)));
  if (type !== "t5") return { ids: words, mask: mask(to - from) };
  return { ids: int(IDS), mask: mask(IDS[0]!.length), targetIds: words };
}

/** A tuned model away from its start, so that every row and key in front matters. */
function moved(model: LanguageModel, kind: string): Tuned<LanguageModel> {
  const positions = kind === "prefix that keeps positions" ? "kept" : "moved";
  const delta = kind.startsWith("prefix")
    ? prefix(model, { length: 3, positions }, random(1))
    : prompt(model, { length: 2 }, random(1));
  const parameters = mapParameters(delta.parameters, (value, name) => random(2).at(name).normal(value.shape));
  disposeParameters(delta.parameters);
  return attach(model, { ...delta, parameters });
}

test.each([
  ["prefix", "gpt2"],
  ["prefix", "llama"],
  ["prefix", "mistral"],
  ["prefix", "qwen2"],
  ["prefix", "t5"],
  ["prefix that keeps positions", "gpt2"],
  ["prefix that keeps positions", "llama"],
  ["prompt", "gpt2"],
  ["prompt", "llama"],
  ["prompt", "mistral"],
  ["prompt", "t5"],
])("a %s in front of %s is there in every pass with a cache", async (kind, type) => {
  const model = tinyModel({ type, head: { kind: type === "t5" ? "sequence-to-sequence" : "causal-lm" } });
  const tuned = moved(model, kind);
  const batches = [part(type, 0, 6), part(type, 0, 2), part(type, 2, 5), part(type, 5, 6)];
  const whole = tuned.forward(batches[0]!);
  const cache = createCache({ capacity: 2 });
  for (const [i, from, count] of [
    [1, 0, 2],
    [2, 2, 3],
    [3, 5, 1],
  ] as const) {
    const output = tuned.forward(batches[i]!, { cache });
    await cache.append(output);
    tidy(() => {
      const rows = output.logits!.shape[1]!;
      const last = slice(output.logits as Tensor3D, [0, rows - count, 0], [-1, count, -1]);
      expectClose(last, slice(whole.logits as Tensor3D, [0, whole.extra + from, 0], [-1, count, -1]));
    });
    disposeFields(output);
  }
  cache.dispose();
  for (const fields of [whole, ...batches]) disposeFields(fields);
  disposeParameters(tuned.parameters);
  disposeParameters(model.parameters);
});

test("a prompt's last row is compared with the first word: the tuned model counts it", () => {
  const model = tinyModel({ type: "gpt2", head: { kind: "causal-lm" } });
  const tuned = attach(model, prompt(model, { length: 2 }, random(1)));
  const batch = { ...part("gpt2", 0, 6), labels: int(IDS) };
  expect([model.weight!(batch), tuned.weight!(batch)]).toEqual([10, 12]);
  disposeFields(batch);
  disposeParameters(tuned.parameters);
  disposeParameters(model.parameters);
});
