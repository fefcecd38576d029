import { around, disposeParameters, type ForwardOptions, valueAndGradients } from "@cambium/core";
import {
  add,
  concat,
  dispose,
  range,
  reshape,
  scalar,
  type Tensor2D,
  type Tensor3D,
  tidy,
  tile,
} from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { capture } from "./capture.ts";
import { type Family, fixture, golden, goldenBatch, heads, pick, toTensor } from "./fixtures.ts";
import type { LanguageModel } from "./language-model.ts";
import { loadModel } from "./load.ts";

// float32 against float32: rounding alone reaches 1e-5 in logits of such models.
const close = { relative: 1e-4, absolute: 1e-4 };

describe.each<Family>(["bert", "roberta", "distilbert"])("%s beside transformers", (family) => {
  const expected = golden(family);
  let base: LanguageModel;

  beforeAll(async () => {
    base = await loadModel(fixture(`${family}/base`));
  });
  afterAll(() => disposeParameters(base.parameters));

  test("hidden states of every layer and the output of a pooler are equal", () => {
    tidy(() => {
      const { output, captured } = capture(base, goldenBatch(expected), ["embed.norm", "block"]);
      expect([...captured.values()]).toHaveLength(expected.base.hidden.length);
      for (const [i, hidden] of [...captured.values()].entries()) {
        expect(hidden).toBeAllClose(toTensor(expected.base.hidden[i]!), close);
      }
      expect(output.hidden).toBeAllClose(toTensor(expected.base.hidden.at(-1)!), close);
      expect(output.pooled === undefined).toBe(expected.base.pooled === undefined);
      if (output.pooled !== undefined) expect(output.pooled).toBeAllClose(toTensor(expected.base.pooled!), close);
      expect(output.logits).toBeUndefined();
    });
  });

  test("an offset shifts positions as past keys do", () => {
    const { offset, hidden } = expected.base.offset;
    const shift = around(
      "embed",
      () => true,
      ({ input, next }) => {
        const words = next(input);
        return { ...words, positions: add(words.positions, scalar(offset, "int32")), offset };
      },
    );
    tidy(() => {
      expect(base.forward(goldenBatch(expected), { hooks: [shift] }).hidden).toBeAllClose(toTensor(hidden), close);
    });
  });

  describe.each(Object.values(heads))("with a $kind head", (head) => {
    const wanted = expected.heads[head.kind];
    let model: LanguageModel;

    beforeAll(async () => {
      model = await loadModel(fixture(`${family}/${head.kind}`), { head });
    });
    afterAll(() => disposeParameters(model.parameters));

    test("logits and loss are equal", () => {
      tidy(() => {
        const batch = goldenBatch(expected, head, wanted.labels);
        expect(model.created).toEqual([]);
        expect(model.forward(batch).logits).toBeAllClose(toTensor(wanted.logits), close);
        expect(model.loss!(batch)).toBeAllClose(wanted.loss, close);
      });
    });

    test("gradients of the loss are equal", () => {
      const batch = goldenBatch(expected, head, wanted.labels);
      const at = pick(model.parameters, Object.keys(wanted.gradients));
      const { value, gradients, unreached } = valueAndGradients(
        (parameters) => model.loss!(batch, { parameters: new Map([...model.parameters, ...parameters]) }),
        at,
      );
      expect(unreached).toEqual([]);
      for (const [name, gradient] of Object.entries(wanted.gradients)) {
        tidy(() => {
          expect(gradients.get(name)).toBeAllClose(toTensor(gradient), close);
        });
      }
      dispose([value, ...gradients.values(), batch.ids, batch.mask, batch.types ?? [], batch.labels ?? []]);
    });

    test("rows in front of the words act as in prompt tuning", () => {
      tidy(() => {
        const batch = goldenBatch(expected);
        const logits = model.forward(batch, promptHooks(expected.prompt)).logits;
        expect(logits).toBeAllClose(toTensor(wanted.prompted), close);
      });
    });
  });
});

/** Two rows in front of the words, as prompt tuning puts them. */
function promptHooks(prompt: {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}): ForwardOptions {
  const rows = prompt.shape[0]!;
  const hook = around(
    "embed",
    () => true,
    ({ input, next }) => {
      const words = next(input);
      const batch = words.x.shape[0];
      const front = tile(toTensor({ ...prompt, shape: [1, ...prompt.shape] }), [batch, 1, 1]) as Tensor3D;
      const ones = toTensor({
        shape: [batch, rows],
        values: new Array<number>(batch * rows).fill(1),
      }) as typeof words.mask;
      return {
        ...words,
        x: concat([front, words.x], 1),
        mask: concat([ones, words.mask], 1),
        positions: concat(
          [
            tile(reshape(range(0, rows, 1, "int32"), [1, rows]), [batch, 1]) as Tensor2D,
            add(words.positions, scalar(rows, "int32")),
          ],
          1,
        ),
        extra: words.extra + rows,
      };
    },
  );
  return { hooks: [hook] };
}
