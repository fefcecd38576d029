import { parseConfig } from "@cambium/base";
import * as z from "zod";
import type { Problem } from "../problem.ts";
import { idOf, needField, parseRows, type RawRow, textField } from "./rows.ts";

/** Settings of `parseTabMwp`. */
export interface ParseTabMwpOptions {
  /** Leaves out rows whose answer is a word, as the publication does. @default false */
  readonly numbersOnly?: boolean;
}

const schema = z.strictObject({ numbersOnly: z.boolean().optional() });

/** The table as text: the stored text, or the columns put side by side. */
function tableText(row: RawRow): string {
  const title = textField(row, "table_title");
  const stored = textField(row, "table");
  const columns = row.fields["table_for_pd"] as Readonly<Record<string, readonly unknown[]>> | undefined;
  const lines =
    stored ??
    [
      Object.keys(columns ?? {}).join(" | "),
      ...Array.from({ length: Math.max(0, ...Object.values(columns ?? {}).map((cells) => cells.length)) }, (_, i) =>
        Object.values(columns!)
          .map((cells) => String(cells[i] ?? ""))
          .join(" | "),
      ),
    ].join("\n");
  return title === undefined ? lines : `${title}\n${lines}`;
}

/** The question with what the answer is chosen from or measured in. */
function questionText(row: RawRow): string {
  const question = needField("parseTabMwp", row, "question");
  const choices = row.fields["choices"];
  const unit = textField(row, "unit");
  const options =
    Array.isArray(choices) && choices.length > 0 ? `\nAnswer with one of: ${choices.map(String).join(", ")}` : "";
  return `${question}${options}${unit === undefined ? "" : `\nUnit: ${unit}`}`;
}

/**
 * Reads problems in the layout of TabMWP: `question`, `answer`, `table` or `table_for_pd`, `table_title`, `unit`, `choices`,
 * `ans_type`, `ques_type`, `grade`; one JSON object keyed by id, or one a line. The level is the school grade.
 *
 * @throws {ConfigError} When an option cannot be meant.
 * @throws {FormatError} When a row lacks a question or an answer; names the row.
 * @see Lu et al. 2023, Dynamic Prompt Learning via Policy Gradient for Semi-structured Mathematical Reasoning,
 *      arXiv:2209.14610. Its data are for non-commercial use and not part of this package.
 */
export function parseTabMwp(text: string, options: ParseTabMwpOptions = {}): readonly Problem[] {
  parseConfig("parseTabMwp", schema, options);
  const { numbersOnly = false } = options;
  return parseRows("parseTabMwp", text).flatMap((row): readonly Problem[] => {
    const isNumber = /^(integer|decimal)_number$/.test(textField(row, "ans_type") ?? "");
    if (numbersOnly && !isNumber) return [];
    const grade = textField(row, "grade");
    const kind = textField(row, "ans_type");
    return [
      {
        id: idOf(row, "tabmwp"),
        question: questionText(row),
        context: tableText(row),
        answer: needField("parseTabMwp", row, "answer"),
        answerKind: isNumber ? "number" : "any",
        ...(kind === undefined ? {} : { subject: kind }),
        ...(grade === undefined ? {} : { level: grade }),
      },
    ];
  });
}
