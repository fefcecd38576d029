import { memory } from "@cambium/base";
import { disposeParameters, mapParameters, random } from "@cambium/core";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
import { merge } from "../merge.ts";
import { lora } from "../methods/lora.ts";
import { expectGolden, expectSavedAgain, goldenLogits, withGolden } from "./golden.fixture.ts";
import { saveAdapter } from "./save-adapter.ts";

const adapters = ["gpt2-lora", "t5-lora", "llama-lora", "qwen3-lora"];

test.each(adapters)("%s computes what PEFT computes", (name) => expectGolden(name));

test.each(adapters)("%s saved again is PEFT's file", (name) =>
  expectSavedAgain(name, ["peft_type", "task_type", "r", "lora_alpha", "lora_dropout", "fan_in_fan_out"]),
);

test("five keys in front of a window of three rows compute what PEFT computes", () => expectGolden("mistral-prefix"));

test("a part of a fused layer is merged into its columns, and is no PEFT file, with the reason", () =>
  withGolden("gpt2-lora", async ({ base }, _, batch) => {
    const start = lora(base, { targets: ["attn.q", "attn.v"], rank: 2 }, random(1));
    expect(start.config.targets).toEqual(["q", "v"]);
    const parameters = mapParameters(start.parameters, (value, name) => random(2).at(name).normal(value.shape));
    const tuned = attach(base, { ...start, parameters });
    const merged = merge(tuned);
    const [applied, written, plain] = [tuned, merged, base].map((model) => goldenLogits(model, batch, base));
    // Sums in another order, through three layers.
    expect(written!).toBeAllClose(applied!, { absolute: 1e-4, relative: 1e-4 });
    expect(plain!.dataSync()).not.toEqual(applied!.dataSync());
    expect(await saveAdapter(tuned, memory())).toEqual({
      format: "native",
      reason: "PEFT has no word for transformer.h.0.attn.c_attn.q, which is a part of a layer",
    });
    for (const tensor of [applied!, written!, plain!]) tensor.dispose();
    for (const tree of [start.parameters, parameters, merged.parameters]) disposeParameters(tree);
  }));
