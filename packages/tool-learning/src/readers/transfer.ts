import { FormatError } from "@cambium/base";
import type { Problem } from "../problem.ts";
import { idOf, needField, parseRows, type RawRow, textField } from "./rows.ts";

/** Questions that share one concept, so that one tool should serve them all. */
export interface TransferSet {
  readonly id: string;
  /** The concept in words. Not shown to models: it describes the gold tool. */
  readonly intro?: string;
  readonly scenarios: readonly Problem[];
}

/** Scenarios as a list of objects, or as numbered fields `scn1`, `ans1`, … */
function scenarioRows(row: RawRow): readonly RawRow[] {
  const list = row.fields["scenarios"];
  if (Array.isArray(list)) {
    return list.map((fields, i) => ({
      key: `${row.key}, scenario ${i + 1}`,
      fields: fields as Record<string, unknown>,
      isNamed: false,
    }));
  }
  return [1, 2, 3, 4, 5].flatMap((number) => {
    const question = textField(row, `scn${number}`, `question${number}`);
    if (question === undefined) return [];
    const fields = { question, answer: row.fields[`ans${number}`] ?? row.fields[`answer${number}`] };
    return [{ key: `${row.key}, scenario ${number}`, fields, isNamed: false }];
  });
}

/**
 * Reads sets for the transfer of tools: `intro` and three questions with answers, as fields `scn1`, `ans1`, … or as a list
 * `scenarios` of `question` and `answer`. Gold tools and solutions are never read.
 *
 * @throws {FormatError} When a set has fewer than two scenarios, or a scenario no question or answer; names it.
 * @see Qian et al. 2023, CREATOR, arXiv:2305.14318, §5.1.
 */
export function parseTransferSets(text: string): readonly TransferSet[] {
  return parseRows("parseTransferSets", text).map((row): TransferSet => {
    const id = idOf(row, "set");
    const intro = textField(row, "intro");
    const scenarios = scenarioRows(row).map(
      (scenario, i): Problem => ({
        id: textField(scenario, "id") ?? `${id}-${i + 1}`,
        question: needField("parseTransferSets", scenario, "question"),
        answer: needField("parseTransferSets", scenario, "answer"),
        answerKind: "number",
        subject: id,
      }),
    );
    if (scenarios.length >= 2) return { id, scenarios, ...(intro === undefined ? {} : { intro }) };
    throw new FormatError({
      message: `parseTransferSets: row ${row.key} needs two scenarios at least, it has ${scenarios.length}`,
      row: row.key,
    });
  });
}
