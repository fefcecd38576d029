import { FormatError, parseConfig } from "@cambium/base";
import { isPlainNumber } from "@cambium/evaluation";
import * as z from "zod";
import type { Problem } from "../problem.ts";
import { idOf, needField, parseRows, type RawRow, textField } from "./rows.ts";

/** Settings of `parseMath`. */
export interface ParseMathOptions {
  /** Branch of the rows that do not name theirs; a file of the set holds one branch. */
  readonly subject?: string;
  /** Leaves out rows whose answer is no plain number, as the publication does. @default false */
  readonly numbersOnly?: boolean;
}

const schema = z.strictObject({ subject: z.string().optional(), numbersOnly: z.boolean().optional() });

/** The text inside of the last `\boxed{…}` of a solution. */
export function boxedAnswer(solution: string): string | undefined {
  const at = Math.max(solution.lastIndexOf("\\boxed"), solution.lastIndexOf("\\fbox"));
  if (at < 0) return undefined;
  const rest = solution.slice(at).replace(/^\\(?:boxed|fbox)\s*/, "");
  if (!rest.startsWith("{")) return /^[^\s$.,]+/.exec(rest)?.[0];
  let depth = 0;
  for (let i = 0; i < rest.length; i++) {
    if (rest[i] === "{" && rest[i - 1] !== "\\") depth++;
    else if (rest[i] === "}" && rest[i - 1] !== "\\" && --depth === 0) return rest.slice(1, i).trim();
  }
  return undefined;
}

function answerOf(row: RawRow): string {
  const given = textField(row, "answer", "final_answer");
  if (given !== undefined) return given;
  const answer = boxedAnswer(needField("parseMath", row, "answer", "solution"));
  if (answer !== undefined && answer !== "") return answer;
  throw new FormatError({
    message: `parseMath: the solution of row ${row.key} has no \\boxed answer; add a field "answer"`,
    row: row.key,
  });
}

/**
 * Reads problems in the layouts of the MATH set: `problem` or `question`; `answer`, or a `solution` with a boxed one; `level`
 * ("Level 5" or 5); `type` or `subject`. One JSON object a line, a list, or a single problem.
 *
 * @throws {ConfigError} When an option cannot be meant.
 * @throws {FormatError} When a row lacks a question or an answer; names the row.
 * @see Hendrycks et al. 2021, Measuring Mathematical Problem Solving With the MATH Dataset, arXiv:2103.03874. The set itself
 *      is not part of this package.
 */
export function parseMath(text: string, options: ParseMathOptions = {}): readonly Problem[] {
  parseConfig("parseMath", schema, options);
  const { subject, numbersOnly = false } = options;
  return parseRows("parseMath", text).flatMap((row): readonly Problem[] => {
    const branch = textField(row, "type", "subject") ?? subject;
    const level = textField(row, "level")?.replace(/^level\s*/i, "");
    const answer = answerOf(row);
    if (numbersOnly && !isPlainNumber(answer)) return [];
    return [
      {
        id: idOf(row, branch ?? "math"),
        question: needField("parseMath", row, "question", "problem"),
        answer,
        answerKind: numbersOnly ? "number" : "any",
        ...(branch === undefined ? {} : { subject: branch }),
        ...(level === undefined ? {} : { level }),
      },
    ];
  });
}
