import type { Json, JsonObject } from "@cambium/base";
import type { Schema } from "../tools/schema.ts";
import { describeIssues } from "../tools/schema.ts";

/** An answer that fits, or what is wrong with it. */
export type CheckedAnswer =
  | { readonly ok: true; readonly value: unknown; readonly text: string }
  | { readonly ok: false; readonly problem: string };

/** What answers must be, as a command that the model calls and as JSON that it writes. */
export interface AnswerForm {
  /** JSON Schema of the command's arguments: the answer's, or an object that holds it where the answer is none. */
  readonly parameters: JsonObject;
  /** Reads the arguments of the command. */
  check(given: Json): Promise<CheckedAnswer>;
  /** Reads a text that should be JSON, with or without a fence. */
  checkText(text: string): Promise<CheckedAnswer>;
}

/** The JSON in a reply: the reply as a whole, or its only fenced block. */
export function jsonIn(text: string): Json | undefined {
  const fence = /```[a-z]*\s*\n([\s\S]*?)```/.exec(text);
  for (const candidate of [text, fence?.[1] ?? ""]) {
    try {
      return JSON.parse(candidate) as Json;
    } catch {
      // not this one
    }
  }
  return undefined;
}

/** The form of answers of a schema. */
export function answerForm(schema: Schema, written: JsonObject): AnswerForm {
  const isObject = written["type"] === "object";
  const parameters: JsonObject = isObject
    ? written
    : { type: "object", properties: { answer: written }, required: ["answer"], additionalProperties: false };

  async function check(given: Json): Promise<CheckedAnswer> {
    const inner = isObject ? given : ((given as JsonObject | null)?.["answer"] as Json | undefined);
    const checked = await schema["~standard"].validate(inner);
    if (checked.issues !== undefined) {
      return { ok: false, problem: describeIssues(checked.issues, inner ?? null, isObject ? written : {}) };
    }
    return { ok: true, value: checked.value, text: JSON.stringify(inner) };
  }

  return {
    parameters,
    check,
    async checkText(text) {
      const json = jsonIn(text);
      if (json === undefined)
        return { ok: false, problem: `it must be JSON of this schema: ${JSON.stringify(parameters)}` };
      return check(json);
    },
  };
}
