/** Rows of the Berkeley Function-Calling Leaderboard, as its files hold them joined by id. */
import { FormatError, type Json, type JsonObject, parseConfig } from "@cambium/base";
import type { Row, Task } from "@cambium/evaluation";
import type { Message } from "@cambium/llm";
import * as z from "zod";
import { messageOf } from "../../tools/hostile.ts";

/** What a row asks for: one call, a set of calls in any order, no call, or some call. */
export type BfclKind = "one" | "set" | "none" | "some";

/** A function as its document describes it: types are words of Python, Java or JavaScript. */
export interface BfclFunction {
  readonly name: string;
  readonly description: string;
  readonly parameters: JsonObject;
}

/** A call with, for each argument, the values that are accepted; `""` among them lets it be left out. */
export type BfclGold = Readonly<Record<string, Readonly<Record<string, readonly Json[]>>>>;

/** A request, with the functions that may be called. */
export interface BfclTask extends Task {
  readonly messages: readonly Message[];
  readonly functions: readonly BfclFunction[];
}

/** What a row's answer is judged by. */
export interface BfclExpected {
  readonly kind: BfclKind;
  readonly functions: readonly BfclFunction[];
  readonly gold: readonly BfclGold[];
}

const rowSchema = z.looseObject({
  id: z.string().min(1),
  question: z
    .array(z.array(z.looseObject({ role: z.enum(["system", "user", "assistant"]), content: z.string() })))
    .min(1),
  function: z.array(z.looseObject({ name: z.string().min(1), description: z.string(), parameters: z.looseObject({}) })),
  ground_truth: z.array(z.record(z.string(), z.record(z.string(), z.array(z.json())))).optional(),
});

/** What a category asks for, by its name. */
function kindOf(category: string): BfclKind {
  if (/irrelevance/.test(category)) return "none";
  if (/relevance/.test(category)) return "some";
  return /parallel/.test(category) ? "set" : "one";
}

/** Lines of JSON. @throws {FormatError} When a line is none. */
export function readLines(caller: string, text: string): readonly Json[] {
  return text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    try {
      return [JSON.parse(line) as Json];
    } catch (cause) {
      throw new FormatError({ message: `${caller}: line ${i + 1} is no JSON: ${messageOf(cause)}`, cause });
    }
  });
}

/**
 * Reads a category.
 *
 * @param text - Lines of JSON: `id`, `question` (turns of messages), `function`, and `ground_truth` where there are right calls.
 * @param category - Such as `parallel_multiple`: its name says what is asked for, and it is the `subject` of the rows.
 * @throws {FormatError} When a line is no JSON. @throws {ConfigError} When a row lacks a field, or right calls.
 * @see Patil et al. 2025, The Berkeley Function Calling Leaderboard (BFCL), ICML.
 */
export function parseBfcl(text: string, category: string): readonly Row<BfclTask>[] {
  const kind = kindOf(category);
  return readLines("parseBfcl", text).map((line, i) => {
    parseConfig(`parseBfcl: row ${i}`, rowSchema, line);
    const { id, question, function: functions, ground_truth: gold = [] } = line as unknown as z.infer<typeof rowSchema>;
    if ((kind === "one" || kind === "set") && gold.length === 0) {
      throw new FormatError({ message: `parseBfcl: row "${id}" of ${category} has no ground_truth`, id });
    }
    const messages = question.flat().map(({ role, content }): Message => ({ role, content }));
    const expected = { kind, functions, gold } as unknown as BfclExpected;
    return {
      id,
      question: messages.findLast(({ role }) => role === "user")?.content as string,
      messages,
      functions: functions as unknown as readonly BfclFunction[],
      answer: JSON.stringify(expected),
      subject: category,
    };
  });
}
