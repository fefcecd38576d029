import { around, disposeParameters, type Hook, random } from "@cambium/core";
import { tinyModel } from "@cambium/models/testing";
import {
  concat,
  dispose,
  gather,
  keep,
  reshape,
  scalar,
  slice,
  sub,
  type Tensor,
  type Tensor2D,
  tensor1d,
  tensor2d,
  tidy,
  transpose,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
import { prefix } from "./prefix.ts";
import { prompt } from "./prompt.ts";

const front = [4, 17];
const words = [9, 14, 7, 22];
const row = (ids: readonly number[]) => ({
  ids: tensor2d([...ids], [1, ids.length], "int32"),
  mask: tensor2d(Array(ids.length).fill(1), [1, ids.length]),
});

test.each(["bert", "roberta"] as const)("a prompt of words' embeddings does what those words do (%s)", (type) => {
  const model = tinyModel({ type });
  const start = prompt(model, { length: 2 }, random(1));
  tidy(() => {
    const embeddings = gather(model.parameters.get("embeddings.word_embeddings.weight")!, tensor1d(front, "int32"));
    const tuned = attach(model, start).with(new Map([["prompt/prompt_embeddings", embeddings]]));
    const expected = model.forward(row([...front, ...words]));
    const received = tuned.forward(row(words));
    expect(received.hidden).toBeAllClose(expected.hidden, { absolute: 1e-5 });
    expect(received.logits!).toBeAllClose(expected.logits!, { absolute: 1e-5 });
    expect(received.extra).toBe(2);
  });
  disposeParameters(start.parameters);
  disposeParameters(model.parameters);
});

test.each(["bert", "roberta"] as const)("a prefix of words' keys and values does what those words do (%s)", (type) => {
  const model = tinyModel({ type });
  const start = prefix(model, { length: 2 }, random(1));
  tidy(() => {
    const rows: Tensor[] = []; // of each layer the keys and the values of the front words, [2, heads · dHead]
    const spy: Hook = around(
      "attention",
      () => true,
      ({ input, next }) => {
        for (const states of [input.key, input.value]) {
          const [, heads, , dHead] = states.shape;
          const ahead = transpose(slice(states, [0, 0, 0, 0], [1, heads, 2, dHead]), [0, 2, 1, 3]);
          rows.push(keep(reshape(ahead, [2, heads * dHead])));
        }
        return next(input);
      },
    );
    const expected = model.forward(row([...front, ...words]), { hooks: [spy] }).hidden;
    const embeddings = concat(rows as Tensor2D[], 1);
    dispose(rows);
    const tuned = attach(model, start).with(new Map([["prefix/prompt_embeddings", embeddings]]));
    expect(tuned.forward(row(words)).hidden).toBeAllClose(slice(expected, [0, 2, 0]), { absolute: 1e-5 });
  });
  disposeParameters(start.parameters);
  disposeParameters(model.parameters);
});

test("a prefix whose words keep their positions does what theirs, moved back, do", () => {
  const model = tinyModel();
  const kept = prefix(model, { length: 2, init: "normal", positions: "kept" }, random(1));
  const moved = prefix(model, { length: 2, init: "normal" }, random(1));
  const back: Hook = around(
    "embed",
    () => true,
    ({ input, next }) => {
      const rows = next(input);
      return { ...rows, positions: sub(rows.positions, scalar(2, "int32")) as Tensor2D };
    },
  );
  tidy(() => {
    const expected = attach(model, moved).forward(row(words), { hooks: [back] }).hidden;
    expect(attach(model, kept).forward(row(words)).hidden).toBeAllClose(expected, { absolute: 1e-6 });
    expect(attach(model, kept).forward(row(Array(20).fill(4))).hidden.shape).toEqual([1, 20, 8]); // all of its positions
  });
  for (const owner of [kept, moved, model]) disposeParameters(owner.parameters);
});

test("positions relative to keys cannot be kept", () => {
  const model = tinyModel({ type: "t5" });
  expect(() => prefix(model, { positions: "kept" }, random(1))).toThrow(
    /relative to keys, and move with those in front/,
  );
  disposeParameters(model.parameters);
});

const methods = { prompt, prefix };
const padded = (type: string) =>
  (["left", "right"] as const).flatMap((side) =>
    (["prompt", "prefix"] as const).map((kind) => [kind, type, side] as const),
  );

test.each([...padded("bert"), ...padded("gpt2"), ...padded("llama")])(
  "behind a %s on %s, words at padded places on the %s are not seen, and rows are as without them",
  (kind, type, side) => {
    const isCausal = type !== "bert";
    const model = tinyModel({ type, head: isCausal ? { kind: "causal-lm" } : undefined });
    const delta = methods[kind](model, { length: 2, ...(kind === "prefix" && { init: "normal" }) }, random(1));
    const tuned = attach(model, delta);
    const batchOf = (filler: number) => {
      const [ids, mask] = [words, words.map(() => 1)].map((real, i) => {
        const spare = i === 0 ? [filler, filler + 1] : [0, 0];
        return side === "left" ? [...spare, ...real] : [...real, ...spare];
      }) as [number[], number[]];
      return { ids: tensor2d([ids], undefined, "int32"), mask: tensor2d([mask]) };
    };
    tidy(() => {
      const real = ({ hidden, extra }: ReturnType<typeof tuned.forward>): Tensor =>
        slice(hidden, [0, extra + (side === "left" ? 2 : 0), 0], [1, words.length, -1]);
      const one = real(tuned.forward(batchOf(3)));
      expect(real(tuned.forward(batchOf(12)))).toBeAllClose(one, { absolute: 1e-6 });
      const { hidden, extra } = tuned.forward(row(words));
      // Encoders count positions by places in the row.
      if (isCausal || side === "right") expect(slice(hidden, [0, extra, 0])).toBeAllClose(one, { absolute: 1e-5 });
    });
    disposeParameters(delta.parameters);
    disposeParameters(model.parameters);
  },
);

test("a prompt starts as rows of the word embeddings", () => {
  const model = tinyModel();
  const { parameters } = prompt(model, { length: 5 }, random(1));
  const vocabulary = (model.parameters.get("embeddings.word_embeddings.weight")! as Tensor2D).arraySync();
  const rows = (parameters.get("prompt_embeddings")! as Tensor2D).arraySync();
  for (const start of rows) expect(vocabulary).toContainEqual(start);
  disposeParameters(parameters);
  disposeParameters(model.parameters);
});

test("rows beyond the position table are an error that counts them", () => {
  const model = tinyModel();
  const tuned = attach(model, prompt(model, { length: 17 }, random(1)));
  tidy(() => {
    expect(() => tuned.forward(row(words))).toThrow(/positions for 20 rows, got 21/);
  });
  disposeParameters(tuned.parameters);
  disposeParameters(model.parameters);
});
