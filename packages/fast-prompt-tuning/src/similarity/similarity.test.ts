import { disposeParameters, random } from "@cambium/core";
import { attach, prompt } from "@cambium/delta";
import { capture, type LanguageOutput, type TokenBatch } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { add, matMul, mul, type Tensor2D, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { tinyData } from "../data.fixture.ts";
import { partial } from "../partial/partial-model.ts";
import { comparePrompts, judgeSimilarity } from "./compare-prompts.ts";
import { eigen, multiply, root } from "./matrices.ts";
import { measureActivationOverlap, measureTransfer } from "./measure-transfer.ts";
import { plotCurves, plotMatrix } from "./plots.ts";

const key = random(5);
const normal = (label: string, shape: [number, number]) => key.at(label).normal(shape) as Tensor2D;

test("a common start makes prompts alike, and what they learned is not", async () => {
  const tensors = tidy(() => {
    const start = mul(normal("start", [4, 32]), 10) as Tensor2D;
    return { start, a: add(start, normal("a", [4, 32])) as Tensor2D, b: add(start, normal("b", [4, 32])) as Tensor2D };
  });
  const { start, a, b } = tensors;
  const { matrices } = await comparePrompts([
    { name: "a", task: "x", prompt: a, start },
    { name: "b", task: "x", prompt: b, start },
  ]);
  for (const matrix of Object.values(matrices))
    expect([matrix[0]![0], matrix[1]![1]]).toBeAllClose([1, 1], { absolute: 1e-6 });
  expect(matrices.cosine[0]![1]).toBeGreaterThan(0.95);
  expect(Math.abs(matrices["update cosine"][0]![1]!)).toBeLessThan(0.4); // 128 numbers: a deviation of 0.09
  for (const tensor of Object.values(tensors)) tensor.dispose();
});

test("CKA and Procrustes do not see a rotation, the cosine does", async () => {
  const tensors = tidy(() => {
    const [c, s] = [Math.cos(1), Math.sin(1)];
    const x = tensor2d([
      [1, 2],
      [3, -1],
      [-2, 0.5],
      [0.3, 1],
    ]);
    return {
      x,
      turned: matMul(
        x,
        tensor2d([
          [c, s],
          [-s, c],
        ]),
      ) as Tensor2D,
      zero: mul(x, 0) as Tensor2D,
    };
  });
  const { x, turned, zero } = tensors;
  const { matrices } = await comparePrompts([
    { name: "x", task: "a", prompt: x, start: zero },
    { name: "turned", task: "a", prompt: turned, start: zero },
  ]);
  expect(matrices.CKA[0]![1]).toBeCloseTo(1, 5);
  expect(matrices.Procrustes[0]![1]).toBeCloseTo(1, 5);
  expect(matrices.cosine[0]![1]).toBeCloseTo(Math.cos(1), 5);
  const broken = tidy(() => mul(x, Number.NaN) as Tensor2D);
  const pair = [x, broken].map((each, i) => ({ name: `${i}`, task: "a", prompt: each, start: zero }));
  await expect(comparePrompts(pair)).rejects.toThrow(/"1" holds numbers that are not finite/);
  broken.dispose();
  for (const tensor of Object.values(tensors)) tensor.dispose();
});

test("eigenvalues and roots are those of the matrix", () => {
  const matrix = [Float64Array.of(2, 1, 0), Float64Array.of(1, 3, 1), Float64Array.of(0, 1, 4)];
  const { values } = eigen(matrix);
  expect(values.reduce((a, b) => a + b, 0)).toBeCloseTo(9, 10);
  expect(values.reduce((a, b) => a * b, 1)).toBeCloseTo(18, 10);
  const half = root(matrix);
  expect(multiply(half, half).map((row) => [...row])).toBeAllClose(
    matrix.map((row) => [...row]),
    { absolute: 1e-9 },
  );
});

test("prompts of one task are told from the control", () => {
  const matrix = [
    [1, 0.8, 0.1],
    [0.8, 1, 0.3],
    [0.1, 0.3, 1],
  ];
  const comparison = { names: ["a", "b", "c"], tasks: ["x", "x", "y"], matrices: { "update cosine": matrix } as never };
  expect(judgeSimilarity(comparison)).toEqual({ sameTask: 0.8, control: 0.2, pairs: [1, 2] });
  expect(() => judgeSimilarity({ ...comparison, tasks: ["x", "y", "z"] })).toThrow(/two prompts of one task/);
});

test("a prompt is measured in every part, and lights the same neurons as itself", async () => {
  const model = tinyModel({ type: "bert" });
  const tuned = attach(model, prompt(model, { length: 2 }, random(1)));
  const other = attach(model, prompt(model, { length: 2, init: "normal" }, random(2)));
  const parts = { half: partial(tuned, { depth: 0.5 }), whole: other as never };
  const seen: string[] = [];
  const { scores } = await measureTransfer(parts, async (point, names) => {
    seen.push(`${names.prompt} in ${names.model}`);
    return [...point.parameters.values()][0] === [...parts.half.parameters.values()][0] ? 1 : 2;
  });
  expect(seen).toEqual(["half in half", "half in whole", "whole in half", "whole in whole"]);
  expect(scores).toEqual([
    [1, 1],
    [2, 2],
  ]);
  const overlap = await measureActivationOverlap([tuned, other], tinyData(model, 1), { share: 0.25 });
  expect([overlap[0]![0], overlap[1]![1]]).toEqual([1, 1]);
  expect(overlap[0]![1]).toBe(overlap[1]![0]);
  // By hand: of each layer, the quarter of the neurons that are the most active over the prompt's two rows.
  const batch = tinyBatch(model);
  const lit = [tuned, other].map((point) => {
    const { output, captured } = capture<TokenBatch, LanguageOutput>(point as never, batch, ["ff.act"]);
    const layers = [...captured.values()].map((each) => {
      const rows = (each.arraySync() as number[][][]).flatMap((row) => row.slice(0, 2));
      const sizes = rows[0]!.map((_, unit) => rows.reduce((sum, row) => sum + Math.abs(row[unit]!), 0));
      const order = [...sizes.keys()].sort((a, b) => sizes[b]! - sizes[a]!);
      return new Set(order.slice(0, sizes.length / 4));
    });
    for (const value of captured.values()) value.dispose();
    disposeFields(output);
    return layers;
  }) as [Set<number>[], Set<number>[]];
  const shares = lit[0].map((own, layer) => {
    const both = [...own].filter((unit) => lit[1][layer]!.has(unit)).length;
    return both / (2 * own.size - both);
  });
  expect(overlap[0]![1]).toBeCloseTo(shares.reduce((a, b) => a + b) / shares.length, 10);
  expect(overlap[0]![1]).toBeLessThan(1);
  disposeFields(batch);
  await expect(measureTransfer(parts, async () => Number.NaN)).rejects.toThrow(/the score of half in half is NaN/);
  const none = { describe: () => ({}), async *epoch() {} };
  await expect(measureActivationOverlap([tuned], none)).rejects.toThrow(/no batch/);
  await expect(measureActivationOverlap([], tinyData(model, 1))).rejects.toThrow(/no prompts/);
  for (const each of [tuned, other]) disposeParameters(each.parameters);
  disposeParameters(model.parameters);
});

test("figures show their numbers, and costs in operations and in seconds", () => {
  const figureOf = plotMatrix(
    ["a", "b"],
    [
      [1, 0.25],
      [0.25, 1],
    ],
    { title: "Similarity" },
  );
  expect(figureOf.svg()).toContain("0.25");
  const points = [
    { flops: 1e9, elapsedMs: 500, score: 60 },
    { flops: 2e9, elapsedMs: 900, score: 70 },
  ];
  const [byFlops, bySeconds] = plotCurves([{ name: "FPT", points, growths: [{ flops: 1e9, elapsedMs: 500 }] }], {
    score: { label: "accuracy", unit: "%" },
  });
  expect(byFlops.svg()).toContain("GFLOP");
  expect(bySeconds.description).toContain("0.500 s");
  expect(() => plotMatrix(["a"], [[1, 2]], { title: "x" })).toThrow(/plotMatrix/);
  expect(() => plotCurves([], { score: { label: "accuracy" } })).toThrow(/no curve/);
});
