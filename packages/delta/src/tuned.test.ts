/** What a tuned model is besides its hooks: something to run, to describe, to move to another base. */
import { memory } from "@cambium/base";
import { type AfterStep, disposeParameters, mapParameters, onWeight, type Parameters, random } from "@cambium/core";
import { capture, collate, createTokenizer, embed, type LanguageModel, type TokenBatch } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { add, mul, scalar, type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { attach } from "./attach.ts";
import { type Delta, named } from "./delta.ts";
import { saveAdapter } from "./files/save-adapter.ts";
import { seedlessMethod } from "./method.ts";
import { adapter, head, lora, prefix, prompt, whole } from "./methods/index.ts";

let model: LanguageModel;
let batch: TokenBatch;
const made: Parameters[] = [];

/** Registers tensors to be disposed of after the test. */
function own<D extends Pick<Delta, "parameters">>(owner: D): D {
  made.push(owner.parameters);
  return owner;
}

/** The same delta away from its start. */
function moved<D extends Delta>(delta: D): D {
  const parameters = mapParameters(delta.parameters, (value, name) =>
    tidy(() => add(value, mul(random(1).at(name).normal(value.shape), 0.2))),
  );
  own(delta);
  return own({ ...delta, parameters });
}

const logits = (from: Pick<LanguageModel, "forward">): number[] =>
  tidy(() => Array.from(from.forward(batch).logits!.dataSync()));

beforeEach(() => {
  model = own(tinyModel({ dropout: 0 }));
  batch = tinyBatch(model);
});
afterEach(() => {
  for (const parameters of made.splice(0)) disposeParameters(parameters);
  disposeFields(batch);
});

const tokenizer = createTokenizer(
  {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: "Whitespace" },
    post_processor: null,
    decoder: null,
    model: {
      type: "WordLevel",
      vocab: { "[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, a: 5, b: 6 },
      unk_token: "[UNK]",
    },
  },
  { pad_token: "[PAD]", unk_token: "[UNK]", cls_token: "[CLS]", sep_token: "[SEP]", mask_token: "[MASK]" },
);

test("batches of a tuned model are those of its base, labels included", () => {
  const tuned = attach(model, own(lora(model, {}, random(1))));
  const [ours, theirs] = [tuned, model].map((each) =>
    collate(each, tokenizer, { maxLength: 8 })([{ text: "a b", label: "green" }]),
  );
  expect(Object.keys(ours!)).toEqual(Object.keys(theirs!));
  expect(ours!.labels!.dataSync()).toEqual(theirs!.labels!.dataSync());
  disposeFields(ours!);
  disposeFields(theirs!);
});

test("a tuned model is embedded and captured as a model is", async () => {
  const tuned = attach(model, moved(lora(model, {}, random(1))));
  const [[ours], [theirs]] = [await embed(tuned, tokenizer, ["a b"]), await embed(model, tokenizer, ["a b"])];
  expect(ours).not.toEqual(theirs);
  tidy(() => {
    const { output, captured } = capture(tuned, batch, ["ff.act"]);
    expect(captured.size).toBe(2);
    expect(Array.from(output.logits!.dataSync())).toEqual(logits(tuned));
  });
  expect(tuned.sites()).toBe(model.sites());
});

test("a description tells other settings, names, bases and heads apart, and not the values of a point", async () => {
  const describe = async (base: LanguageModel, delta: Delta): Promise<string> => {
    const description = await attach(base, own(delta)).describe();
    return JSON.stringify(description);
  };
  const first = await describe(model, lora(model, {}, random(1)));
  expect(await describe(model, lora(model, {}, random(2)))).toBe(first);
  const other = own(tinyModel({ seed: 2 }));
  const variants = [
    await describe(model, lora(model, { alpha: 3 }, random(1))),
    await describe(model, named("other", lora(model, {}, random(1)))),
    await describe(other, lora(other, {}, random(1))),
    await describe({ ...model, head: { kind: "regression" } }, lora(model, {}, random(1))),
  ];
  expect(new Set([first, ...variants]).size).toBe(5);
});

test("a description has the fingerprint of what a delta freezes", async () => {
  const freezing = (value: number) =>
    seedlessMethod({
      kind: "frozen",
      parse: () => ({}),
      tensors: () => ({
        trained: new Map(),
        frozen: new Map([["f", { shape: [1], start: { kind: "constant", value } }]]),
      }),
      hooks: ({ buffers }) => [
        onWeight(
          (name) => name === "classifier.bias",
          (_, bias) => add(bias, buffers.get("f")!),
        ),
      ],
    });
  const deltas = [freezing(1)(model), freezing(2)(model)];
  const [one, two] = await Promise.all(deltas.map((delta) => attach(model, delta).describe()));
  expect(one).not.toEqual(two);
  for (const { buffers } of deltas) disposeParameters(buffers);
});

test("on another base the same deltas act on its weights", () => {
  const other = own(tinyModel({ dropout: 0, seed: 2 }));
  const deltas = [moved(lora(model, { rank: 2 }, random(1))), moved(adapter(model, { bottleneck: 2 }, random(1)))];
  const there = attach(model, ...deltas).on(other);
  expect(logits(there)).toEqual(logits(attach(other, ...deltas)));
  expect(there.base).toBe(other);
  expect([...there.parameters.values()]).toEqual(deltas.flatMap(({ parameters }) => [...parameters.values()]));
});

test("on another base whole weights are its own with what training changed, and the head is the trained one", () => {
  const other = own(tinyModel({ dropout: 0, seed: 2 }));
  const delta = moved(whole(model, { modules: ["pooler", "classifier"] }));
  const there = own(attach(model, delta).on(other));
  const change = (name: string, base: LanguageModel, tuned: Parameters): Tensor =>
    tidy(() => add(tuned.get(`whole/${name}`)!, mul(base.parameters.get(name)!, scalar(-1))));
  const pooler = "pooler.dense.weight";
  const [before, after] = [
    change(pooler, model, new Map([[`whole/${pooler}`, delta.parameters.get(pooler)!]])),
    change(pooler, other, there.parameters),
  ];
  expect(after).toBeAllClose(before);
  before.dispose();
  after.dispose();
  expect(there.parameters.get("whole/classifier.weight")!.dataSync()).toEqual(
    delta.parameters.get("classifier.weight")!.dataSync(),
  );
});

test("another base must agree where a delta touches it, and there only", () => {
  const prompted = attach(model, moved(prompt(model, { length: 2 }, random(1))), moved(head(model)));
  const adapted = attach(model, moved(lora(model, { targets: "ff.up" }, random(1))));
  const prefixed = attach(model, moved(prefix(model, { length: 2 }, random(1))));
  const shallow: LanguageModel = { ...model, sites: () => model.sites().filter(({ layer }) => layer !== 1) };
  expect(prompted.on(shallow).base).toBe(shallow);
  expect(() => adapted.on(shallow)).toThrow(
    /on: delta "lora" \(lora\) does not fit the other base, which does not have the linear site encoder.layer.1.intermediate.dense/,
  );
  expect(() => prefixed.on(shallow)).toThrow(/does not have the attention site encoder.layer.1/);
  const narrow: LanguageModel = {
    ...model,
    sites: () => model.sites().map((site) => (site.role === "ff.up" ? { ...site, width: 6 } : site)),
  };
  expect(() => adapted.on(narrow)).toThrow(/has the linear site encoder.layer.0.intermediate.dense as .*"width":6/);
});

test("files do not take deltas before training, be it one of several, and say how", async () => {
  const [one, two] = [moved(lora(model, {}, random(1))), own(head(model))];
  await expect(saveAdapter(attach(model, one, two), memory())).rejects.toThrow(
    /delta "head" \(head\) is still what it was made as; save tuned.with\(parameters\)/,
  );
  const copies = own({ parameters: mapParameters(two.parameters, (value) => tidy(() => add(value, scalar(0)))) });
  await expect(saveAdapter(attach(model, one, { ...two, ...copies }), memory())).rejects.toMatchObject({
    code: "STATE",
  });
  await saveAdapter(attach(model, one, two), memory(), { untrained: true });
  await expect(saveAdapter(attach(model, one), memory(), { untraned: true } as never)).rejects.toThrow(/untrained/);
});

/** Counts its steps, in tensors, and holds its one parameter at the count. */
const counter = seedlessMethod<Record<string, never>, Record<string, never>>({
  kind: "counter",
  parse: () => ({}),
  tensors: () => ({ trained: new Map([["p", { shape: [1], start: { kind: "constant", value: 0 } }]]) }),
  state: () => new Map([["count", { shape: [1], start: { kind: "constant", value: 0 } }]]),
  scalars: (_, __, step) => ({ by: step }),
  afterStep({ state }, { scalars }) {
    const count = add(state.get("count")!, scalars["by"]!);
    return { state: new Map([["count", count]]), parameters: new Map([["p", mul(count, scalar(10))]]) };
  },
  hooks: ({ parameters, state }) => [
    onWeight(
      (name) => name === "classifier.bias",
      (_, bias) => add(bias, add(parameters.get("p")!, state.get("count")!)),
    ),
  ],
});

test("states of several deltas are kept apart, follow steps, and are seen by losses", () => {
  const deltas = [named("a", own(counter(model))), named("b", own(counter(model))), own(lora(model, {}, random(1)))];
  for (const { state } of deltas) made.push(state);
  const tuned = attach(model, ...deltas);
  expect([...tuned.state!.keys()]).toEqual(["a/count", "b/count"]);
  expect(tuned.scalars!(3)).toEqual({ "a/by": 3, "b/by": 3 });
  const scalars = { "a/by": tensor1d([3]), "b/by": tensor1d([4]) };
  const given: AfterStep = {
    state: tuned.state!,
    parameters: tuned.parameters,
    gradients: tuned.parameters,
    scalars,
  };
  const after = tuned.afterStep!(given);
  made.push(after.state, after.parameters!);
  expect([...after.state].map(([name, value]) => [name, value.dataSync()[0]])).toEqual([
    ["a/count", 3],
    ["b/count", 4],
  ]);
  expect([...after.parameters!.keys()]).toEqual(["a/p", "b/p"]);
  const context = { random: random(1), training: false };
  const lossWith = (state: Parameters): number =>
    tidy(() => tuned.loss(tuned.parameters, batch, { ...context, state }).dataSync()[0]!);
  expect(lossWith(after.state)).toBeCloseTo(lossWith(tuned.state!), 5); // a bias of all classes changes no softmax
  expect(logits(tuned.with(tuned.parameters, { state: after.state }))).toBeAllClose(
    logits(tuned).map((value) => value + 7),
    { absolute: 1e-5 },
  );
  for (const each of Object.values(scalars)) each.dispose();
});
