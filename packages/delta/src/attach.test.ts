import { around, disposeParameters, mapParameters, oneStart, type Parameters, random } from "@cambium/core";
import { createModel, type LanguageModel, type TokenBatch } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { add, mul, type Scalar, square, sum, tidy } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { attach, detach } from "./attach.ts";
import { type Delta, named, stack } from "./delta.ts";
import { merge } from "./merge.ts";
import { seedlessMethod } from "./method.ts";
import { adapter } from "./methods/adapter.ts";
import { bitFit } from "./methods/bit-fit.ts";
import { head } from "./methods/head.ts";
import { ia3 } from "./methods/ia3.ts";
import { lora } from "./methods/lora.ts";
import { prefix } from "./methods/prefix.ts";
import { prompt } from "./methods/prompt.ts";
import { whole } from "./methods/whole.ts";

let model: LanguageModel;
let batch: TokenBatch;
const made: Parameters[] = [];

/** Registers trees to be disposed of after the test. */
function own<D extends { readonly parameters: Parameters }>(owner: D): D {
  made.push(owner.parameters);
  return owner;
}

/** The same delta away from its start. */
function moved<D extends Delta>(delta: D, seed = 1): D {
  const parameters = mapParameters(delta.parameters, (value, name) =>
    tidy(() => add(value, mul(random(seed).at(name).normal(value.shape), 0.2))),
  );
  disposeParameters(delta.parameters);
  return own({ ...delta, parameters });
}

const logits = (from: Pick<LanguageModel, "forward">): number[] =>
  tidy(() => Array.from(from.forward(batch).logits!.dataSync()));

beforeEach(() => {
  model = own(tinyModel());
  batch = tinyBatch(model);
});
afterEach(() => {
  for (const parameters of made.splice(0)) disposeParameters(parameters);
  disposeFields(batch);
});

test("a head that is the word embeddings is none to train, and the error says so", () => {
  const sizes = { vocab_size: 9, n_embd: 4, n_layer: 1, n_head: 1 };
  const tied = createModel({ model_type: "gpt2", ...sizes }, random(1), { head: { kind: "causal-lm" } });
  expect(() => head(tied)).toThrow(/the one of a language model that is its word embeddings \(tied\)/);
  disposeParameters(tied.parameters);
});

test("six methods and a head act on one model, and enabling fewer is attaching fewer", () => {
  const deltas = [
    moved(head(model)),
    moved(bitFit(model)),
    moved(lora(model, { rank: 2 }, random(1))),
    moved(ia3(model)),
    moved(adapter(model, { bottleneck: 2 }, random(1))),
    moved(prefix(model, { length: 2 }, random(1))),
    moved(prompt(model, { length: 2 }, random(1))),
  ];
  const all = logits(attach(model, ...deltas));
  for (const left of deltas) {
    const fewer = attach(model, ...deltas.filter((delta) => delta !== left));
    expect(logits(fewer)).not.toEqual(all);
  }
  expect(logits(attach(model))).toEqual(logits(model));
  expect(logits(detach(attach(model, ...deltas)))).toEqual(logits(model));
});

test("attaching to a tuned model puts the new deltas outside of the old ones", () => {
  const [inner, outer] = [moved(ia3(model, { targets: "attn.v" })), moved(lora(model, {}, random(1)))];
  const stacked = attach(attach(model, inner), outer);
  expect(stacked.deltas.map(({ name }) => name)).toEqual(["ia3", "lora"]);
  expect(logits(stacked)).toEqual(logits(attach(model, inner, outer)));
  expect(logits(stacked)).not.toEqual(logits(attach(model, outer, inner)));
});

test("a tuned model of the same base stands for its deltas, and one of another base is refused", () => {
  const tuned = attach(model, moved(lora(model, { rank: 2 }, random(1))), moved(ia3(model)));
  expect(logits(attach(model, tuned))).toEqual(logits(tuned));
  const other = own(tinyModel());
  expect(() => attach(other, tuned)).toThrow("tuned.on(base)");
});

test("two deltas of one name are an error that says how to name them", () => {
  const [one, two] = [own(lora(model, {}, random(1))), own(lora(model, {}, random(2)))];
  expect(() => attach(model, one, two)).toThrow(/two deltas have the name "lora"; give one another name with named/);
  expect([...attach(model, named("a", one), named("b", two)).parameters.keys()][0]).toMatch(
    /^a\/encoder\.layer\.0\..*lora_A/,
  );
});

test("a delta of another model is refused by name", () => {
  const other = own(tinyModel({ head: { kind: "token-classification", labels: ["x", "y"] } }));
  const foreign = own(whole(model, { modules: ["pooler"] }));
  expect(() => attach(other, foreign)).toThrow(/delta "whole" \(whole\) finds nothing in this model/);
});

test("with takes exactly the parameters there are", () => {
  const tuned = attach(model, own(lora(model, {}, random(1))));
  const [first] = tuned.parameters.keys();
  const fewer = new Map([...tuned.parameters].filter(([name]) => name !== first));
  expect(() => tuned.with(fewer)).toThrow(first);
  expect(tuned.with(tuned.parameters).deltas[0]!.parameters).toEqual(tuned.deltas[0]!.parameters);
});

test("dropout of two deltas at one site differs, and repeats with its key", () => {
  const options = { rank: 2, dropout: 0.5 };
  const twin = moved(lora(model, options, random(1)));
  const hidden = (name: string): number[] =>
    tidy(() =>
      Array.from(
        attach(model, named(name, twin))
          .forward(batch, { training: true, random: random(9) })
          .hidden.dataSync(),
      ),
    );
  expect(hidden("a")).toEqual(hidden("a"));
  expect(hidden("a")).not.toEqual(hidden("b"));
});

test("a penalty is added to the loss, and only that of its parameters", () => {
  const plain = own(lora(model, { rank: 2 }, random(1)));
  const penalised: Delta = {
    ...plain,
    penalty: ({ parameters: q }) => sum(square(q.get([...q.keys()][0]!)!)) as Scalar,
  };
  const context = { random: random(1), training: false };
  const lossOf = (delta: Delta): number => {
    const tuned = attach(model, named("it", delta));
    return tidy(() => tuned.loss(tuned.parameters, batch, context).dataSync()[0]!);
  };
  const first = [...plain.parameters.values()][0]!;
  const extra = tidy(() => sum(square(first)).dataSync()[0]!);
  expect(lossOf(penalised)).toBeAllClose(lossOf(plain) + extra);
});

test("without a head there is no loss, and the error says so", () => {
  const bare = own(tinyModel({ head: undefined }));
  const tuned = attach(bare, own(lora(bare, {}, random(1))));
  expect(() => tuned.loss(tuned.parameters, batch, { random: random(1), training: false })).toThrow(
    /the model has no head/,
  );
  expect(() => head(bare)).toThrow(/head: there is no head to train/);
});

test("a stack is its parts under their own names, or under the stack's", () => {
  const parts = [moved(lora(model, {}, random(1))), moved(head(model))];
  const whole = stack(...parts);
  expect([...attach(model, whole).parameters.keys()]).toEqual([...attach(model, ...parts).parameters.keys()]);
  expect(attach(model, named("mail", whole)).deltas.map(({ name }) => name)).toEqual(["mail/lora", "mail/head"]);
  expect(logits(attach(model, named("mail", whole)))).toEqual(logits(attach(model, ...parts)));
});

test.each([
  ["LoRA, then scales", (m: LanguageModel) => [moved(lora(m, {}, random(1))), moved(ia3(m))]],
  ["scales, then LoRA", (m: LanguageModel) => [moved(ia3(m)), moved(lora(m, {}, random(1)))]],
  ["scales, then biases", (m: LanguageModel) => [moved(ia3(m)), moved(bitFit(m))]],
  ["LoRA, then every weight", (m: LanguageModel) => [moved(lora(m, {}, random(1))), moved(whole(m))]],
  ["every weight, then biases and scales", (m: LanguageModel) => [moved(whole(m)), moved(bitFit(m)), moved(ia3(m))]],
  [
    "two LoRAs",
    (m: LanguageModel) => [named("a", moved(lora(m, {}, random(1)))), named("b", moved(lora(m, {}, random(2)), 2))],
  ],
])("merging several does what applying them does: %s", (_, make) => {
  const tuned = attach(model, ...make(model));
  const merged = own(merge(tuned));
  // Sums in another order, through two layers: a few units in the last place.
  expect(logits(merged)).toBeAllClose(logits(tuned), { absolute: 2e-5, relative: 2e-5 });
});

test("merging names every delta that cannot be merged", () => {
  const tuned = attach(
    model,
    own(lora(model, {}, random(1))),
    own(adapter(model, {}, random(1))),
    named("words", own(prompt(model, { length: 2 }, random(1)))),
  );
  expect(() => merge(tuned)).toThrow(/no weights of the base do what "adapter" \(adapter\), "words" \(prompt\) do;/);
});

test("a merge that would change the word embeddings for one of their readers is refused, with the other reader", () => {
  const masked = own(tinyModel({ head: { kind: "masked-lm" } }));
  const table = "embeddings.word_embeddings.weight";
  const scores = seedlessMethod({
    kind: "scores",
    parse: () => ({}),
    tensors: () => ({ trained: new Map([["gain", { shape: [1], start: oneStart }]]) }),
    hooks: ({ parameters }) => [
      around(
        "linear",
        ({ path }) => path === "cls.predictions.decoder",
        ({ input, next }) => mul(next(input), parameters.get("gain")!),
      ),
    ],
    merge: (base, { parameters }) => new Map([[table, mul(base.get(table)!, parameters.get("gain")!)]]),
  });
  const tuned = attach(masked, own(scores(masked)));
  expect(() => merge(tuned)).toThrow(
    `merge: "${table}" is also read by embeddings.word_embeddings, which delta "scores" (scores) does not change`,
  );
});
