/** The laws of a decoder beside transformers, from the numbers that `causal_golden.py` writes. */
import { around, disposeParameters, type Hook, valueAndGradients } from "@cambium/core";
import {
  add,
  concat,
  dispose,
  mul,
  range,
  reshape,
  scalar,
  slice,
  type Tensor2D,
  type Tensor3D,
  tensor1d,
  tensor2d,
  tidy,
  tile,
} from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TokenBatch } from "./architecture.ts";
import { capture } from "./capture.ts";
import { fixture, fixtureJson, type Numbers, pick, toTensor } from "./fixtures.ts";
import type { LanguageModel } from "./language-model.ts";
import { loadModel } from "./load.ts";
import { greedyIds } from "./testing/greedy-ids.ts";

type Rows = readonly (readonly number[])[];

interface GoldenRows {
  readonly ids: Rows;
  readonly mask: Rows;
}

interface GoldenSide extends GoldenRows {
  readonly labels: Rows;
  readonly logits: Numbers;
  readonly loss: number;
  readonly hidden: readonly Numbers[];
  readonly gradients?: Readonly<Record<string, Numbers>>;
}

interface GoldenModel {
  readonly right: GoldenSide;
  readonly left: GoldenSide;
  readonly prompt: Numbers;
  readonly prompted: Numbers;
  readonly greedy: GoldenRows & { readonly generated: Rows };
}

interface GoldenClassifier {
  readonly labels: readonly number[];
  readonly right: GoldenRows & {
    readonly logits: Numbers;
    readonly loss: number;
    readonly gradients: Readonly<Record<string, Numbers>>;
  };
  readonly left: GoldenRows & { readonly logits: Numbers; readonly loss: number };
}

// float32 against float32: rounding alone reaches 1e-5 in logits of such models.
const close = { relative: 1e-4, absolute: 1e-4 };

const int = (rows: Rows): Tensor2D =>
  tensor2d(
    rows.map((row) => [...row]),
    undefined,
    "int32",
  );

const batchOf = ({ ids, mask }: GoldenRows): TokenBatch => ({
  ids: int(ids),
  mask: tensor2d(mask.map((row) => [...row])),
});

/** Two rows in front of the words. */
function promptHook(prompt: Numbers): Hook {
  return around(
    "embed",
    () => true,
    ({ input, next }) => {
      const words = next(input);
      const [batch] = words.x.shape;
      const rows = prompt.shape[0]!;
      const front = <T>(values: Tensor2D): T => tile(reshape(values, [1, ...values.shape]), [batch, 1, 1]) as T;
      return {
        ...words,
        x: concat([front<Tensor3D>(toTensor(prompt) as Tensor2D), words.x], 1),
        mask: concat([tensor2d(new Array(batch * rows).fill(1), [batch, rows]), words.mask], 1),
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
}

/** Zeros at padding, as in the golden numbers: what a row without any key to see holds is an accident. */
const atWords = (x: Tensor3D, mask: Tensor2D): Tensor3D => mul(x, reshape(mask, [...mask.shape, 1]));

/**
 * Runs every law of a family of decoders.
 *
 * @param models - Folders of the fixture with language models.
 */
export function describeGoldenDecoder(family: string, models: readonly string[]): void {
  const golden = fixtureJson<
    Readonly<Record<string, GoldenModel>> & { readonly "sequence-classification": GoldenClassifier } & {
      readonly bare: GoldenRows & { readonly hidden: readonly Numbers[] };
    }
  >(`${family}/golden.json`);

  describe.each(models)(`${family} (%s) beside transformers`, (name) => {
    const expected = golden[name]!;
    let model: LanguageModel;
    beforeAll(async () => {
      model = await loadModel(fixture(`${family}/${name}`), { head: { kind: "causal-lm" } });
    });
    afterAll(() => disposeParameters(model.parameters));

    test.each(["right", "left"] as const)("hidden states, logits and loss are equal, padded on the %s", (side) => {
      tidy(() => {
        const wanted = expected[side];
        const batch = { ...batchOf(wanted), labels: int(wanted.labels) };
        const { output, captured } = capture(model, batch, ["block"]);
        const blocks = [...captured.values()];
        expect(blocks).toHaveLength(wanted.hidden.length - 1);
        for (const [i, block] of blocks.slice(0, -1).entries()) {
          expect(atWords(block as Tensor3D, batch.mask)).toBeAllClose(toTensor(wanted.hidden[i + 1]!), close);
        }
        expect(atWords(output.hidden, batch.mask)).toBeAllClose(toTensor(wanted.hidden.at(-1)!), close);
        expect(atWords(output.logits as Tensor3D, batch.mask)).toBeAllClose(toTensor(wanted.logits), close);
        expect(model.loss!(batch)).toBeAllClose(wanted.loss, close);
      });
    });

    test("gradients of the loss are equal", () => {
      const { gradients: wanted = {}, ...side } = expected.right;
      const batch = { ...batchOf(side), labels: int(side.labels) };
      const at = pick(model.parameters, Object.keys(wanted));
      const { value, gradients, unreached } = valueAndGradients(
        (parameters) => model.loss!(batch, { parameters: new Map([...model.parameters, ...parameters]) }),
        at,
      );
      expect(unreached).toEqual([]);
      for (const [gradient, numbers] of Object.entries(wanted)) {
        tidy(() => {
          expect(gradients.get(gradient)).toBeAllClose(toTensor(numbers), close);
        });
      }
      dispose([value, ...gradients.values(), ...Object.values(batch)]);
    });

    test("rows in front of the words act as in prompt tuning", () => {
      tidy(() => {
        const batch = batchOf(expected.right);
        const hooks = [promptHook(expected.prompt)];
        const { logits } = model.forward(batch, { hooks });
        const [, rows] = logits!.shape as [number, number];
        const words = slice(logits as Tensor3D, [0, rows - batch.ids.shape[1], 0], [-1, -1, -1]);
        expect(atWords(words, batch.mask)).toBeAllClose(toTensor(expected.prompted), close);
      });
    });

    test.each([true, false])("greedy ids are equal (cache: %s)", async (cache) => {
      const batch = batchOf(expected.greedy);
      expect(await greedyIds(model, batch, { maxTokens: 12, cache })).toEqual(expected.greedy.generated);
      dispose([batch.ids, batch.mask]);
    });
  });

  test(`a bare ${family}'s names are understood, and its hidden states equal`, async () => {
    const model = await loadModel(fixture(`${family}/bare`));
    expect([model.created, model.unused]).toEqual([[], []]);
    tidy(() => {
      const batch = batchOf(golden.bare);
      const { hidden } = model.forward(batch);
      expect(atWords(hidden, batch.mask)).toBeAllClose(toTensor(golden.bare.hidden.at(-1)!), close);
    });
    disposeParameters(model.parameters);
  });

  test.each(["right", "left"] as const)(
    `${family}'s classifier reads the last real token, padded on the %s`,
    async (side) => {
      const { labels, ...expected } = golden["sequence-classification"];
      const head = { kind: "sequence-classification", labels: ["ham", "spam", "phishing"] } as const;
      const model = await loadModel(fixture(`${family}/sequence-classification`), { head });
      tidy(() => {
        const batch = { ...batchOf(expected[side]), labels: tensor1d([...labels], "int32") };
        expect(model.forward(batch).logits).toBeAllClose(toTensor(expected[side].logits), close);
        expect(model.loss!(batch)).toBeAllClose(expected[side].loss, close);
      });
      disposeParameters(model.parameters);
    },
  );
}
