/** Which column is for what: as given, else by its name, else by what it holds. */
import { ConfigError, nearest } from "@cambium/base";
import type { OpenedSource } from "./open-source.ts";
import type { Role, TableOptions } from "./table-options.ts";

/** The columns that are read. */
export type Columns = Readonly<Partial<Record<Role, string>>> & { readonly text: string };

/** The columns, and how they were found. */
export interface FoundColumns {
  readonly columns: Columns;
  /** A sentence for each column that was not given. */
  readonly notes: readonly string[];
}

const roles: readonly Role[] = ["text", "pair", "label", "target", "group"];

/** Names that columns go by, in lower case without spaces and signs. A column with the role's own name comes before the others. */
const names: Readonly<Record<Role, readonly string[]>> = {
  text: [
    ...["sentence", "sentence1", "text1", "texta", "message", "body", "content", "description", "comment", "review"],
    ...["tweet", "utterance", "document", "premise", "question", "query", "prompt", "input", "instruction", "ticket"],
  ],
  pair: ["sentence2", "text2", "textb", "textpair", "hypothesis", "passage"],
  label: [
    "labels",
    "class",
    "category",
    "intent",
    "topic",
    "sentiment",
    "queue",
    "department",
    "rating",
    "stars",
    "score",
  ],
  target: ["completion", "response", "output", "answer", "reply", "summary"],
  group: ["groupid", "thread", "threadid", "conversation", "conversationid"],
};

const bare = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

/**
 * Finds the columns.
 *
 * @throws {ConfigError} When a given column does not exist, or one that is needed is not there or could be several; lists them.
 */
export function findColumns(source: OpenedSource, options: TableOptions): FoundColumns {
  const notes: string[] = [];
  const found: Partial<Record<Role, string>> = {};
  for (const role of roles) {
    const given = options[role];
    if (given !== undefined) found[role] = checkColumn(source, role, given);
  }
  const taken = (): ReadonlySet<string> => new Set(Object.values(found));
  const isLabelled = options.labelled ?? true;
  for (const role of roles) {
    if (!isLabelled && (role === "label" || role === "target")) continue;
    if (found[role] !== undefined || (role === "target" && found.label !== undefined)) continue;
    if (role === "label" && found.target !== undefined) continue;
    const named = byName(source, role, taken());
    if (named === undefined) continue;
    found[role] = named;
    notes.push(`${role}: column "${named}", by its name`);
  }
  const withText = { ...found, text: found.text ?? byContent(source, "text", taken(), notes) };
  checkTarget(source, options, withText);
  const hasAnswer = !isLabelled || withText.label !== undefined || withText.target !== undefined;
  const label = hasAnswer ? {} : { label: byContent(source, "label", new Set(Object.values(withText)), notes) };
  return { columns: { ...withText, ...label }, notes };
}

function checkColumn({ name, columns }: OpenedSource, role: Role, given: string): string {
  if (columns.includes(given)) return given;
  const near = nearest(given, columns);
  throw new ConfigError({
    message: `readTable: ${name} has no column "${given}" for ${role}, it has ${columns.join(", ")}${near === undefined ? "" : `; was "${near}" meant`}`,
    column: given,
  });
}

function byName({ name, columns }: OpenedSource, role: Role, taken: ReadonlySet<string>): string | undefined {
  const free = columns.filter((column) => !taken.has(column));
  const own = free.filter((column) => bare(column) === role);
  const all = own.length > 0 ? own : free.filter((column) => names[role].includes(bare(column)));
  if (all.length < 2) return all[0];
  throw ambiguous(name, role, all, "by their names");
}

function ambiguous(name: string, role: Role, candidates: readonly string[], how: string): ConfigError {
  return new ConfigError({
    message: `readTable: ${name} has several columns that could be the ${role} ${how}: ${candidates.join(", ")}; say which: { ${role}: "${candidates[0]}" }`,
    role,
    candidates,
  });
}

/** Most different values of a column of classes that is found by its content, and letters of each. */
const MOST_CLASSES = 100;
const MOST_LETTERS = 60;

/** Whether values look like classes: few different ones that come again. */
function areClasses(values: readonly unknown[]): boolean {
  const distinct = new Set(values);
  return (
    distinct.size >= 2 &&
    distinct.size <= Math.min(MOST_CLASSES, values.length / 2) &&
    [...distinct].every((value) => String(value).length <= MOST_LETTERS)
  );
}

/** Whether values look like texts: of more than two words in the mean. */
function areTexts(values: readonly unknown[]): boolean {
  const words = values.map((value) => (typeof value === "string" ? value.trim().split(/\s+/).length : 0));
  return words.reduce((sum, count) => sum + count, 0) / values.length > 2;
}

function byContent(source: OpenedSource, role: "text" | "label", taken: ReadonlySet<string>, notes: string[]): string {
  const { name, columns, records } = source;
  const fits = role === "text" ? areTexts : areClasses;
  const candidates = columns.filter((column) => {
    const values = records
      .map(({ values }) => values[column])
      .filter((value) => value !== undefined && value !== null && value !== "");
    return !taken.has(column) && values.length > 0 && fits(values);
  });
  if (candidates.length > 1) throw ambiguous(name, role, candidates, "by what they hold");
  const [only] = candidates;
  if (only !== undefined) {
    notes.push(
      `${role}: column "${only}", the only one that holds ${role === "text" ? "texts" : "a few values again and again"}`,
    );
    return only;
  }
  throw new ConfigError({
    message: `readTable: no column of ${name} looks like the ${role}; it has ${columns.join(", ")}; say which: { ${role}: … }`,
    role,
    columns,
  });
}

/** Throws for a column of targets, found by its name, that could as well hold classes. */
function checkTarget(
  { name, records }: OpenedSource,
  options: TableOptions,
  found: { readonly target?: string },
): void {
  const { target } = found;
  if (target === undefined || options.target !== undefined) return;
  const values = records.map(({ values }) => values[target]);
  if (!areClasses(values) && !values.every((value) => typeof value === "number")) return;
  throw new ConfigError({
    message: `readTable: column "${target}" of ${name} holds ${new Set(values).size} different values: give { label: "${target}" } to learn which it is, or { target: "${target}" } to learn to write it`,
    column: target,
  });
}
