/** Labelled texts as rows that `collate` takes, in each form. */
import { ConfigError, checkOptions, nearest } from "@cambium/base";
import type { Row, Tokenizer } from "@cambium/models";
import type { Form, TaskParts, WordForm } from "./define-task.ts";
import { beforeAnswer, fit, hasSlot, render, type Template, type Texts } from "./template.ts";

/** What a task takes: any row of a table has it. */
export interface TaskRow extends Texts {
  /** A class by its name, or a number. */
  readonly label?: string | number;
  /** A text to be written. */
  readonly target?: string;
}

/** Settings of a task's `rows`. */
export interface RowsOptions {
  readonly form: Form;
  /** Whose tokens are counted. Needed by the forms that ask in words. */
  readonly tokenizer?: Tokenizer;
  /** Most tokens of a row, as `collate` is given. Needed by the forms that ask in words. */
  readonly maxLength?: number;
}

/** Rows of a task. */
export interface TaskRows {
  readonly rows: readonly Row[];
  /** Rows whose texts were shortened. */
  readonly cutRows: number;
}

/** What a word form needs to make rows. */
export interface Asking {
  readonly form: WordForm;
  readonly template: Template;
  readonly tokenizer: Tokenizer;
  readonly maxLength: number;
  /** Answers that a text must leave room for, whichever is right: so it is cut alike for all of them. */
  readonly answers: readonly string[];
}

export function createRows(task: TaskParts, rows: readonly TaskRow[], options: RowsOptions): TaskRows {
  checkOptions("task.rows", options, ["form", "tokenizer", "maxLength"]);
  const { form, tokenizer, maxLength } = options;
  task.head(form);
  if (form === "class-head") return { rows: rows.map((row, i) => headRow(task, row, i)), cutRows: 0 };
  if (tokenizer === undefined || maxLength === undefined) {
    throw new ConfigError({
      message: `task.rows: the form "${form}" needs a tokenizer and maxLength, so that the template is never cut`,
    });
  }
  const asking = askingOf(task, form, tokenizer, maxLength);
  if (form === "mask") checkMasks(maskText(tokenizer), rows);
  const made = rows.map((row, index) => askRow(asking, row, index, answerOf(task, row, index)));
  return { rows: made.map(({ row }) => row), cutRows: made.filter(({ lost }) => lost > 0).length };
}

/** Throws where a text holds the mask itself: it would be learnt as the word that it hides. */
function checkMasks(mask: string, rows: readonly TaskRow[]): void {
  const index = rows.findIndex(({ text, pair = "" }) => text.includes(mask) || pair.includes(mask));
  if (index === -1) return;
  throw new ConfigError({ message: `task: row ${index} holds ${mask}, which hides the word to be found`, index });
}

/** How a task asks in a form. */
export function askingOf(task: TaskParts, form: WordForm, tokenizer: Tokenizer, maxLength: number): Asking {
  return { form, template: task.templateOf(form), tokenizer, maxLength, answers: Object.values(task.words) };
}

function headRow({ kind, name, labels }: TaskParts, { text, pair, label }: TaskRow, index: number): Row {
  const texts = { text, ...(pair !== undefined && { pair }) };
  if (label === undefined) return texts;
  if (kind === "classes") checkLabel(name, labels, label, index);
  else if (typeof label !== "number") {
    throw new ConfigError({
      message: `task "${name}": row ${index} needs a number, got ${JSON.stringify(label)}`,
      index,
    });
  }
  return { ...texts, label };
}

function checkLabel(name: string, labels: readonly string[], label: string | number, index: number): void {
  if (labels.includes(label as string)) return;
  const near = typeof label === "string" ? nearest(label, labels) : undefined;
  throw new ConfigError({
    message: `task "${name}": row ${index} has the label ${JSON.stringify(label)}, known are ${labels.join(", ")}${near === undefined ? "" : `; was "${near}" meant`}`,
    index,
    label,
  });
}

/** What a model should answer to a row, where that is known. */
function answerOf(
  { name, kind, labels, words }: TaskParts,
  { label, target }: TaskRow,
  index: number,
): string | undefined {
  if (kind === "texts") return target;
  if (label === undefined) return undefined;
  checkLabel(name, labels, label, index);
  return words[label];
}

/** The mask token as the tokenizer reads it in a text. */
export function maskText(tokenizer: Tokenizer): string {
  const { mask } = tokenizer.special;
  if (mask !== undefined) return tokenizer.decode([mask], { skipSpecial: false }).trim();
  throw new ConfigError({
    message: 'task: the form "mask" needs a tokenizer with a mask token; choose "continuation" for a decoder',
  });
}

/** A row that asks, and what its texts lost. */
export function askRow(
  { form, template, tokenizer, maxLength, answers }: Asking,
  row: TaskRow,
  index: number,
  answer: string | undefined,
): { readonly row: Row; readonly lost: number } {
  checkPair(template, row, index);
  if (form === "mask") {
    const mask = maskText(tokenizer);
    const withMask = (texts: Texts): string => render(template, { ...texts, answer: mask });
    const { lost, ...texts } = fit(row, withMask, tokenizer, maxLength);
    const target = answer === undefined ? {} : { target: render(template, { ...texts, answer }) };
    return { row: { text: withMask(texts), ...target }, lost };
  }
  const before = beforeAnswer(template)!;
  // White space before the answer belongs to it: byte-level vocabularies have words with their spaces.
  const gap = form === "continuation" ? /\s*$/.exec(render(before.slice(-1), {}))![0] : "";
  const ask = (texts: Texts): string => render(before, { ...texts }).trimEnd();
  const targets = [...answers, ...(answer === undefined ? [] : [answer])].map(
    (each) => tokenizer.pieces(`${gap}${each}`).length,
  );
  const reserved = form === "continuation" ? Math.max(0, ...targets) : 0;
  const { lost, ...texts } = fit(row, ask, tokenizer, maxLength - reserved);
  return { row: { text: ask(texts), ...(answer !== undefined && { target: `${gap}${answer}` }) }, lost };
}

/** Throws where a row has a second text that nobody would read, or lacks one that the template reads. */
function checkPair(template: Template, { pair }: TaskRow, index: number): void {
  const wants = hasSlot(template, "pair");
  if (wants === (pair !== undefined)) return;
  throw new ConfigError({
    message: wants
      ? `task: row ${index} has no pair, and the template has {pair}`
      : `task: row ${index} has a pair, and the template has no {pair}`,
    index,
  });
}
