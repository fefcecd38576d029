import { disposeParameters, type Parameters } from "@cambium/core";
import { add, memory, mul, neg, scalar, sign, type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import type { Schedule } from "../schedules.ts";
import { bits } from "../toy.fixture.ts";
import { adamW } from "./adam.ts";
import { chain } from "./chain.ts";
import type { Optimiser } from "./optimiser.ts";
import { sgd } from "./sgd.ts";
import { perParameter, type Transform } from "./transform.ts";
import { addDecayedWeights, clipByGlobalNorm, momentum, scaleByAdam, scaleByLearningRate } from "./transforms.ts";

const start = (): Parameters =>
  new Map<string, Tensor>([
    ["body.weight", tensor2d([1, -2, 3, 0.5], [2, 2])],
    ["head.bias", tensor1d([0.25, -1])],
    ["gate", scalar(2)],
  ]);

const gradientsAt = (step: number): Parameters =>
  new Map<string, Tensor>([
    ["body.weight", tensor2d([Math.sin(step), 1, -step, 0.1], [2, 2])],
    ["head.bias", tensor1d([3, Math.cos(step)])],
    ["gate", scalar(step - 2.5)],
  ]);

/** The parameters after five steps, and what is remembered there. */
function run(optimiser: Optimiser): Record<string, number[]> {
  return tidy(() => {
    let parameters = start();
    let state = optimiser.init(parameters);
    for (let step = 1; step <= 5; step++) {
      ({ parameters, state } = optimiser.update(gradientsAt(step), state, parameters));
      expect(state.step).toBe(step);
    }
    for (const [name, { shape }] of start()) expect(parameters.get(name)!.shape).toEqual(shape);
    return bits(parameters);
  });
}

function expectClose(found: Record<string, number[]>, expected: Record<string, number[]>): void {
  expect(Object.keys(found)).toEqual(Object.keys(expected));
  // Float32 arithmetic of five steps in another order.
  for (const name of Object.keys(expected)) expect(found[name]!).toBeAllClose(expected[name]!, { relative: 1e-5 });
}

const rates: Schedule = (step) => 0.1 / step;
const groups = [{ match: /^head/, learningRateFactor: 3, weightDecay: 0.5 }];

describe("the parts are those that the fused optimisers are made of", () => {
  test("AdamW", () => {
    const parts = chain(scaleByAdam(), addDecayedWeights(0.1, { groups }), scaleByLearningRate(rates, { groups }));
    expectClose(run(parts), run(adamW({ learningRate: rates, weightDecay: 0.1, groups })));
  });

  test.each([false, true])("descent with momentum, Nesterov %j", (nesterov) => {
    const parts = chain(addDecayedWeights(0.1), momentum(0.9, { nesterov }), scaleByLearningRate(rates));
    expectClose(run(parts), run(sgd({ learningRate: rates, momentum: 0.9, nesterov, weightDecay: 0.1 })));
  });

  test("a chain that ends with an optimiser hands it the updates: negated twice is not at all", () => {
    const negate: Transform = perParameter({ kind: "negate", config: {}, update: (update) => neg(update) });
    const whole = adamW({ learningRate: rates, groups });
    expect(run(chain(negate, negate, whole))).toEqual(run(whole));
    expect(run(chain(negate, whole))).not.toEqual(run(whole));
  });

  test("clipping makes a step of descent as long as the rate times the limit", () => {
    tidy(() => {
      const optimiser = chain(clipByGlobalNorm(0.5), scaleByLearningRate(2));
      const { parameters } = optimiser.update(gradientsAt(1), optimiser.init(start()), start());
      const [before, after] = [start(), parameters].map((tree) => Object.values(bits(tree)).flat());
      expect(Math.hypot(...after!.map((value, i) => value - before![i]!))).toBeCloseTo(1, 5);
    });
  });
});

/** Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, arXiv:2302.06675, algorithm 2. */
const lion = (rate: number): Optimiser =>
  chain(
    perParameter({
      kind: "scaleByLion",
      config: { beta1: 0.9, beta2: 0.99 },
      slots: ["momentum"],
      update: (gradient, { slots }) => ({
        update: sign(add(mul(slots.momentum, 0.9), mul(gradient, 0.1))),
        slots: { momentum: add(mul(slots.momentum, 0.99), mul(gradient, 0.01)) },
      }),
    }),
    scaleByLearningRate(rate),
  );

test("one that a user wrote takes the steps of its definition", () => {
  const [values, momenta] = [[2], [0]];
  for (let step = 1; step <= 5; step++) {
    const gradient = step - 2.5;
    values.push(values.at(-1)! - 0.1 * Math.sign(0.9 * momenta.at(-1)! + 0.1 * gradient));
    momenta.push(0.99 * momenta.at(-1)! + 0.01 * gradient);
  }
  expect(run(lion(0.1))["gate"]!).toBeAllClose([values.at(-1)!], { relative: 1e-6 });
});

test("its state is named by place, slot and parameter, and has the parameters' shapes", () => {
  tidy(() => {
    const { step, tensors } = chain(clipByGlobalNorm(1), lion(0.1)).init(start());
    expect(step).toBe(0);
    expect([...tensors].map(([name, { shape }]) => [name, shape])).toEqual([
      ["1/0/momentum/body.weight", [2, 2]],
      ["1/0/momentum/head.bias", [2]],
      ["1/0/momentum/gate", []],
    ]);
  });
});

test("it is described part by part", () => {
  const parameters = start();
  expect(chain(clipByGlobalNorm(1), lion(0.1)).describe(parameters)).toEqual({
    kind: "chain",
    parts: [
      { kind: "clipByGlobalNorm", maximumNorm: 1 },
      {
        kind: "chain",
        parts: [
          { kind: "scaleByLion", beta1: 0.9, beta2: 0.99 },
          { kind: "scaleByLearningRate", factors: { "body.weight": 1, "head.bias": 1, gate: 1 } },
        ],
      },
    ],
  });
  disposeParameters(parameters);
});

test("an update leaves its results and nothing else", () => {
  tidy(() => {
    const optimiser = chain(clipByGlobalNorm(1), scaleByAdam(), addDecayedWeights(0.1), scaleByLearningRate(0.1));
    const [parameters, gradients] = [start(), gradientsAt(1)];
    const state = optimiser.init(parameters);
    const before = memory().numTensors;
    optimiser.update(gradients, state, parameters);
    expect(memory().numTensors - before).toBe(3 + 6);
  });
});

describe("bad input", () => {
  test.each<[string, () => unknown, string]>([
    ["no learning rate", () => chain(scaleByAdam()), "no part has a learning rate"],
    [
      "two learning rates",
      () => chain(scaleByLearningRate(1), sgd({ learningRate: 1 })),
      "2 parts have a learning rate",
    ],
    ["an optimiser in the middle", () => chain(sgd({ learningRate: 1 }), scaleByAdam()), "part 0 is an optimiser"],
    ["an unknown option", () => scaleByAdam({ beta3: 1 } as never), '"beta1"'],
    ["a limit of 0", () => clipByGlobalNorm(0), "maximumNorm"],
    ["a decay of 1", () => momentum(1), "decay"],
    ["a negative decay", () => addDecayedWeights(-1), "weightDecay"],
    ["a negative rate", () => scaleByLearningRate(-1), "learningRate"],
  ])("%s is refused", (_, make, message) => {
    expect(make).toThrow(expect.objectContaining({ code: "CONFIG", message: expect.stringContaining(message) }));
  });

  test("a group that matches nothing is refused", () => {
    const parameters = start();
    const optimiser = chain(scaleByLearningRate(1, { groups: [{ match: /tail/ }] }));
    expect(() => optimiser.init(parameters)).toThrow("group 0 (/tail/) matches none");
    disposeParameters(parameters);
  });

  test("a state of other parameters is refused by name", () => {
    tidy(() => {
      const other = lion(1).init(new Map([["gate", tensor1d([1, 2])]]));
      expect(() => lion(1).update(gradientsAt(1), other, start())).toThrow('"momentum/body.weight" is missing');
    });
  });

  test("a transform that loses an update is refused by its name", () => {
    const losing: Transform = { kind: "losing", update: () => ({ updates: new Map() }), describe: () => ({}) };
    tidy(() => {
      const optimiser = chain(losing, scaleByLearningRate(1));
      expect(() => optimiser.update(gradientsAt(1), optimiser.init(start()), start())).toThrow("chain: losing");
    });
  });
});
