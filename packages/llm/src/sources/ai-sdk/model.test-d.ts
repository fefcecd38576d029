import type { LanguageModel } from "ai";
import type { LanguageModel as LanguageModel7 } from "ai-7";
import { expectTypeOf, test } from "vitest";
import type { AiSdkModel } from "./model.ts";

test("models of both versions of the AI SDK are taken", () => {
  expectTypeOf<Extract<LanguageModel, { specificationVersion: "v3" }>>().toExtend<AiSdkModel>();
  expectTypeOf<Extract<LanguageModel7, { specificationVersion: "v4" }>>().toExtend<AiSdkModel>();
});
