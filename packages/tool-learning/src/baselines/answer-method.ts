import type { Json } from "@cambium/base";
import type { ChatModel, Sampling } from "@cambium/llm";
import * as z from "zod";
import { creationDemonstrations } from "../creator/demonstrations/creation.ts";
import type { DemonstrationSet } from "../creator/demonstrations/demonstration.ts";
import { DEFAULT_SAMPLING, setupFields } from "../solving/setup.ts";

/** Settings of the methods that write no program. */
export interface AnswerMethodOptions {
  readonly model: ChatModel;
  /** How replies are drawn. @default temperature 0.3, at most 1024 tokens */
  readonly sampling?: Sampling;
  /** Worked examples. @default `creationDemonstrations` */
  readonly demonstrations?: DemonstrationSet;
  /** Reasoning before the answer. @default false */
  readonly thought?: boolean;
}

/** The fields of `AnswerMethodOptions`, for schemas. */
export const answerFields: Readonly<Record<"model" | "sampling" | "demonstrations" | "thought", z.ZodType>> = {
  model: setupFields.model,
  sampling: setupFields.sampling,
  demonstrations: z.looseObject({ name: z.string(), examples: z.array(z.looseObject({})) }).optional(),
  thought: z.boolean().optional(),
};

/** What a manifest says of such a method. */
export function answerSettings({
  model,
  sampling,
  thought = false,
  demonstrations = creationDemonstrations,
}: AnswerMethodOptions): {
  readonly [key: string]: Json;
} {
  return {
    provider: model.provider,
    model: model.model,
    sampling: JSON.parse(JSON.stringify(sampling ?? DEFAULT_SAMPLING)) as Json,
    demonstrations: demonstrations.name,
    thought,
  };
}
