import { disposeParameters, type Parameters, random } from "@cambium/core";
import { adapter, attach, bitFit, head, ia3, lora, merge, norms, prompt, type Tuned, whole } from "@cambium/delta";
import { createModel, type LanguageModel } from "@cambium/models";
import { expectClose } from "@cambium/models/testing";
import { add, gather, memory, sub, type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { first, later, scores, tinyData, tinyRows, trained, tunedOn, withValues } from "../versions.fixture.ts";
import { chooseScale } from "./choose-scale.ts";
import { type RecycleOptions, recycle } from "./recycle.ts";

const initialise = { method: "initialise" } as const;

function pair(): { base: LanguageModel; next: LanguageModel; free: (...trees: Parameters[]) => void } {
  const base = first();
  const next = later(base);
  return {
    base,
    next,
    free: (...trees) => {
      for (const tree of [base.parameters, next.parameters, ...trees]) disposeParameters(tree);
    },
  };
}

const kinds = (base: LanguageModel) => ({
  lora: () => trained(lora(base, { rank: 2 }, random(1))),
  adapter: () => trained(adapter(base, { bottleneck: 3 }, random(1))),
  ia3: () => trained(ia3(base)),
  bitFit: () => trained(bitFit(base)),
  norms: () => trained(norms(base)),
  whole: () => trained(whole(base)),
  prompt: () => trained(prompt(base, { length: 2 }, random(1))),
});

test.each(Object.keys(kinds(null as never)) as (keyof ReturnType<typeof kinds>)[])(
  "on its own backbone %s is what it was, and nothing is left over",
  async (kind) => {
    const before = memory().numTensors;
    const base = first();
    const old = tunedOn(base, kinds(base)[kind]());
    const moved = await recycle(old, base, initialise);
    expectClose(await scores(moved), await scores(old), { absolute: 1e-5 });
    disposeParameters(moved.parameters);
    disposeParameters(old.parameters);
    disposeParameters(base.parameters);
    expect(memory().numTensors).toBe(before);
  },
);

test("deltas come along as numbers, weights as their difference, heads as they are", async () => {
  const { base, next, free } = pair();
  const old = tunedOn(base, trained(whole(base)));
  const moved = await recycle(old, next, initialise);
  const name = "encoder.layer.1.attention.self.query.weight";
  tidy(() =>
    expectClose(
      moved.parameters.get(`whole/${name}`)!,
      add(next.parameters.get(name)!, sub(old.parameters.get(`whole/${name}`)!, base.parameters.get(name)!)),
    ),
  );
  expect([...moved.parameters.get("whole/classifier.weight")!.dataSync()]).toEqual([
    ...old.parameters.get("whole/classifier.weight")!.dataSync(),
  ]);
  free(moved.parameters, old.parameters);
});

test("a trained head may come along as what training changed in it", async () => {
  const { base, next, free } = pair();
  const old = tunedOn(base, trained(head(base)));
  const moved = await recycle(old, next, { ...initialise, classifier: "difference" });
  const name = "classifier.weight";
  tidy(() =>
    expectClose(
      moved.parameters.get(`head/${name}`)!,
      add(next.parameters.get(name)!, sub(old.parameters.get(`head/${name}`)!, base.parameters.get(name)!)),
    ),
  );
  free(moved.parameters, old.parameters);
});

test.each(["lora", "adapter", "ia3", "bitFit", "norms", "whole"] as const)(
  "of %s, λ = 0 leaves the new model, and λ = 1 is the default",
  async (kind) => {
    const { base, next, free } = pair();
    const old = tunedOn(base, kinds(base)[kind]());
    const none = await recycle(old, next, { ...initialise, scale: 0 });
    const expected = await scores(next);
    // Of whole models the head stays as it was trained.
    if (kind !== "whole") expectClose(await scores(none), expected);
    else
      expectClose(
        none.parameters.get("whole/encoder.layer.0.output.dense.weight")!,
        next.parameters.get("encoder.layer.0.output.dense.weight")!,
      );
    const all = await recycle(old, next, initialise);
    const one = await recycle(old, next, { ...initialise, scale: 1 });
    expect(await scores(one)).toEqual(await scores(all));
    free(old.parameters, none.parameters, all.parameters, one.parameters);
  },
);

test("λ is a share of the change in weights, and each layer may have its own", async () => {
  const { base, next, free } = pair();
  const old = tunedOn(base, trained(lora(base, { rank: 2 }, random(1))));
  const moved = [
    await recycle(old, next, initialise),
    await recycle(old, next, { ...initialise, scale: 0.5 }),
    await recycle(old, next, { ...initialise, scale: [0, 1] }),
  ];
  const [full, half, second] = moved.map(merge) as [LanguageModel, LanguageModel, LanguageModel];
  const [zero, one] = [0, 1].map((layer) => `encoder.layer.${layer}.attention.self.query.weight`) as [string, string];
  tidy(() =>
    expectClose(
      half.parameters.get(one)!,
      add(next.parameters.get(one)!, sub(full.parameters.get(one)!, half.parameters.get(one)!)),
    ),
  );
  expectClose(second.parameters.get(zero)!, next.parameters.get(zero)!);
  expectClose(second.parameters.get(one)!, full.parameters.get(one)!);
  free(old.parameters, ...[...moved, full, half, second].map(({ parameters }) => parameters));
});

test("as a product, a LoRA does the same with other factors", async () => {
  const { base, next, free } = pair();
  const old = tunedOn(base, trained(lora(base, { rank: 2, alpha: 6 }, random(1))), trained(head(base)));
  const [factors, product] = [
    await recycle(old, next, initialise),
    await recycle(old, next, { ...initialise, lora: "product" }),
  ];
  expectClose(await scores(product), await scores(factors), { absolute: 1e-4 });
  const name = "lora/encoder.layer.0.attention.self.query.lora_A.weight";
  expect([...product.parameters.get(name)!.dataSync()]).not.toEqual([...factors.parameters.get(name)!.dataSync()]);
  free(old.parameters, factors.parameters, product.parameters);
});

test("classes follow their names", async () => {
  const { base, next, free } = pair();
  const other = withValues(next, next.parameters, {
    kind: "sequence-classification",
    labels: ["blue", "red", "green"],
  });
  const old = tunedOn(base, trained(head(base)), trained(lora(base, { rank: 2 }, random(1))));
  const [same, turned] = [await recycle(old, next, initialise), await recycle(old, other, initialise)];
  const [straight, found] = [await scores(same), await scores(turned)];
  expectClose(
    found,
    straight.map((_, i) => straight[3 * Math.floor(i / 3) + [2, 0, 1][i % 3]!]!),
  );
  free(old.parameters, same.parameters, turned.parameters);
});

test("a prompt that stands for words follows them into the new table", async () => {
  const { base, next, free } = pair();
  const table = "embeddings.word_embeddings.weight";
  const made = prompt(base, { length: 2 }, random(1));
  const words = (model: LanguageModel): Tensor =>
    tidy(() => gather(model.parameters.get(table)!, tensor1d([5, 11], "int32")));
  const old = tunedOn(base, { ...made, parameters: new Map([["prompt_embeddings", words(base)]]) });
  const moved = await recycle(old, next, { ...initialise, prompts: "nearest-token" });
  tidy(() => expectClose(moved.parameters.get("prompt/prompt_embeddings")!, words(next)));
  const kept = await recycle(old, next, initialise);
  expect([...kept.parameters.get("prompt/prompt_embeddings")!.dataSync()]).toEqual([
    ...old.parameters.get("prompt/prompt_embeddings")!.dataSync(),
  ]);
  free(old.parameters, moved.parameters, kept.parameters, made.parameters);
});

test("a delta alone is recycled with the model that it was trained on", async () => {
  const { base, next, free } = pair();
  const delta = trained(bitFit(base));
  const moved = await recycle(delta, next, { ...initialise, from: base });
  expectClose(
    moved.parameters.get("bitFit/encoder.layer.0.output.dense.bias")!,
    delta.parameters.get("encoder.layer.0.output.dense.bias")!,
  );
  await expect((async () => recycle(delta, next, initialise))()).rejects.toThrow("was trained on as from");
  free(delta.parameters, moved.parameters);
});

test("a delta that stands beside the weights is recycled alone, at once", async () => {
  const { base, next, free } = pair();
  const delta = trained(lora(base, { rank: 2, init: "gaussian" }, random(4)));
  const [alone, known] = [recycle(delta, next, initialise), recycle(attach(base, delta), next, initialise)];
  expectClose(await scores(alone), await scores(known));
  const beside = trained(lora(base, { rank: 2, bias: "all" }, random(4)));
  expect(() => recycle(beside, next, initialise)).toThrow("was trained on as from");
  free(delta.parameters, beside.parameters, alone.parameters, known.parameters);
});

test("models of other forms are refused, with every reason", async () => {
  const { base, next, free } = pair();
  const old = tunedOn(base, trained(lora(base, { rank: 2 }, random(1))), trained(head(base)));
  const refuse = async (model: LanguageModel, options: RecycleOptions = initialise): Promise<string> => {
    const error = (await (async () => recycle(old, model, options))().catch((caught: unknown) => caught)) as Error & {
      code?: string;
    };
    expect(error.code).toBe("CONFIG");
    return error.message;
  };
  const config = { ...base.config, num_hidden_layers: 3, vocab_size: 30 };
  const deeper = createModel(config as never, random(1), { head: base.head! });
  const message = await refuse(deeper);
  expect(message).toContain("num_hidden_layers was 2 and is 3");
  expect(message).toContain("vocab_size");
  expect(message).toContain("encoder.layer.2.attention.self.query");
  const labels = { kind: "sequence-classification", labels: ["red", "green", "pink"] } as const;
  expect(await refuse(withValues(next, next.parameters, labels))).toContain("pink");
  const tokenizers = [{ fingerprint: "a" }, { fingerprint: "b" }] as never;
  expect(await refuse(next, { ...initialise, tokenizers })).toContain("the tokenizers differ");
  expect(await refuse(next, { method: "project" })).toContain("needs a projection");
  expect(await refuse(next, { ...initialise, scale: [1] })).toContain("the model has 2 layers, and scale has 1");
  expect(await refuse(next, { ...initialise, scale: Number.NaN })).toContain("scale must be");
  expect(await refuse(next, { method: "initialize" as never })).toContain('method must be "initialise" or "project"');
  expect(await refuse(next, { ...initialise, lora: "sum" as never })).toContain("lora must be");
  expect(await refuse(next, { ...initialise, prompts: "nearest-token" })).toContain("of which there are none");
  const wider = { ...next, config: { ...next.config, vocab_size: 30 } } as LanguageModel;
  expect(await refuse(wider)).toContain("pass both");
  const one = { fingerprint: "a" } as never;
  const padded = await recycle(old, wider, { ...initialise, tokenizers: [one, one] });
  disposeParameters(padded.parameters);
  free(old.parameters, deeper.parameters);
});

test("settings that would do nothing are refused", async () => {
  const { base, next, free } = pair();
  const rows = tunedOn(base, trained(prompt(base, { length: 2 }, random(1))));
  await expect((async () => recycle(rows, next, { ...initialise, scale: 0.5 }))()).rejects.toThrow(
    "there is no part of a row",
  );
  await expect((async () => recycle(rows, next, { ...initialise, lora: "product" }))()).rejects.toThrow(
    "of which there are none",
  );
  await expect((async () => recycle(rows, next, { ...initialise, classifier: "difference" }))()).rejects.toThrow(
    "of which there is none",
  );
  free(rows.parameters);
});

test("the factor with the least loss is chosen, and a factor for each layer is no worse", async () => {
  const { base, next, free } = pair();
  const old: Tuned<LanguageModel> = tunedOn(base, trained(lora(base, { rank: 2 }, random(1))), trained(head(base)));
  const data = tinyData(tinyRows(8), { shuffled: false });
  const before = memory().numTensors;
  await expect(chooseScale(old, next, data, { scales: 2 as never })).rejects.toThrow("a list of at least two, got 2");
  const one = await chooseScale(old, next, data, { scales: [0, 0.5, 1] });
  expect(one.loss).toBe(Math.min(...one.tried.map(({ loss }) => loss)));
  const each = await chooseScale(old, next, data, { scales: [0, 0.5, 1], perLayer: true });
  expect(each.loss).toBeLessThanOrEqual(one.loss);
  expect(each.scale).toHaveLength(2);
  expect(memory().numTensors).toBe(before);
  free(old.parameters);
});
