import { test } from "vitest";
import { expectGolden, expectSavedAgain } from "./golden.fixture.ts";

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
