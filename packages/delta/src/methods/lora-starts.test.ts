import { memory, readJson } from "@cambium/base";
import { disposeParameters, mapParameters, type Parameters, random } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { add, matMul, mul, scalar, sub, type Tensor2D, tidy, transpose } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
import { combine } from "../combine/combine.ts";
import { padLora } from "../combine/pad-lora.ts";
import type { Delta } from "../delta.ts";
import { loadAdapter } from "../files/load-adapter.ts";
import { saveAdapter } from "../files/save-adapter.ts";
import { svd } from "../svd.ts";
import { lora } from "./lora.ts";

const columnsOf = (matrix: Tensor2D): Float64Array[] =>
  (transpose(matrix).arraySync() as number[][]).map((column) => Float64Array.from(column));

const at = (parameters: Parameters, path: string, which: "A" | "B"): Tensor2D =>
  parameters.get(`${path}.lora_${which}.weight`)! as Tensor2D;

/** On a layer `[12, 8]` of BERT, or its transpose in GPT-2. */
function start(init: "orthogonal" | "pissa" | "olora", rank: number, type = "bert") {
  const model = tinyModel({ type });
  const delta = lora(model, { init, rank, alpha: 5, targets: ["ff.up"] }, random(3));
  const { path, weight } = model.sites().find(({ role }) => role === "ff.up")!;
  const stored = model.parameters.get(weight!.name)! as Tensor2D;
  return {
    model,
    delta,
    path,
    matrix: tidy(() => (weight!.layout === "out,in" ? stored.clone() : (transpose(stored) as Tensor2D))),
  };
}

function release(model: LanguageModel, ...trees: Parameters[]): void {
  for (const tree of [model.parameters, ...trees]) disposeParameters(tree);
}

test.each(["bert", "gpt2"])("PiSSA on %s starts as the largest singular values of the weight", (type) => {
  const { model, delta, path, matrix } = start("pissa", 3, type);
  tidy(() => {
    const [a, b] = [at(delta.parameters, path, "A"), at(delta.parameters, path, "B")];
    const product = mul(matMul(b, a), scalar(5 / 3)) as Tensor2D;
    const { values } = svd(columnsOf(matrix));
    const rest = svd(columnsOf(sub(matrix, product) as Tensor2D)).values;
    // The error of a truncated decomposition is the next singular value.
    expect(rest[0]!).toBeCloseTo(values[3]!, 4);
    expect(svd(columnsOf(product as Tensor2D)).values).toBeAllClose(values.slice(0, 3), {
      absolute: 1e-4,
      relative: 1e-4,
    });
    // Both factors have the root of each.
    expect(matMul(a, a, false, true)).toBeAllClose(matMul(b, b, true, false), { absolute: 1e-4, relative: 1e-4 });
  });
  matrix.dispose();
  release(model, delta.parameters, delta.buffers);
});

test("OLoRA starts as the first columns of Q and the first rows of R, so that the first columns are the weight's own", () => {
  const { model, delta, path, matrix } = start("olora", 3);
  tidy(() => {
    const [a, b] = [at(delta.parameters, path, "A"), at(delta.parameters, path, "B")];
    const product = matMul(b, a) as Tensor2D;
    const first = (some: Tensor2D): number[] =>
      columnsOf(some)
        .slice(0, 3)
        .flatMap((column) => [...column]);
    expect(first(product)).toBeAllClose(first(matrix), { absolute: 1e-5, relative: 1e-5 });
    expect(matMul(b, b, true, false).arraySync()).toBeAllClose(
      [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ],
      { absolute: 1e-5, relative: 1e-5 },
    );
  });
  matrix.dispose();
  release(model, delta.parameters, delta.buffers);
});

test.each(["orthogonal", "pissa", "olora"] as const)("a LoRA with the start %s is the base up to rounding", (init) => {
  const { model, delta, matrix } = start(init, 4);
  const batch = tinyBatch(model);
  tidy(() => {
    const [tuned, plain] = [attach(model, delta), model].map((each) => each.forward(batch).logits!);
    expect(tuned!).toBeAllClose(plain!, { absolute: 1e-5, relative: 1e-5 });
  });
  matrix.dispose();
  disposeFields(batch);
  release(model, delta.parameters, delta.buffers);
});

test("an odd rank has no orthogonal start, and a rank above a layer's has no PiSSA", () => {
  const model = tinyModel();
  expect(() => lora(model, { init: "orthogonal", rank: 3 }, random(1))).toThrow(/needs an even rank, got 3/);
  expect(() => lora(model, { init: "pissa", rank: 9 }, random(1))).toThrow(/a rank of at most 8/);
  release(model);
});

test.each(["pissa", "olora"] as const)(
  "a trained LoRA with the start %s becomes PEFT's plain one of twice the rank",
  async (init) => {
    const model = tinyModel();
    const delta = lora(
      model,
      { init, rank: 2, alpha: 3, rsLora: true, rankPattern: { "1.attention.self.query": 3 } },
      random(3),
    );
    const batch = tinyBatch(model);
    const parameters = mapParameters(delta.parameters, (value, name) =>
      tidy(() => add(value, random(5).at(name).normal(value.shape))),
    );
    const tuned = attach(model, delta).with(new Map([...parameters].map(([name, value]) => [`lora/${name}`, value])));
    const files = memory();
    expect(await saveAdapter(tuned, files, { withoutHead: true })).toEqual({ format: "peft" });
    const config = (await readJson(files, "adapter_config.json")) as Record<string, unknown>;
    expect(config).toMatchObject({ r: 4, lora_alpha: 3 * Math.SQRT2, init_lora_weights: true });
    expect(Object.values(config["rank_pattern"] as object)).toEqual([6]);
    const loaded = (await loadAdapter(model, files)) as Delta;
    tidy(() => {
      const [before, after, plain] = [tuned, attach(model, loaded), model].map((each) => each.forward(batch).logits!);
      expect(after!).toBeAllClose(before!, { absolute: 1e-5, relative: 1e-5 });
      expect(plain!.arraySync()).not.toEqual(before!.arraySync());
    });
    disposeFields(batch);
    release(model, delta.parameters, delta.buffers, parameters, loaded.parameters);
  },
);

test.each(["pissa", "olora"] as const)(
  "a trained LoRA with the start %s is combined and padded as it is",
  async (init) => {
    const model = tinyModel();
    const delta = lora(model, { init, rank: 2, alpha: 3 }, random(3));
    const parameters = mapParameters(delta.parameters, (value, name) =>
      tidy(() => add(value, random(5).at(name).normal(value.shape))),
    );
    const trained = { ...delta, parameters };
    const alone = await combine([[trained, 1]], { method: "cat" });
    const added = await combine(
      [
        [trained, 0.25],
        [trained, 0.75],
      ],
      { method: "cat" },
    );
    expect(() => padLora(trained, { rank: 3 })).toThrow(/has rank 4, above 3/);
    const padded = padLora(trained, { rank: 5 });
    const batch = tinyBatch(model);
    tidy(() => {
      const before = attach(model, trained).forward(batch).logits!;
      for (const other of [alone, added, padded])
        expect(attach(model, other as Delta).forward(batch).logits!).toBeAllClose(before, {
          absolute: 1e-5,
          relative: 1e-5,
        });
    });
    disposeFields(batch);
    release(model, delta.parameters, delta.buffers, parameters, alone.parameters, added.parameters, padded.parameters);
  },
);
