import type { Role } from "@cambium/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectTypeOf, test } from "vitest";
import { capture } from "./capture.ts";
import type { EncoderBatch, EncoderModel, EncoderOutput } from "./encoder-model.ts";

declare const model: EncoderModel;
declare const batch: EncoderBatch;

test("capture returns the model's own output and tensors by path", () => {
  const roles: Role[] = ["block"];
  const { output, captured } = capture(model, batch, roles);
  expectTypeOf(output).toEqualTypeOf<EncoderOutput>();
  expectTypeOf(captured).toEqualTypeOf<ReadonlyMap<string, Tensor>>();
});

test("roles are those of the vocabulary, inputs those of the model", () => {
  // @ts-expect-error no such role
  capture(model, batch, ["attention"]);
  // @ts-expect-error a batch needs a mask
  capture(model, { ids: batch.ids }, ["block"]);
});
