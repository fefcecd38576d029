/** Training of many parameters on onnx, where an optimiser moves the point in its own memory, against the graph that moves it. */
import { memory, result } from "@cambium/base";
import { disposeParameters, type Objective, type Parameters, random, useBackend } from "@cambium/core";
import { adamW, type Batches, batches, type Optimiser, type TrainOptions, train } from "@cambium/train";
import {
  add,
  matMul,
  mean,
  mul,
  reshape,
  square,
  sub,
  type Tensor,
  type Tensor2D,
  tensor2d,
} from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";

beforeAll(() => useBackend("onnx"));
afterAll(() => useBackend("cpu"));

/** So wide that its weight is worth an update outside of the graph. */
const WIDTH = 1100;

interface Rows {
  readonly x: Tensor2D;
}

const objective: Objective<Rows> = {
  parameters: new Map<string, Tensor>(),
  describe: () => "in place",
  loss: (parameters: Parameters, { x }) => {
    const product = matMul(x, parameters.get("layer.weight") as Tensor2D);
    return reshape(mean(square(sub(add(product, parameters.get("layer.bias")!), 1))), []);
  },
};

beforeAll(() => {
  const at = random(1).at("parameters");
  const parameters = objective.parameters as Map<string, Tensor>;
  parameters.set("layer.weight", at.at("weight").normal([WIDTH, WIDTH]));
  parameters.set("layer.bias", at.at("bias").normal([WIDTH]));
});
afterAll(() => disposeParameters(objective.parameters));

/** The same with a state, which takes something off the bias at every step. */
const followed: Objective<Rows> = {
  ...objective,
  state: new Map<string, Tensor>(),
  scalars: (step) => ({ share: 0.5 / step }),
  afterStep({ state, parameters, gradients, scalars }) {
    const pull = add(mul(state.get("pull")!, 0.5), gradients.get("layer.bias")!);
    const bias = sub(parameters.get("layer.bias")!, mul(pull, scalars["share"]!));
    return { state: new Map([["pull", pull]]), parameters: new Map([["layer.bias", bias]]) };
  },
};

beforeAll(() => {
  (followed.state as Map<string, Tensor>).set("pull", random(4).normal([WIDTH]));
});
afterAll(() => disposeParameters(followed.state!));

const data = (): Batches<Rows> =>
  batches(
    Array.from({ length: 12 }, (_, i) => i),
    (rows) => ({ x: tensor2d(rows.map((row) => [...random(2).at(row).normals(WIDTH)])) }),
    { size: 2, random: random(3) },
  );

const inGraph = (optimiser: Optimiser): Optimiser => ({ ...optimiser, donates: false });
const settings = adamW({ learningRate: 1e-2, groups: [{ match: /bias/, learningRateFactor: 3 }] });

/** The elements of all parameters, as bytes. Disposes of the parameters. */
function takeBytes(parameters: Parameters): Buffer[] {
  const bytes = [...parameters.values()].map((tensor) =>
    Buffer.from((tensor.dataSync() as Float32Array).slice().buffer),
  );
  disposeParameters(parameters);
  return bytes;
}

const areEqual = (some: readonly Buffer[], others: readonly Buffer[]): boolean =>
  some.length === others.length && some.every((bytes, i) => bytes.equals(others[i]!));

/** The weights at the end of a run, and what an evaluation kept of them on its way. */
async function run(
  optimiser: Optimiser,
  options: Partial<TrainOptions>,
  keepsBest: boolean,
  of: Objective<Rows> = objective,
) {
  const kept: Float32Array[] = [];
  const evaluate = {
    every: 2,
    run: async (parameters: Parameters) => {
      kept.push((await parameters.get("layer.weight")!.data()) as Float32Array);
      return { loss: kept.length === 2 ? 0 : 1 };
    },
    ...(keepsBest ? { best: { metric: "loss", direction: "lowest" as const } } : {}),
  };
  const { parameters, state } = await result(train(of, data(), { optimiser, epochs: 1, evaluate, ...options }));
  const end = [...takeBytes(parameters), ...takeBytes(state ?? new Map())];
  return { end, kept: kept.map((weight) => Buffer.from(weight.buffer)) };
}

test.each<[string, Partial<TrainOptions>, boolean, Objective<Rows>?]>([
  ["as it is", {}, false],
  ["with clipping", { clipNorm: 0.5 }, false],
  ["of several micro-batches", { accumulate: 3, clipNorm: 0.5 }, false],
  ["that returns its best point", {}, true],
  ["of an objective with a state", { clipNorm: 0.5 }, false, followed],
  ["of an objective with a state, at its best point", { accumulate: 2 }, true, followed],
])(
  "a run %s ends at the same bits, and nothing that it handed out changes afterwards",
  async (_, options, keepsBest, of) => {
    const here = await run(settings, options, keepsBest, of);
    const there = await run(inGraph(settings), options, keepsBest, of);
    expect(here.kept.length).toBeGreaterThan(0);
    expect([areEqual(here.kept, there.kept), areEqual(here.end, there.end)]).toEqual([true, true]);
  },
);

test("a run that is stopped and resumed ends at the same bits", async () => {
  const options = { optimiser: settings, epochs: 1 };
  const whole = await result(train(objective, data(), options));
  const checkpoint = memory();
  const stop = new AbortController();
  for await (const event of train(objective, data(), { ...options, checkpoint, signal: stop.signal })) {
    if (event.type === "step" && event.step === 3) stop.abort();
    if (event.type === "end") disposeParameters(event.parameters);
  }
  const resumed = await result(train(objective, data(), { ...options, checkpoint }));
  expect(areEqual(takeBytes(resumed.parameters), takeBytes(whole.parameters))).toBe(true);
});
