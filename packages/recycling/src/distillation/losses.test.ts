import { readFileSync } from "node:fs";
import { crossEntropy } from "@cambium/core";
import { expectClose } from "@cambium/models/testing";
import {
  add,
  grad,
  mul,
  type Scalar,
  scalar,
  type Tensor,
  tensor,
  tensor1d,
  tensor2d,
  tidy,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { binaryDivergenceRows, divergenceRows, patience } from "./losses.ts";
import { teacherLoss } from "./objective.ts";
import type { Distillation } from "./options.ts";

interface LossCase {
  readonly rows: number;
  readonly classes: number;
  readonly layers: number;
  readonly width: number;
  readonly alpha: number;
  readonly temperature: number;
  readonly hidden: number;
  readonly reduction: "batchmean" | "legacy-mean";
  readonly teacher: number[];
  readonly student: number[];
  readonly teacherStates: number[];
  readonly studentStates: number[];
  readonly labels: number[];
  readonly loss: number;
  readonly gradient: number[];
}

const { losses } = JSON.parse(readFileSync(new URL("../../fixtures/golden.json", import.meta.url), "utf8")) as {
  losses: LossCase[];
};
const head = { head: { kind: "sequence-classification", labels: ["a", "b", "c"] } } as const;

test.each(losses.map((each) => [`${each.reduction} at ${each.temperature}`, each] as const))(
  "the loss and its gradient are PyTorch's: %s",
  (_, golden) => {
    const { rows, classes, layers, width, alpha, temperature, hidden, reduction } = golden;
    const settings: Distillation = { alpha, temperature, hidden, klReduction: reduction, row: "first", cache: true };
    tidy(() => {
      const states = (values: number[]): Tensor => tensor(values, [rows, layers, width]);
      const batch = {
        teacherLogits: tensor2d(golden.teacher, [rows, classes]),
        teacherStates: states(golden.teacherStates),
      } as never;
      const lossOf = (logits: Tensor): Scalar => {
        const own = crossEntropy(logits, tensor1d(golden.labels, "int32"));
        const output = { logits, states: states(golden.studentStates) };
        return add(mul(own, 1 - alpha), teacherLoss(head, output, batch, settings));
      };
      const logits = tensor2d(golden.student, [rows, classes]);
      // Float32 against float64.
      expectClose(lossOf(logits), scalar(golden.loss), { relative: 2e-5, absolute: 1e-6 });
      expectClose(grad(lossOf)(logits), tensor2d(golden.gradient, [rows, classes]), { relative: 1e-3, absolute: 2e-6 });
    });
  },
);

test("a divergence is 0 between equals, and log 2 of a sure teacher and an undecided student", () => {
  tidy(() => {
    const sure = tensor2d([[60, -60]]);
    const undecided = tensor2d([[0.5, 0.5]]);
    expectClose(divergenceRows(sure, sure, 1), [0]);
    expectClose(divergenceRows(sure, undecided, 1), [Math.LN2]);
    expectClose(binaryDivergenceRows(tensor2d([[60]]), tensor2d([[0]]), 1), [Math.LN2]);
    expectClose(binaryDivergenceRows(sure, sure, 1), [0]);
  });
});

test("a large temperature on small logits keeps the slope T (q − p), and large logits stay finite", () => {
  tidy(() => {
    const [p, q] = [tensor2d([[1e-2, -2e-2, 3e-2]]), tensor2d([[-1e-2, 1e-2, 2e-2]])];
    const softmaxOf = (values: readonly number[]): number[] => {
      const powers = values.map((value) => Math.exp(value / 20));
      return powers.map((power) => power / powers.reduce((sum, each) => sum + each, 0));
    };
    const [target, own] = [softmaxOf([1e-2, -2e-2, 3e-2]), softmaxOf([-1e-2, 1e-2, 2e-2])];
    const slope = grad((logits) => mul(divergenceRows(p, logits, 20), 400))(q);
    // Probabilities in float32 are exact to 6e-8, times T.
    expectClose(
      slope.dataSync(),
      own.map((value, i) => 20 * (value - target[i]!)),
      { relative: 0, absolute: 3e-6 },
    );
    const [far] = divergenceRows(tensor2d([[1e4, -1e4]]), tensor2d([[-1e4, 1e4]]), 1).dataSync();
    expect(far).toBe(2e4);
  });
});

test("patience is half the mean square", () => {
  tidy(() => expectClose(patience(tensor1d([1, 2]), tensor1d([3, 6])), scalar(5)));
});
