import type { Failure } from "@cambium/evaluation";
import { isNumberAnswer } from "@cambium/evaluation";
import type { Task } from "../problem.ts";

/** What programs print before their answer. */
export const ANSWER_MARKER = "Final Answer:";

/**
 * What follows the last marker: the rest of its line, or the next line that is not empty.
 *
 * @returns `undefined` without a marker, or when nothing follows it.
 */
export function extractAnswer(text: string): string | undefined {
  const at = text.lastIndexOf(ANSWER_MARKER);
  if (at < 0) return undefined;
  const [line] = text
    .slice(at + ANSWER_MARKER.length)
    .split(/\r?\n/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
  return line;
}

/** What is wrong with a program that ran but did not answer, if anything is. */
export function checkAnswer(stdout: string, { answerKind }: Task): Failure | undefined {
  const answer = extractAnswer(stdout);
  if (answer === undefined) {
    const message =
      stdout.trim() === ""
        ? "the program printed nothing"
        : stdout.includes(ANSWER_MARKER)
          ? `nothing follows "${ANSWER_MARKER}"`
          : `the program printed no line that starts with "${ANSWER_MARKER}"`;
    return { code: "NO_ANSWER", message };
  }
  if (/^(undefined|null|nan|\[object .*\]|none)$/i.test(answer)) {
    return { code: "WRONG_TYPE", message: `the program answered "${answer}", which is no value` };
  }
  if (answerKind === "number" && !isNumberAnswer(answer)) {
    return {
      code: "WRONG_TYPE",
      message: `the answer must be a number, the program answered "${answer.slice(0, 100)}"`,
    };
  }
  return undefined;
}
