import { around, disposeParameters, type Hook, type Kind, random, type Site } from "@cambium/core";
import { mul, scalar, slice, type Tensor, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TokenBatch } from "../../architecture.ts";
import { createModel } from "../../create.ts";
import { heads } from "../../fixtures.ts";
import type { LanguageModel } from "../../language-model.ts";
import type { BertConfig } from "./config.ts";

const kinds: readonly Kind[] = [
  "embed",
  "block",
  "sublayer",
  "linear",
  "norm",
  "attention",
  "pattern",
  "activation",
  "logits",
];

/** Wide weights, so that attention is far from uniform. */
function createFamily(family: "bert" | "roberta", config: Partial<BertConfig> = {}): BertConfig {
  return {
    model_type: family,
    vocab_size: 31,
    hidden_size: 12,
    num_hidden_layers: 2,
    num_attention_heads: 3,
    intermediate_size: 14,
    max_position_embeddings: 20,
    type_vocab_size: 2,
    initializer_range: 0.4,
    pad_token_id: family === "bert" ? 0 : 1,
    hidden_act: "gelu",
    layer_norm_eps: 1e-12,
    hidden_dropout_prob: 0.1,
    attention_probs_dropout_prob: 0.1,
    ...config,
  };
}

function toBatch(rows: readonly (readonly number[])[], pad: number, seq: number): TokenBatch {
  const fill = (value: number, row: readonly number[]): number[] => [
    ...row,
    ...new Array(seq - row.length).fill(value),
  ];
  return {
    ids: tensor2d(
      rows.map((row) => fill(pad, row)),
      undefined,
      "int32",
    ),
    mask: tensor2d(
      rows.map((row) =>
        fill(
          0,
          row.map(() => 1),
        ),
      ),
    ),
  };
}

/** Hooks on everything, that note what they see. */
function tracing(visited: Site[]): Hook[] {
  return kinds.map(
    (kind) =>
      around(
        kind as "linear",
        () => true,
        ({ site, input, next }) => {
          visited.push(site);
          return next(input);
        },
      ) as Hook,
  );
}

const rows = [
  [5, 9, 22, 7],
  [5, 30, 7],
];

describe.each<"bert" | "roberta">(["bert", "roberta"])("%s", (family) => {
  const pad = family === "bert" ? 0 : 1;
  let model: LanguageModel;
  beforeAll(() => {
    model = createModel(createFamily(family), random(1), { head: heads["sequence-classification"] });
  });
  afterAll(() => disposeParameters(model.parameters));

  test.each([undefined, ...Object.values(heads)])("visits exactly the declared sites, in order (head %o)", (head) => {
    const headed = createModel(createFamily(family), random(1), head === undefined ? {} : { head });
    const visited: Site[] = [];
    tidy(() => {
      headed.forward(toBatch(rows, pad, 4), { hooks: tracing(visited) });
    });
    expect(visited).toEqual(headed.sites());
    disposeParameters(headed.parameters);
  });

  test("every site's width is the last axis of what leaves it, its weight a parameter", () => {
    const widths = new Map<string, number>();
    const hooks = kinds.map(
      (kind) =>
        around(
          kind as "linear",
          () => true,
          ({ site, input, next }) => {
            const output = next(input) as Tensor | { readonly x: Tensor };
            const tensor = "x" in output ? output.x : output;
            widths.set(site.path, (site.kind as Kind) === "pattern" ? tensor.shape[1]! : tensor.shape.at(-1)!);
            return output as Tensor;
          },
        ) as Hook,
    );
    tidy(() => {
      model.forward(toBatch(rows, pad, 4), { hooks });
    });
    expect(widths).toEqual(new Map(model.sites().map(({ path, width }) => [path, width])));
    for (const { weight, width } of model.sites()) {
      if (weight === undefined) continue;
      expect(model.parameters.get(weight.name)?.shape.at(weight.layout === "out,in" ? 0 : -1)).toBe(width);
    }
  });

  test("attention in pieces equals fused attention, with and without dropout", () => {
    const look = around(
      "pattern",
      () => true,
      ({ input, next }) => next(input),
    );
    tidy(() => {
      const batch = toBatch(rows, pad, 5);
      for (const training of [false, true]) {
        const options = { training, random: random(3) };
        const fused = model.forward(batch, options).hidden;
        expect(model.forward(batch, { ...options, hooks: [look] }).hidden).toBeAllClose(fused, { absolute: 1e-5 });
      }
    });
  });

  test("a hook on the pattern changes the result", () => {
    const half = around(
      "pattern",
      () => true,
      ({ input, next }) => mul(next(input), scalar(0.5)),
    );
    tidy(() => {
      const batch = toBatch(rows, pad, 4);
      expect(model.forward(batch, { hooks: [half] }).hidden).not.toBeAllClose(model.forward(batch).hidden);
    });
  });

  test("padding changes nothing for real tokens", () => {
    tidy(() => {
      const short = model.forward(toBatch([rows[1]!], pad, 3));
      const long = model.forward(toBatch(rows, pad, 9));
      expect(slice(long.hidden, [1, 0, 0], [1, 3, -1])).toBeAllClose(short.hidden, { absolute: 1e-6 });
      expect(slice(long.logits!, [1, 0], [1, -1])).toBeAllClose(short.logits!, { absolute: 1e-6 });
    });
  });

  test("what stands at masked places is never seen", () => {
    tidy(() => {
      const clean = toBatch(rows, pad, 6);
      // Other ids that are no padding, so that RoBERTa's positions stay; only the mask hides them.
      const ids = (filler: number): TokenBatch["ids"] => toBatch(rows, filler, 6).ids;
      const first = model.forward({ ids: ids(8), mask: clean.mask });
      const second = model.forward({ ids: ids(29), mask: clean.mask });
      expect(second.logits).toBeAllClose(first.logits!, { absolute: 0, relative: 0 });
    });
  });

  test("leaving types out puts every token in segment 0", () => {
    tidy(() => {
      const batch = toBatch(rows, pad, 4);
      const types = tensor2d(new Int32Array(8), [2, 4], "int32");
      expect(model.forward({ ...batch, types }).hidden).toBeAllClose(model.forward(batch).hidden);
    });
  });

  test("dropout acts only while training, and equally for equal keys", () => {
    tidy(() => {
      const batch = toBatch(rows, pad, 4);
      const run = (training: boolean, seed: number): Tensor =>
        model.forward(batch, { training, random: random(seed) }).logits!;
      expect(run(false, 1)).toBeAllClose(run(false, 2), { absolute: 0, relative: 0 });
      expect(run(true, 1)).toBeAllClose(run(true, 1), { absolute: 0, relative: 0 });
      expect(run(true, 1)).not.toBeAllClose(run(true, 2));
      expect(run(true, 1)).not.toBeAllClose(run(false, 1));
    });
  });

  test("training without randomness is an error", () => {
    tidy(() => {
      expect(() => model.forward(toBatch(rows, pad, 4), { training: true })).toThrow("random: random(seed)");
    });
  });

  test("more rows than positions are an error that says so", () => {
    tidy(() => {
      const most = family === "bert" ? 20 : 18;
      expect(model.forward(toBatch(rows, pad, most)).hidden.shape).toEqual([2, most, 12]);
      expect(() => model.forward(toBatch(rows, pad, most + 1))).toThrow(`positions for ${most} rows, got ${most + 1}`);
    });
  });

  test("a batch of another shape or dtype is an error that names it", () => {
    tidy(() => {
      const batch = toBatch(rows, pad, 4);
      expect(() => model.forward({ ...batch, ids: tensor2d([[1.5, 2, 3, 4]]) })).toThrow("ids must be int32");
      expect(() => model.forward({ ...batch, mask: tensor2d([[1, 1, 1, 1]]) })).toThrow("mask must be float32 [2,4]");
      expect(() => model.forward({ ...batch, types: tensor2d([[0, 0]], undefined, "int32") })).toThrow("types must be");
    });
  });
});

test("dropout at a rate of 0 is no dropout", () => {
  const rates = { hidden_dropout_prob: 0, attention_probs_dropout_prob: 0 };
  const model = createModel(createFamily("bert", rates), random(1), { head: heads["sequence-classification"] });
  tidy(() => {
    const batch = toBatch(rows, 0, 4);
    const trained = model.forward(batch, { training: true, random: random(2) }).logits!;
    expect(trained).toBeAllClose(model.forward(batch).logits!);
  });
  disposeParameters(model.parameters);
});

test("classifier_dropout takes the place of hidden_dropout_prob before the classifier only", () => {
  const rates = { hidden_dropout_prob: 0, attention_probs_dropout_prob: 0, classifier_dropout: 0.5 };
  const model = createModel(createFamily("roberta", rates), random(1), { head: heads["sequence-classification"] });
  tidy(() => {
    const batch = toBatch(rows, 1, 4);
    const trained = model.forward(batch, { training: true, random: random(2) });
    expect(trained.hidden).toBeAllClose(model.forward(batch).hidden);
    expect(trained.logits).not.toBeAllClose(model.forward(batch).logits!);
  });
  disposeParameters(model.parameters);
});
