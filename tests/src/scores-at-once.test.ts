/** The loss of next words without all scores at once, which is taken where these would be many. */
import { memory } from "@cambium/base";
import {
  around,
  disposeParameters,
  type Hook,
  onWeight,
  type Parameters,
  random,
  useBackend,
  valueAndGradients,
} from "@cambium/core";
import { createModel, type LanguageModel, loadModel, saveModel, type TokenBatch } from "@cambium/models";
import { mul, type Scalar, type Tensor, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { beforeAll, expect, test, vi } from "vitest";

const seen = vi.hoisted(() => ({ rows: [] as number[] }));
vi.mock("@cambium/core", async (original) => {
  const core = await original<typeof import("@cambium/core")>();
  const watched: typeof core.linearCrossEntropy = (x, weight, labels, rows) => {
    seen.rows.push(rows);
    return core.linearCrossEntropy(x, weight, labels, rows);
  };
  return { ...core, linearCrossEntropy: watched };
});

beforeAll(async () => void (await useBackend("onnx")));

const WORDS = 80_000;
const TRAINED = "model.layers.0.self_attn.q_proj.weight";
const create = (tied: boolean) =>
  createModel(
    {
      model_type: "llama",
      vocab_size: WORDS,
      hidden_size: 8,
      intermediate_size: 12,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      tie_word_embeddings: tied,
    },
    random(2),
    { head: { kind: "causal-lm" } },
  );

const batch = (seq: number): TokenBatch => {
  const ids = Array.from({ length: 2 * seq }, (_, i) => (i * 7919 + 13) % WORDS);
  return {
    ids: tensor2d(ids, [2, seq], "int32"),
    mask: tensor2d(Array(2 * seq).fill(1), [2, seq]),
    labels: tensor2d(
      ids.map((id, i) => (i % 9 === 4 ? -100 : id)),
      [2, seq],
      "int32",
    ),
  };
};

const logitsAsTheyAre = around(
  "logits",
  () => true,
  ({ input, next }) => next(input),
);
const headAsItIs = around(
  "linear",
  ({ path }) => path === "lm_head",
  ({ input, next }) => next(input),
);

/** The model with its layers in blocks of 4 bits, and its words in blocks of 8. */
async function inBlocks(plain: ReturnType<typeof create>): Promise<LanguageModel> {
  const files = memory();
  await saveModel(plain, files);
  disposeParameters(plain.parameters);
  return loadModel(files, { head: { kind: "causal-lm" }, frozen: "int4" });
}

test.each([
  { tied: true, frozen: "float32" },
  { tied: false, frozen: "float32" },
  { tied: true, frozen: "int4" },
  { tied: false, frozen: "int4" },
])("it and its gradient are those of all scores (tied: $tied, $frozen)", async ({ tied, frozen }) => {
  const model: LanguageModel = frozen === "int4" ? await inBlocks(create(tied)) : create(tied);
  tidy(() => {
    const rows = batch(64); // 126 rows that are compared, 10 million scores
    const at = new Map([[TRAINED, mul(model.parameters.get(TRAINED)!, 1)]]);
    const loss =
      (...more: Hook[]) =>
      (point: Parameters): Scalar =>
        model.loss!(rows, {
          hooks: [
            onWeight(
              (name) => name === TRAINED,
              () => point.get(TRAINED)!,
            ),
            ...more,
          ],
        });
    seen.rows.length = 0;
    const found = valueAndGradients(loss(), at);
    expect(seen.rows).toEqual([63]);
    const expected = valueAndGradients(loss(logitsAsTheyAre), at);
    expect(seen.rows).toEqual([63]);
    expect(found.value.dataSync()[0]).toBeCloseTo(expected.value.dataSync()[0]!, 5);
    const [values, wanted] = [found, expected].map(({ gradients }) => [...gradients.get(TRAINED)!.dataSync()]);
    const largest = Math.max(...wanted!.map(Math.abs));
    expect(largest).toBeGreaterThan(0);
    expect(values!.map((value) => value / largest)).toEqual(wanted!.map((value) => expect.closeTo(value / largest, 4)));
  });
  disposeParameters(model.parameters);
});

test("it is not taken where the scores are few, or where something acts on them, on the head, or on its weight", () => {
  const model = create(true);
  tidy(() => {
    seen.rows.length = 0;
    const rows = batch(64);
    const table = "model.embed_tokens.weight";
    const double = onWeight(
      (name) => name === table,
      (_name, weight: Tensor) => mul(weight, 2),
    );
    for (const hook of [logitsAsTheyAre, headAsItIs, double]) model.loss!(rows, { hooks: [hook] });
    model.loss!(rows, { parameters: model.parameters });
    model.loss!(batch(20));
    expect(seen.rows).toEqual([]);
    model.loss!(rows);
    expect(seen.rows).toEqual([63]);
  });
  disposeParameters(model.parameters);
});
