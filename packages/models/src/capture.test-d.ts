import type { Role } from "@cambium/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectTypeOf, test } from "vitest";
import type { TokenBatch } from "./architecture.ts";
import { capture } from "./capture.ts";
import type { LanguageModel, LanguageOutput } from "./language-model.ts";

declare const model: LanguageModel;
declare const batch: TokenBatch;

test("capture returns the model's own output and tensors by path", () => {
  const roles: Role[] = ["block"];
  const { output, captured } = capture(model, batch, roles);
  expectTypeOf(output).toEqualTypeOf<LanguageOutput>();
  expectTypeOf(captured).toEqualTypeOf<ReadonlyMap<string, Tensor>>();
});

test("inputs are those of the model", () => {
  // @ts-expect-error a batch needs a mask
  capture(model, { ids: batch.ids }, ["block"]);
});
