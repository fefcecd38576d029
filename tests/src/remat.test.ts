/** Blocks that are computed again for their gradient: the same numbers on every backend, in less memory on onnx. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { disposeParameters, random, rematBlocks, useBackend, valueAndGradients } from "@cambium/core";
import { attach, head, lora, prefix } from "@cambium/delta";
import { createModel } from "@cambium/models";
import { tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { fromSources } from "./children.ts";

const config = {
  model_type: "bert",
  vocab_size: 97,
  hidden_size: 24,
  num_hidden_layers: 3,
  num_attention_heads: 3,
  intermediate_size: 52,
  max_position_embeddings: 24,
  hidden_dropout_prob: 0.1,
  attention_probs_dropout_prob: 0.1,
} as const;

test.each(["onnx", "wasm", "cpu"] as const)(
  "on %s the loss of a tuned model and its gradients are the same with blocks computed again, dropout included",
  async (backend) => {
    await useBackend(backend);
    const base = createModel(config, random(3), { head: { kind: "sequence-classification", labels: ["a", "b"] } });
    const deltas = [lora(base, { rank: 4, dropout: 0.1 }, random(4)), prefix(base, {}, random(5)), head(base)];
    const [plain, frugal] = [base, rematBlocks(base)].map((model) => attach(model, ...deltas));
    tidy(() => {
      const batch = {
        ids: tensor2d([3, 4, 5, 6, 7, 8], [2, 3], "int32"),
        mask: tensor2d([1, 1, 1, 1, 1, 0], [2, 3]),
        labels: tensor1d([0, 1], "int32"),
      };
      const [expected, found] = [plain!, frugal!].map(({ loss, parameters }) =>
        valueAndGradients((at) => loss(at, batch, { random: random(6), training: true }), parameters),
      );
      expect(found!.value.dataSync()).toEqual(expected!.value.dataSync());
      expect(found!.unreached).toEqual(expected!.unreached);
      for (const [name, gradient] of expected!.gradients) {
        const values = gradient.dataSync();
        // Sums may be taken in another order, and fused otherwise: a few units in the last place of the largest.
        const tolerance = 1e-6 * Math.max(...values.map(Math.abs));
        const difference = found!.gradients
          .get(name)!
          .dataSync()
          .map((value, i) => Math.abs(value - values[i]!));
        expect(Math.max(...difference), name).toBeLessThanOrEqual(tolerance);
      }
    });
    disposeParameters(plain!.parameters);
    disposeParameters(base.parameters);
  },
);

test("on onnx the runtime neither merges the second computation with the first nor runs it early", () => {
  const program = fileURLToPath(new URL("programs/remat-memory.ts", import.meta.url));
  const grown = ["plain", "remat"].map((how) => {
    const line = execFileSync(process.execPath, [...fromSources, program, how], {
      encoding: "utf8",
    });
    return (JSON.parse(line) as { grewMiB: number }).grewMiB;
  });
  const [plain, frugal] = grown as [number, number];
  // 120 values of 2 MiB are alive when the gradient begins; computed again, 12 + 10 of them. The runtime reserves more.
  expect(plain).toBeGreaterThan(200);
  expect(frugal).toBeLessThan(plain / 2);
});
