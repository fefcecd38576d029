import { disposeParameters, valueAndGradients } from "@cambium/core";
import { dispose, mul, reshape, type Tensor2D, type Tensor3D, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { capture } from "../../capture.ts";
import { fixture, fixtureJson, type Numbers, pick, toTensor } from "../../fixtures.ts";
import type { LanguageModel } from "../../language-model.ts";
import { loadModel } from "../../load.ts";
import { greedyIds } from "../../testing/greedy-ids.ts";
import type { T5Config } from "./config.ts";
import { bucketOf } from "./relative-bias.ts";

type Rows = readonly (readonly number[])[];

interface GoldenT5 {
  readonly ids: Rows;
  readonly mask: Rows;
  readonly labels: Rows;
  readonly decoder_ids: Rows;
  readonly buckets: {
    readonly from: number;
    readonly to: number;
    readonly bidirectional: readonly number[];
    readonly causal: readonly number[];
  };
  readonly encoder_hidden: readonly Numbers[];
  readonly decoder_hidden: readonly Numbers[];
  readonly logits: Numbers;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, Numbers>>;
  readonly greedy: { readonly generated: Rows };
}

const golden = fixtureJson<Readonly<Record<string, GoldenT5>>>("t5/golden.json");

// float32 against float32: rounding alone reaches 1e-5 in logits of such models.
const close = { relative: 1e-4, absolute: 1e-4 };

const int = (rows: Rows): Tensor2D =>
  tensor2d(
    rows.map((row) => [...row]),
    undefined,
    "int32",
  );

describe.each(["v1.1", "v1.0"])("T5 (%s) beside transformers", (name) => {
  const expected = golden[name]!;
  let model: LanguageModel<T5Config>;
  const source = () => ({ ids: int(expected.ids), mask: tensor2d(expected.mask.map((row) => [...row])) });
  const batch = () => ({ ...source(), labels: int(expected.labels) });

  beforeAll(async () => {
    model = await loadModel<T5Config>(fixture(`t5/${name}`), { head: { kind: "sequence-to-sequence" } });
  });
  afterAll(() => disposeParameters(model.parameters));

  test("distances have the same buckets", () => {
    const { from, to, bidirectional, causal } = expected.buckets;
    const { relative_attention_num_buckets: buckets, relative_attention_max_distance: most } = model.config;
    const distances = Array.from({ length: to - from + 1 }, (_, i) => from + i);
    expect(distances.map((distance) => bucketOf(distance, true, buckets, most))).toEqual(bidirectional);
    expect(distances.map((distance) => bucketOf(distance, false, buckets, most))).toEqual(causal);
  });

  test("hidden states of both stacks, logits and loss are equal", () => {
    tidy(() => {
      const { output, captured } = capture(model, batch(), ["block"]);
      const blocks = [...captured.values()] as Tensor3D[];
      const mask = source().mask;
      const atWords = (x: Tensor3D): Tensor3D => mul(x, reshape(mask, [...mask.shape, 1]));
      const wanted = [expected.encoder_hidden.slice(1, -1), expected.decoder_hidden.slice(1, -1)];
      const ofEncoder = blocks.slice(0, model.config.num_layers);
      const ofDecoder = blocks.slice(model.config.num_layers);
      expect([ofEncoder.length, ofDecoder.length]).toEqual([wanted[0]!.length + 1, wanted[1]!.length + 1]);
      for (const [i, numbers] of wanted[0]!.entries())
        expect(atWords(ofEncoder[i]!)).toBeAllClose(atWords(toTensor(numbers) as Tensor3D), close);
      for (const [i, numbers] of wanted[1]!.entries()) expect(ofDecoder[i]).toBeAllClose(toTensor(numbers), close);
      expect(atWords(output.encoded!)).toBeAllClose(
        atWords(toTensor(expected.encoder_hidden.at(-1)!) as Tensor3D),
        close,
      );
      expect(output.hidden).toBeAllClose(toTensor(expected.decoder_hidden.at(-1)!), close);
      expect(output.logits).toBeAllClose(toTensor(expected.logits), close);
      expect(model.loss!(batch())).toBeAllClose(expected.loss, close);
    });
  });

  test("what the decoder reads is the labels one place later", () => {
    tidy(() => {
      const { logits } = model.forward({ ...source(), targetIds: int(expected.decoder_ids) });
      expect(logits).toBeAllClose(model.forward(batch()).logits!, { relative: 0, absolute: 0 });
    });
  });

  test("gradients of the loss are equal", () => {
    const given = batch();
    const at = pick(model.parameters, Object.keys(expected.gradients));
    const { value, gradients, unreached } = valueAndGradients(
      (parameters) => model.loss!(given, { parameters: new Map([...model.parameters, ...parameters]) }),
      at,
    );
    expect(unreached).toEqual([]);
    for (const [gradient, numbers] of Object.entries(expected.gradients)) {
      tidy(() => {
        expect(gradients.get(gradient)).toBeAllClose(toTensor(numbers), close);
      });
    }
    dispose([value, ...gradients.values(), ...Object.values(given)]);
  });

  test.each([true, false])("greedy ids are equal (cache: %s)", async (cache) => {
    const given = { ...source(), targetIds: int(expected.ids.map(() => [model.config.decoder_start_token_id])) };
    expect(await greedyIds(model, given, { maxTokens: 12, cache })).toEqual(expected.greedy.generated);
    dispose(Object.values(given));
  });
});

test("a separate head in the file counts, whatever the config says of tying; older configs say it", async () => {
  const head = { kind: "sequence-to-sequence" } as const;
  const untied = await loadModel<T5Config>(fixture("t5/v1.1"), { head });
  expect(untied.config.tie_word_embeddings).toBe(false);
  expect(untied.parameters.has("lm_head.weight")).toBe(true);
  const tied = await loadModel<T5Config>(fixture("t5/v1.0"), { head });
  expect(tied.config.tie_word_embeddings).toBe(true);
  expect(tied.parameters.has("lm_head.weight")).toBe(false);
  for (const { parameters } of [untied, tied]) disposeParameters(parameters);
});

test("a T5 without a target is an error that says what is missing", async () => {
  const model = await loadModel(fixture("t5/v1.0"));
  tidy(() => {
    const batch = { ids: int(golden["v1.0"]!.ids), mask: tensor2d(golden["v1.0"]!.mask.map((row) => [...row])) };
    expect(() => model.forward(batch)).toThrow("reads a source and a target");
  });
  disposeParameters(model.parameters);
});
