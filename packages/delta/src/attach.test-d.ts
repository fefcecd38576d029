import type { Objective } from "@cambium/core";
import {
  capture,
  type EncoderBatch,
  type EncoderModel,
  type EncoderOutput,
  embed,
  type Tokenizer,
} from "@cambium/models";
import { expectTypeOf, test } from "vitest";
import { attach, detach, type InputOf, type OutputOf, type Tuned } from "./attach.ts";
import type { Delta } from "./delta.ts";
import { merge } from "./merge.ts";

declare const base: EncoderModel;
declare const delta: Delta;
declare const batch: EncoderBatch;
declare const tokenizer: Tokenizer;

test("a tuned model keeps the type of its base", () => {
  const tuned = attach(base, delta);
  expectTypeOf(tuned).toEqualTypeOf<Tuned<EncoderModel>>();
  expectTypeOf(attach(tuned, delta)).toEqualTypeOf<Tuned<EncoderModel>>();
  expectTypeOf(detach(tuned)).toEqualTypeOf<EncoderModel>();
  expectTypeOf(merge(tuned)).toEqualTypeOf<EncoderModel>();
  expectTypeOf(tuned.forward(batch)).toEqualTypeOf<EncoderOutput>();
});

test("inputs and outputs are read off a model", () => {
  expectTypeOf<InputOf<EncoderModel>>().toEqualTypeOf<EncoderBatch>();
  expectTypeOf<OutputOf<EncoderModel>>().toEqualTypeOf<EncoderOutput>();
});

test("a tuned model is what training and looking inside take", () => {
  const tuned = attach(base, delta);
  expectTypeOf(tuned).toExtend<Objective<EncoderBatch>>();
  expectTypeOf(capture(tuned, batch, ["ff.act"]).output).toEqualTypeOf<EncoderOutput>();
  expectTypeOf(embed(tuned, tokenizer, ["a"])).resolves.toBeObject();
});
