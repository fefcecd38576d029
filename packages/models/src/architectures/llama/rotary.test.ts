import { random } from "@cambium/core";
import {
  matMul,
  range,
  reshape,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tensor2d,
  tensor4d,
  tidy,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { parseLlamaConfig } from "./config.ts";
import { rotaryFrequencies, rotate, rotationAt } from "./rotary.ts";

const inTidy = (body: () => void): void => void tidy(() => void body());

const configOf = (head_dim: number, rope_parameters: object) =>
  parseLlamaConfig("test", { model_type: "llama", head_dim, rope_parameters }, "user");

const frequenciesOf = (head_dim: number, rope: object): readonly number[] =>
  rotaryFrequencies(configOf(head_dim, rope).rope_parameters, head_dim);

test("frequencies are a geometric series from 1 down to almost 1 / θ, and linear scaling divides them all", () => {
  expect(frequenciesOf(8, { rope_theta: 10000 })).toEqual(
    [1, 0.1, 0.01, 0.001].map((each) => expect.closeTo(each, 12)),
  );
  const scaled = frequenciesOf(8, { rope_theta: 10000, rope_type: "linear", factor: 4 });
  expect(scaled).toEqual([0.25, 0.025, 0.0025, 0.00025].map((each) => expect.closeTo(each, 12)));
});

test("llama3 keeps waves that turn often, stretches those that turn seldom, and lies on a line between", () => {
  const settings = { rope_type: "llama3", factor: 10, low_freq_factor: 1, high_freq_factor: 5, rope_theta: 64 };
  const positions = 50;
  const plain = [1, 1 / 4, 1 / 16]; // 50 ω / 2π = 7.96, 1.99 and 0.497 turns
  const kept = (positions / 4 / (2 * Math.PI) - 1) / (5 - 1); // of the second
  const wanted = [plain[0]!, kept * plain[1]! + ((1 - kept) * plain[1]!) / 10, plain[2]! / 10];
  const frequencies = frequenciesOf(6, { ...settings, original_max_position_embeddings: positions });
  expect(frequencies).toEqual(wanted.map((each) => expect.closeTo(each, 12)));
});

test("llama3 has no jump where its three parts meet", () => {
  const settings = { rope_type: "llama3", factor: 10, low_freq_factor: 1, high_freq_factor: 5 } as const;
  const ratioAt = (turns: number): number => {
    const frequency = (2 * Math.PI * turns) / 100;
    const rope = { ...settings, rope_theta: frequency ** -2, original_max_position_embeddings: 100 };
    return rotaryFrequencies(rope, 4)[1]! / frequency;
  };
  for (const [turns, ratio] of [
    [1, 1 / 10],
    [5, 1],
  ] as const) {
    expect(ratioAt(turns * (1 - 1e-9))).toBeCloseTo(ratio, 6);
    expect(ratioAt(turns * (1 + 1e-9))).toBeCloseTo(ratio, 6);
  }
});

test("a pair of columns turns by position · frequency; its partner is half a head away", () => {
  inTidy(() => {
    const config = configOf(4, { rope_theta: 100 }); // frequencies 1 and 0.1
    const x = tensor4d([1, 0, 0, 0, 0, 1, 0, 0], [1, 2, 1, 4]);
    const turned = rotate(x, rotationAt(tensor2d([[3]], [1, 1], "int32"), config));
    expect(reshape(turned, [2, 4])).toBeAllClose([
      [Math.cos(3), 0, Math.sin(3), 0],
      [0, Math.cos(0.3), 0, Math.sin(0.3)],
    ]);
  });
});

test.each([
  ["default", {}],
  ["linear", { rope_type: "linear", factor: 3 }],
  [
    "llama3",
    { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 32 },
  ],
])("scores depend on distances alone: all positions moved by the same, they stay (%s)", (_, rope) => {
  inTidy(() => {
    const config = configOf(6, { rope_theta: 20, ...rope });
    const draw = (label: string): Tensor4D => random(5).at(label).normal([2, 3, 7, 6]) as Tensor4D;
    const [query, key] = [draw("query"), draw("key")];
    const scoresFrom = (start: number): Tensor => {
      const row = range(start, start + 7, 1, "int32");
      const rotation = rotationAt(reshape(row, [1, 7]) as Tensor2D, config);
      return matMul(rotate(query, rotation), rotate(key, rotation), false, true);
    };
    // Angles up to 60 in float32 are off by 4e-6, and scores are sums of six products.
    expect(scoresFrom(53)).toBeAllClose(scoresFrom(0), { relative: 0, absolute: 1e-4 });
    const unmoved = matMul(query, key, false, true);
    expect(() => expect(scoresFrom(0)).toBeAllClose(unmoved, { relative: 0, absolute: 0.1 })).toThrow();
  });
});
