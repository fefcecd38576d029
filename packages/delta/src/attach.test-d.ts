import type { Objective } from "@cambium/core";
import {
  capture,
  embed,
  type LanguageModel,
  type LanguageOutput,
  type TokenBatch,
  type Tokenizer,
} from "@cambium/models";
import { expectTypeOf, test } from "vitest";
import { attach, detach, type InputOf, type OutputOf, type Tuned } from "./attach.ts";
import type { Delta } from "./delta.ts";
import { merge } from "./merge.ts";

declare const base: LanguageModel;
declare const delta: Delta;
declare const batch: TokenBatch;
declare const tokenizer: Tokenizer;

test("a tuned model keeps the type of its base", () => {
  const tuned = attach(base, delta);
  expectTypeOf(tuned).toEqualTypeOf<Tuned<LanguageModel>>();
  expectTypeOf(attach(tuned, delta)).toEqualTypeOf<Tuned<LanguageModel>>();
  expectTypeOf(detach(tuned)).toEqualTypeOf<LanguageModel>();
  expectTypeOf(merge(tuned)).toEqualTypeOf<LanguageModel>();
  expectTypeOf(tuned.forward(batch)).toEqualTypeOf<LanguageOutput>();
});

test("inputs and outputs are read off a model", () => {
  expectTypeOf<InputOf<LanguageModel>>().toEqualTypeOf<TokenBatch>();
  expectTypeOf<OutputOf<LanguageModel>>().toEqualTypeOf<LanguageOutput>();
});

test("a tuned model is what training and looking inside take", () => {
  const tuned = attach(base, delta);
  expectTypeOf(tuned).toExtend<Objective<TokenBatch>>();
  expectTypeOf(capture(tuned, batch, ["ff.act"]).output).toEqualTypeOf<LanguageOutput>();
  expectTypeOf(embed(tuned, tokenizer, ["a"])).resolves.toBeObject();
});
