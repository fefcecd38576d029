/** Steps that draw random numbers and move an objective's state, on onnx: replayed, with the bits of steps run in full. */

import { backendReport } from "@cambium/backend-onnx";
import { result } from "@cambium/base";
import { disposeParameters, type Objective, type Parameters, random, useBackend } from "@cambium/core";
import {
  adamW,
  type Batches,
  batches,
  chain,
  clipByGlobalNorm,
  type Optimiser,
  scaleByAdam,
  scaleByLearningRate,
  type TrainOptions,
  train,
} from "@cambium/train";
import {
  abs,
  add,
  exp,
  matMul,
  mean,
  mul,
  neg,
  reshape,
  square,
  sub,
  type Tensor,
  type Tensor2D,
  tanh,
  tensor2d,
  zeros,
} from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";

beforeAll(() => useBackend("onnx"));
afterAll(() => useBackend("cpu"));

interface Rows {
  readonly x: Tensor2D;
}

const WIDTH = 16;
const parameters = new Map<string, Tensor>();
const state = new Map<string, Tensor>();
beforeAll(() => {
  parameters.set("weight", random(1).normal([WIDTH, WIDTH], 0, 0.3));
  state.set("importance", zeros([WIDTH, WIDTH]));
});
afterAll(() => disposeParameters(new Map([...parameters, ...state])));

/** Noise of three kinds, an importance that fades, and weights that shrink by it. */
function objective(onLoss: () => void): Objective<Rows> {
  return {
    parameters,
    state,
    scalars: (step, total) => ({ keep: 1 - 1 / (step + 1), share: (0.01 * step) / total! }),
    loss(at, { x }, { random: key, training, state: here }) {
      onLoss();
      const weight = at.get("weight") as Tensor2D;
      if (!training) return mean(square(matMul(x, weight)));
      const noise = mul(key.at("weight").normal(weight.shape, 0, 0.1), exp(neg(here!.get("importance")!)));
      const inputs = add(x, key.at("input").truncatedNormal(x.shape, 0, 0.1)) as Tensor2D;
      const hidden = tanh(matMul(inputs, add(weight, noise) as Tensor2D));
      return reshape(mean(square(sub(hidden, key.at("target").uniform(hidden.shape, -1, 1)))), []);
    },
    afterStep({ state: before, parameters: now, gradients, scalars }) {
      const weight = now.get("weight")!;
      const found = abs(mul(weight, gradients.get("weight")!));
      const keep = scalars["keep"]!;
      const importance = add(mul(before.get("importance")!, keep), mul(found, sub(1, keep)));
      const shrunk = mul(weight, sub(1, mul(importance, scalars["share"]!)));
      return { state: new Map([["importance", importance]]), parameters: new Map([["weight", shrunk]]) };
    },
  };
}

const data = (): Batches<Rows> =>
  batches(
    Array.from({ length: 8 }, (_, i) => i),
    (rows) => ({ x: tensor2d(rows.map((row) => [...random(2).at(row).normals(WIDTH)])) }),
    { size: 2, random: random(3) },
  );

function takeBytes(tree: Parameters): Buffer[] {
  const bytes = [...tree.values()].map((tensor) => Buffer.from((tensor.dataSync() as Float32Array).slice().buffer));
  disposeParameters(tree);
  return bytes;
}

async function run(optimiser: Optimiser, of: Objective<Rows>, more: Partial<TrainOptions> = {}) {
  const end = await result(train(of, data(), { optimiser, steps: 12, random: random(5), ...more }));
  return [...takeBytes(end.parameters), ...takeBytes(end.state!)];
}

test.each<[string, Optimiser, Partial<TrainOptions>]>([
  ["AdamW", adamW({ learningRate: 0.01 }), { clipNorm: 0.1 }],
  ["AdamW over micro-batches", adamW({ learningRate: 0.01 }), { accumulate: 2 }],
  ["a chain", chain(clipByGlobalNorm(0.1), scaleByAdam(), scaleByLearningRate(0.01)), {}],
])(
  "%s: after three traces no loss is run again, nothing is compiled again, and the bits are equal",
  async (_, optimiser, more) => {
    let losses = 0;
    const found = await run(
      optimiser,
      objective(() => {
        losses++;
      }),
      more,
    );
    expect(losses).toBe(3 * (more.accumulate ?? 1));
    const { compileCount } = backendReport();
    await run(
      optimiser,
      objective(() => undefined),
      more,
    );
    expect(backendReport().compileCount).toBe(compileCount); // another run of the same steps finds its graphs

    const toy = objective(() => undefined);
    const inFull: Objective<Rows> = {
      ...toy,
      loss(at, batch, context) {
        expect(context.random.seed).toBe(5); // read on the host, so that nothing is replayed
        return toy.loss(at, batch, context);
      },
    };
    const expected = await run(optimiser, inFull, more);
    expect(found.every((bytes, i) => bytes.equals(expected[i]!))).toBe(true);
  },
);
