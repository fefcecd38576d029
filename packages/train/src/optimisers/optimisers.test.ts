import { readFileSync } from "node:fs";
import type { Parameters } from "@cambium/core";
import { memory, scalar, type Tensor, tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { clipGradients } from "../clip.ts";
import type { Schedule } from "../schedules.ts";
import { tidyTrees } from "../tensors.ts";
import { adafactor } from "./adafactor.ts";
import { adam, adamW } from "./adam.ts";
import type { Optimiser } from "./optimiser.ts";
import { sgd } from "./sgd.ts";

type Tree = Readonly<Record<string, readonly number[]>>;

interface Golden {
  readonly shapes: Readonly<Record<string, number[]>>;
  readonly rates: readonly number[];
  readonly start: Tree;
  readonly gradients: readonly Tree[];
  readonly runs: Readonly<Record<string, { readonly after: readonly Tree[]; readonly norms?: readonly number[] }>>;
}

/** Written by make-optimisers.py beside it. */
const golden = JSON.parse(readFileSync(new URL("../../fixtures/optimisers.json", import.meta.url), "utf8")) as Golden;

const toParameters = (tree: Tree): Map<string, Tensor> =>
  new Map(Object.entries(tree).map(([name, values]) => [name, tensor([...values], golden.shapes[name]!)]));

/** Decay on every parameter, as PyTorch does it. */
const everywhere = (weightDecay: number) => [{ match: /./, weightDecay }];

const rates: Schedule = (step) => golden.rates[step - 1]!;

const cases: { name: string; optimiser: Optimiser; clip?: number }[] = [
  { name: "adam", optimiser: adam({ learningRate: 0.01, beta1: 0.8, beta2: 0.99, epsilon: 1e-6 }) },
  { name: "adamW", optimiser: adamW({ learningRate: rates, groups: everywhere(0.1) }) },
  { name: "adamWClipped", optimiser: adamW({ learningRate: 0.01, weightDecay: 0 }), clip: 1.5 },
  { name: "sgd", optimiser: sgd({ learningRate: 0.05 }) },
  { name: "sgdMomentum", optimiser: sgd({ learningRate: rates, momentum: 0.9, groups: everywhere(0.1) }) },
  { name: "sgdNesterov", optimiser: sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true }) },
  { name: "adafactorRelative", optimiser: adafactor() },
  {
    name: "adafactorPlain",
    optimiser: adafactor({ learningRate: rates, scaleParameter: false, groups: everywhere(0.1) }),
  },
  {
    name: "adafactorScaled",
    optimiser: adafactor({ learningRate: 0.3, clipThreshold: 0.5, epsilon: 1e-20, minimumScale: 0.5 }),
  },
];

describe("against PyTorch and transformers", () => {
  test.each(cases)("$name takes the same six steps", ({ name, optimiser, clip }) => {
    const { after, norms } = golden.runs[name]!;
    tidy(() => {
      let parameters: Parameters = toParameters(golden.start);
      let state = optimiser.init(parameters);
      golden.gradients.forEach((tree, index) => {
        let gradients: Parameters = toParameters(tree);
        if (clip !== undefined) {
          const clipped = clipGradients(gradients, clip);
          expect(clipped.norm).toBeAllClose(scalar(norms![index]!), { relative: 1e-6 });
          gradients = clipped.gradients;
        }
        ({ parameters, state } = optimiser.update(gradients, state, parameters));
        for (const [name, values] of Object.entries(after[index]!)) {
          // Six steps of float32 arithmetic in another order.
          expect(parameters.get(name)!).toBeAllClose(tensor([...values], golden.shapes[name]!), {
            relative: 2e-6,
            absolute: 2e-6,
          });
        }
      });
      expect(state.step).toBe(golden.gradients.length);
    });
  });
});

const single = (values: number[]): Map<string, Tensor> => new Map([["w", tensor1d(values)]]);

describe("closed forms", () => {
  test("the first step of Adam is the learning rate, against the sign of the gradient", () => {
    tidy(() => {
      const optimiser = adam({ learningRate: 0.25, epsilon: 1e-12 });
      const start = single([1, 1, 1]);
      const { parameters } = optimiser.update(single([5, -0.01, 1e-4]), optimiser.init(start), start);
      expect(parameters.get("w")!).toBeAllClose(tensor1d([0.75, 1.25, 0.75]), { absolute: 1e-6 });
    });
  });

  test("Adam without bias correction begins with steps of (1 - beta1) / sqrt(1 - beta2)", () => {
    tidy(() => {
      const optimiser = adam({ learningRate: 0.25, epsilon: 1e-12, biasCorrection: false });
      const start = single([1]);
      const { parameters } = optimiser.update(single([5]), optimiser.init(start), start);
      expect(parameters.get("w")!).toBeAllClose(tensor1d([1 - (0.25 * 0.1) / Math.sqrt(0.001)]));
    });
  });

  test("a constant gradient under momentum moves by the partial sums of a geometric series", () => {
    tidy(() => {
      const optimiser = sgd({ learningRate: 0.1, momentum: 0.5 });
      let parameters: Parameters = single([0]);
      let state = optimiser.init(parameters);
      for (let i = 0; i < 3; i++) ({ parameters, state } = optimiser.update(single([1]), state, parameters));
      expect(parameters.get("w")!).toBeAllClose(tensor1d([-0.1 * (1 + 1.5 + 1.75)]));
    });
  });

  test("AdamW with a zero gradient only decays, by the rate times the decay", () => {
    tidy(() => {
      const optimiser = adamW({ learningRate: 0.1, weightDecay: 0.5 });
      const start = new Map([
        [
          "w",
          tensor2d([
            [2, 4],
            [6, 8],
          ]),
        ],
      ]);
      const zero = new Map([
        [
          "w",
          tensor2d([
            [0, 0],
            [0, 0],
          ]),
        ],
      ]);
      const { parameters } = optimiser.update(zero, optimiser.init(start), start);
      expect(parameters.get("w")!).toBeAllClose([
        [1.9, 3.8],
        [5.7, 7.6],
      ]);
    });
  });

  test("Adafactor recovers a rank-one second moment exactly", () => {
    tidy(() => {
      const optimiser = adafactor({ learningRate: 1, scaleParameter: false, clipThreshold: 1e9 });
      const start = new Map([
        [
          "w",
          tensor2d([
            [0, 0],
            [0, 0],
          ]),
        ],
      ]);
      const gradient = new Map([
        [
          "w",
          tensor2d([
            [1, -2],
            [3, -6],
          ]),
        ],
      ]); // the outer product of [1, 3] and [1, -2]
      const { parameters } = optimiser.update(gradient, optimiser.init(start), start);
      expect(parameters.get("w")!).toBeAllClose([
        [-1, 1],
        [-1, 1],
      ]);
    });
  });

  test("Adafactor keeps rows + columns numbers of a matrix", () => {
    tidy(() => {
      const { tensors } = adafactor().init(
        new Map([
          [
            "w",
            tensor2d([
              [1, 2, 3],
              [4, 5, 6],
            ]),
          ],
        ]),
      );
      expect([...tensors].map(([name, { shape }]) => [name, shape])).toEqual([
        ["row/w", [2]],
        ["column/w", [3]],
      ]);
    });
  });
});

describe("purity", () => {
  test("the same update twice gives the same bits, and inputs stay", () => {
    tidy(() => {
      const optimiser = adamW({ learningRate: 0.1 });
      const start = single([1, 2]);
      const state = optimiser.init(start);
      const gradients = single([3, -4]);
      const once = optimiser.update(gradients, state, start);
      const twice = optimiser.update(gradients, state, start);
      expect(twice.parameters.get("w")!.dataSync()).toEqual(once.parameters.get("w")!.dataSync());
      expect(start.get("w")!.dataSync()).toEqual(Float32Array.of(1, 2));
      expect(state.tensors.get("firstMoment/w")!.dataSync()).toEqual(Float32Array.of(0, 0));
      expect(state.step).toBe(0);
    });
  });

  test("an update leaves its results and nothing else", () => {
    tidy(() => {
      const optimiser = adamW({ learningRate: 0.1 });
      const start = single([1, 2]);
      const state = optimiser.init(start);
      const gradients = single([3, -4]);
      const before = memory().numTensors;
      tidyTrees(() => optimiser.update(gradients, state, start));
      expect(memory().numTensors - before).toBe(3);
    });
  });
});

describe("bad input", () => {
  test("gradients of other parameters are refused by name", () => {
    tidy(() => {
      const optimiser = adamW({ learningRate: 0.1 });
      const start = single([1, 2]);
      expect(() => optimiser.update(new Map(), optimiser.init(start), start)).toThrow(
        'adamW: the first tree lacks "w"',
      );
    });
  });

  test("a state of other parameters is refused by name", () => {
    tidy(() => {
      const optimiser = adamW({ learningRate: 0.1 });
      expect(() => optimiser.update(single([1, 2]), optimiser.init(single([1])), single([1, 2]))).toThrow(
        'adamW: "firstMoment/w" has shape [1] instead of [2]',
      );
    });
  });

  test("an unknown option names the nearest", () => {
    expect(() => adamW({ learningRate: 1, weigthDecay: 0.1 } as never)).toThrow('"weightDecay"');
  });

  test("a schedule that gives no number is an error at its step", () => {
    tidy(() => {
      const optimiser = sgd({ learningRate: () => Number.NaN });
      const start = single([1]);
      expect(() => optimiser.update(single([1]), optimiser.init(start), start)).toThrow(
        "learning rate of NaN at step 1",
      );
    });
  });

  test("Nesterov without momentum is refused", () => {
    expect(() => sgd({ learningRate: 1, nesterov: true })).toThrow('"nesterov" needs a momentum');
  });
});
