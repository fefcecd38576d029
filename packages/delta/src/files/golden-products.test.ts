import { test } from "vitest";
import { expectGolden, expectSavedAgain } from "./golden.fixture.ts";

const adapters = ["bert-loha", "t5-loha", "llama-loha", "bert-lokr", "t5-lokr", "llama-lokr"];

test.each(adapters)("%s computes what PEFT computes", (name) => expectGolden(name));

const common = ["peft_type", "task_type", "r", "alpha", "rank_dropout", "module_dropout"];
const ofLoKr = ["decompose_factor", "decompose_both", "rank_dropout_scale"];

test.each(adapters)("%s saved again is PEFT's file", (name) =>
  expectSavedAgain(name, name.endsWith("lokr") ? [...common, ...ofLoKr] : common),
);
