import { sha256 } from "@cambium/base";
import type { Message } from "@cambium/llm";
import type { Task } from "../problem.ts";

/** What a model is asked, in three parts, so that what does not change comes first and providers can cache it. */
export interface Prompt {
  /** One line that says what the model is here. */
  readonly system: string;
  /** What to do, with demonstrations: the same for every task. */
  readonly instructions: string;
  /** What differs from task to task. */
  readonly question: string;
}

/** The messages of a prompt. */
export function messagesOf({ system, instructions, question }: Prompt): readonly Message[] {
  return [
    { role: "system", content: system },
    { role: "user", content: `${instructions}\n\n${question}` },
  ];
}

/** SHA-256 of everything that is asked. */
export function promptHash(prompt: Prompt): string {
  return sha256(JSON.stringify([prompt.system, prompt.instructions, prompt.question]));
}

/** A titled part of a prompt. */
export const section = (title: string, text: string): string => `## ${title}\n${text.trim()}`;

/** A fenced block; the fence is longer than any inside. */
export function fenced(language: string, code: string): string {
  const longest = Math.max(2, ...(code.match(/`{3,}/g) ?? []).map(({ length }) => length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${code.trim()}\n${fence}`;
}

/** The parts of a task as they stand in a prompt: context, hints, and the question last. */
export function taskSections({ question, context, hints }: Task, options: { readonly hints: boolean }): string[] {
  const { utility, args, returns } = options.hints ? (hints ?? {}) : {};
  const hintLines = [
    utility === undefined ? "" : `Utility: ${utility.trim()}`,
    args === undefined ? "" : `Arguments:\n${args.trim()}`,
    returns === undefined ? "" : `Returns:\n${returns.trim()}`,
  ].filter((line) => line !== "");
  return [
    ...(context === undefined ? [] : [section("Context", context)]),
    ...(hintLines.length === 0 ? [] : [section("Hints about the tool", hintLines.join("\n"))]),
    section("Question", question),
  ];
}
