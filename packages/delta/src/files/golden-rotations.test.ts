import { test } from "vitest";
import { expectGolden, expectSavedAgain } from "./golden.fixture.ts";

const common = ["peft_type", "task_type"];
const fields: Readonly<Record<string, readonly string[]>> = {
  oft: ["r", "oft_block_size", "block_share", "use_cayley_neumann", "coft", "module_dropout"],
  boft: ["boft_block_size", "boft_block_num", "boft_n_butterfly_factor", "boft_dropout"],
  hra: ["r", "apply_GS"],
  road: ["variant", "group_size"],
};
const adapters = ["bert", "t5", "llama"].flatMap((base) => ["oft", "hra", "road"].map((method) => `${base}-${method}`));

test.each([...adapters, "bert-oft-exact", "bert-boft", "t5-boft", "bert-boft-factors", "llama-boft-factors"])(
  "%s computes what PEFT computes, and saved again is PEFT's file",
  async (name) => {
    await expectGolden(name);
    await expectSavedAgain(name, [...common, ...fields[name.split("-")[1]!]!]);
  },
);
