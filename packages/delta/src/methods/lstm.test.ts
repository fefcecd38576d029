import { readFileSync } from "node:fs";
import { disposeParameters, type Parameters, valueAndGradients } from "@cambium/core";
import { type Scalar, square, sum, tensor, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { GoldenTensor } from "../files/golden.fixture.ts";
import { promptRows } from "./networks.ts";

interface Encoder {
  readonly network: string;
  readonly layers: number;
  readonly rows: GoldenTensor;
  readonly parameters: Readonly<Record<string, GoldenTensor>>;
  readonly gradients: Readonly<Record<string, GoldenTensor>>;
}

const { encoders } = JSON.parse(
  readFileSync(new URL("../../fixtures/prompt-encoders.json", import.meta.url), "utf8"),
) as { readonly encoders: readonly Encoder[] };

// Sums in another order, of numbers of order one.
const tolerance = { absolute: 1e-5, relative: 1e-5 };

test.each(encoders.map((encoder) => [encoder.network, encoder.layers, encoder] as const))(
  "an encoder of prompts by %s of %d layers makes the rows that PEFT's makes, and has its gradients",
  (_, __, { rows, parameters, gradients }) => {
    const at: Parameters = new Map(
      Object.entries(parameters).map(([name, { shape, values }]) => [name, tensor(values, shape)]),
    );
    tidy(() => {
      const made = promptRows(at);
      expect(made.shape).toEqual(rows.shape);
      expect(Array.from(made.dataSync())).toBeAllClose(rows.values, tolerance);
    });
    const found = valueAndGradients((q) => tidy(() => sum(square(promptRows(q))) as Scalar), at);
    for (const [name, { values }] of Object.entries(gradients))
      expect(Array.from(found.gradients.get(name)!.dataSync()), name).toBeAllClose(values, tolerance);
    found.value.dispose();
    for (const tree of [at, found.gradients]) disposeParameters(tree);
  },
);
