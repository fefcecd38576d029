import { disposeParameters, random, valueAndGradients } from "@cambium/core";
import { attach, head, lora, prompt, type Tuned } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { disposeFields, tinyBatch, tinyHeads, tinyModel } from "@cambium/models/testing";
import { tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { partial, partialModel } from "../partial/partial-model.ts";
import { flops } from "./flops.ts";
import { measureFlops } from "./measure-flops.ts";

test("a T5's encoder layer costs 2n·4·d·i + 4n²·i + 2n·c·d·f, a decoder layer its cross attention more", () => {
  const model = tinyModel({ type: "t5" });
  const config = model.config as unknown as {
    d_model: number;
    d_ff: number;
    num_heads: number;
    d_kv: number;
    vocab_size: number;
    feed_forward_proj: string;
  };
  const { d_model: d, d_ff: f, vocab_size: v } = config;
  const i = config.num_heads * config.d_kv;
  const c = config.feed_forward_proj.startsWith("gated") ? 3 : 2;
  const [n, m] = [13, 5];
  const encoder = 2 * n * 4 * d * i + 4 * n * n * i + 2 * n * c * d * f;
  const decoder =
    2 * m * 4 * d * i + 4 * m * m * i + 2 * m * c * d * f + 2 * m * 2 * d * i + 2 * n * 2 * d * i + 4 * m * n * i;
  const { forward } = flops(model, { length: 10, prompt: 3, targetLength: 5 });
  expect(forward).toBe(2 * encoder + 2 * decoder + 2 * m * d * v);
  const part = partialModel(model, { depth: 0.5, decoder: "whole" });
  expect(flops(part, { length: 10, prompt: 3, targetLength: 5 }).forward).toBe(encoder + 2 * decoder + 2 * m * d * v);
  disposeParameters(model.parameters);
});

const cases = [
  ["bert", "sequence-classification"],
  ["bert", "token-classification"],
  ["bert", "masked-lm"],
  ["distilbert", "sequence-classification"],
  ["gpt2", "causal-lm"],
  ["llama", "causal-lm"],
  ["llama", "sequence-classification"],
  ["t5", "sequence-to-sequence"],
] as const;

test.each(cases)(
  "a %s with a head for %s costs what its trace shows, within 1 %%, whole and in part",
  async (type, kind) => {
    const model = tinyModel({ type, head: tinyHeads[kind], dropout: 0 });
    const batch = tinyBatch(model);
    const deltas = [
      prompt(model, { length: 3 }, random(1)),
      ...(type === "bert" && kind === "sequence-classification" ? [head(model)] : []),
    ];
    const whole = attach(model, ...deltas) as Tuned<LanguageModel>;
    const part = (
      kind === "sequence-classification" && type === "bert"
        ? whole
        : partial(whole as never, { depth: 0.5, width: 0.5 })
    ) as Tuned<LanguageModel>;
    const sizes = { rows: 3, length: 6, ...(type === "t5" && { targetLength: 5 }) };
    for (const tuned of new Set([whole, part])) {
      const counted = flops(tuned as never, sizes);
      const forward = await measureFlops(() => tidy(() => tuned.forward(batch as never) as never));
      expect(Math.abs(forward / counted.forward - 1)).toBeLessThan(0.01);
      const step = await measureFlops(() => {
        const { value, gradients } = valueAndGradients(
          (at) => tuned.loss(at, batch as never, { random: random(0), training: true }),
          tuned.parameters,
        );
        return [value, ...gradients.values()];
      });
      expect(Math.abs(step / counted.step - 1)).toBeLessThan(0.01);
    }
    if (part !== whole) (part.base as unknown as { dispose(): void }).dispose();
    disposeFields(batch);
    disposeParameters(whole.parameters);
    disposeParameters(model.parameters);
  },
);

test("sizes that are missing, and deltas that compute things of their own, are refused", () => {
  const model = tinyModel({ type: "bert" });
  const tuned = attach(model, lora(model, { rank: 2 }, random(1)));
  expect(() => flops(tuned, { length: 4 })).toThrow(/measureFlops counts all/);
  expect(() => flops(model, { length: 4, targetLength: 2 })).toThrow(/reads no target/);
  expect(() => flops(model, { length: 0 })).toThrow(/flops: /);
  const prompted = attach(model, prompt(model, {}, random(1)));
  expect(() => flops(prompted, { length: 4, prompt: 2 })).toThrow(/leave out prompt/);
  disposeParameters(prompted.parameters);
  disposeParameters(tuned.parameters);
  disposeParameters(model.parameters);
});
