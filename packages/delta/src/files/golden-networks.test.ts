import { memory } from "@cambium/base";
import { disposeParameters } from "@cambium/core";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
import { tokens } from "../methods/tokens.ts";
import { expectGolden, expectSavedAgain, loadGoldenBase } from "./golden.fixture.ts";
import { saveAdapter } from "./save-adapter.ts";

const common = ["peft_type", "task_type"];
const shape = ["num_virtual_tokens", "token_dim", "num_layers", "num_attention_heads", "num_transformer_submodules"];
const fields: Readonly<Record<string, readonly string[]>> = {
  ptuning: [...shape, "encoder_reparameterization_type", "encoder_num_layers"],
  prefix: shape,
  tokens: ["token_indices"],
};

test.each([
  ...["bert", "gpt2", "llama"].map((base) => `${base}-ptuning`),
  ...["gpt2", "llama"].map((base) => `${base}-prefix-network`),
  ...["bert", "gpt2", "t5", "llama"].map((base) => `${base}-tokens`),
])("%s computes what PEFT computes, and saved again is PEFT's file", async (name) => {
  await expectGolden(name);
  // Without a trained head a classifier's file is of no task here.
  const same = name === "bert-tokens" ? ["peft_type"] : common;
  await expectSavedAgain(name, [...same, ...fields[name.split("-")[1]!]!]);
});

test("trained tokens of a T5 with a head of its own are written natively: PEFT would change the head", async () => {
  const base = await loadGoldenBase("models/fixtures/t5/v1.1");
  const delta = tokens(base, { ids: [4, 9] });
  const { format, reason } = await saveAdapter(attach(base, delta), memory(), { untrained: true });
  expect({ format, reason }).toEqual({ format: "native", reason: expect.stringContaining("every head of T5 tied") });
  for (const tree of [base.parameters, delta.parameters, delta.buffers]) disposeParameters(tree);
});
