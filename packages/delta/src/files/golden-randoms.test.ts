import { test } from "vitest";
import { expectGolden, expectSavedAgain } from "./golden.fixture.ts";

const common = ["peft_type", "task_type"];
const fields: Readonly<Record<string, readonly string[]>> = {
  fourier: ["n_frequency", "scaling", "random_loc_seed", "fan_in_fan_out"],
  rand: ["r", "randlora_alpha", "randlora_dropout", "projection_prng_key", "sparse", "very_sparse", "fan_in_fan_out"],
  vb: ["r", "num_vectors", "vector_length", "topk", "vblora_dropout", "fan_in_fan_out"],
};

test.each([
  ...["bert", "t5", "gpt2", "llama"].map((base) => `${base}-fourier`),
  ...["bert", "gpt2", "llama"].flatMap((base) => [`${base}-rand`, `${base}-vb`]),
])("%s computes what PEFT computes, and saved again is PEFT's file", async (name) => {
  await expectGolden(name);
  await expectSavedAgain(name, [...common, ...fields[name.split("-")[1]!]!]);
});
