import { test } from "vitest";
import { expectGolden, expectSavedAgain } from "./golden.fixture.ts";

const common = ["peft_type", "task_type"];
const fields: Readonly<Record<string, readonly string[]>> = {
  c3a: ["block_size"],
  miss: ["r", "mini_r", "miss_dropout", "init_weights"],
  norms: [],
};

test.each([
  ...["bert-c3a", "llama-c3a", "bert-miss", "t5-miss", "llama-miss"],
  ...["bert", "gpt2", "t5", "llama", "qwen3"].map((base) => `${base}-norms`),
])("%s computes what PEFT computes, and saved again is PEFT's file", async (name) => {
  await expectGolden(name);
  await expectSavedAgain(name, [...common, ...fields[name.split("-")[1]!]!]);
});
