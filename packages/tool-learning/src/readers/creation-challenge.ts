import type { Hints, Problem } from "../problem.ts";
import { idOf, needField, parseRows, type RawRow, textField } from "./rows.ts";

/** A field that is a text, or a list of texts; "none" in any form counts as nothing. */
function linesOf({ fields }: RawRow, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = fields[name];
    const text = (Array.isArray(value) ? value.map(String).join("\n") : typeof value === "string" ? value : "").trim();
    if (text !== "" && !/^[-*\s]*(none|null|n\/a)\.?$/i.test(text)) return text;
  }
  return undefined;
}

/** Hints of a row; the gold tool and solution are not read at all. */
function hintsOf(row: RawRow): Hints | undefined {
  const [utility, args, returns] = [linesOf(row, "utility"), linesOf(row, "args"), linesOf(row, "returns", "return")];
  if (utility === undefined) return undefined;
  return { utility, ...(args === undefined ? {} : { args }), ...(returns === undefined ? {} : { returns }) };
}

/**
 * Reads problems in the layout of the Creation Challenge: `question`, `answer`, `constant`, and `utility`, `args`, `return`
 * as hints. Fields `tool` and `solution` are never read. Give the problems to `withHints` for less than all hints.
 *
 * @throws {FormatError} When a row lacks a question or an answer; names the row.
 * @see Qian et al. 2023, CREATOR, arXiv:2305.14318, §4.3. The set has no licence and is not part of this package.
 */
export function parseCreationChallenge(text: string): readonly Problem[] {
  return parseRows("parseCreationChallenge", text).map((row): Problem => {
    const constants = linesOf(row, "constant", "constants");
    const hints = hintsOf(row);
    const subject = textField(row, "subject", "set");
    const level = textField(row, "level");
    return {
      id: idOf(row, "creation"),
      question: needField("parseCreationChallenge", row, "question"),
      answer: needField("parseCreationChallenge", row, "answer"),
      answerKind: "number",
      ...(constants === undefined ? {} : { context: `Constants:\n${constants}` }),
      ...(hints === undefined ? {} : { hints }),
      ...(subject === undefined ? {} : { subject }),
      ...(level === undefined ? {} : { level }),
    };
  });
}
