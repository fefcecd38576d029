/**
 * What the model is shown of results. A result that is too long for its place is shown in part, never in silence: the text
 * says how much is left out and how to read it.
 */
import { type Json, type JsonObject, parseConfig } from "@cambium/base";
import * as z from "zod";
import type { AnyTool } from "../tools/tool.ts";

/** A result on its way to the model. */
export interface Seen {
  readonly tool: AnyTool;
  readonly value: Json | undefined;
  /** What the tool says itself, or the value as text. */
  readonly text: string;
  /** Whether the tool has its own way to tell the value. */
  readonly isTold: boolean;
  /** The number under which `read_result` finds the whole text; `undefined` when the model cannot read it. */
  readonly handle: number | undefined;
}

/** What a perceiver makes of a result. */
export interface Shown {
  readonly text: string;
  /** Asks that a model sums up the whole text; its words are shown then, and `text` when it fails. */
  readonly summarise?: boolean;
}

/** Decides what the model is shown of results. */
export interface Perceiver {
  /** Everything that it depends on, as JSON. */
  readonly settings: Json;
  /** What is shown of a result. */
  perceive(seen: Seen): Shown;
}

/** Settings of `perceiver`. */
export interface PerceiverOptions {
  /** Longest text that is shown of a result. @default 4000 */
  readonly characters?: number;
  /** Lists of like objects are shown as tables, which take fewer tokens. @default true */
  readonly tables?: boolean;
  /** Long results are summed up by the model, in view of the task: one more request each. @default false */
  readonly summarise?: boolean;
}

const schema = z.strictObject({
  characters: z.int().min(200).optional(),
  tables: z.boolean().optional(),
  summarise: z.boolean().optional(),
});

/** Share of a shortened text that is its beginning. */
const HEAD_SHARE = 0.7;

const isScalar = (value: Json | undefined): boolean =>
  value === undefined || value === null || typeof value !== "object";

/** Most columns of a table: with more, most cells are empty. */
const WIDEST = 16;

/** The columns of a list of like objects; `undefined` when it is none. */
function columnsOf(value: Json | undefined): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length < 2) return undefined;
  const columns = new Set<string>();
  for (const row of value as readonly Json[]) {
    if (isScalar(row) || Array.isArray(row)) return undefined;
    for (const [key, field] of Object.entries(row as JsonObject)) {
      if (!isScalar(field)) return undefined;
      columns.add(key);
    }
    if (columns.size > WIDEST) return undefined;
  }
  return columns.size === 0 ? undefined : [...columns];
}

const cell = (value: Json | undefined): string =>
  value === undefined ? "" : String(value).replaceAll("\\", "\\\\").replaceAll("|", "\\|").replaceAll(/\r?\n/g, "\\n");

function rowText(row: Json, columns: readonly string[]): string {
  return columns.map((column) => cell((row as JsonObject)[column])).join(" | ");
}

const more = (handle: number | undefined, from: number): string =>
  handle === undefined ? "" : `; read_result({"result":${handle},"from":${from}}) shows more`;

function shorten(text: string, characters: number, isTold: boolean, handle: number | undefined): string {
  if (text.length <= characters) return text;
  const head = text.slice(0, Math.floor(characters * HEAD_SHARE));
  const tail = text.slice(text.length - Math.floor(characters * (1 - HEAD_SHARE)));
  const left = text.length - head.length - tail.length;
  return `${head}\n[… ${left} of ${text.length} characters are left out${more(handle, isTold ? 0 : head.length)} …]\n${tail}`;
}

function table(rows: readonly Json[], columns: readonly string[], characters: number, handle: number | undefined) {
  const lines = [columns.join(" | ")];
  let length = lines[0]!.length;
  for (const row of rows) {
    const line = rowText(row, columns);
    length += line.length + 1;
    if (length > characters && lines.length > 1) break;
    lines.push(line);
  }
  const shown = lines.length - 1;
  const left = rows.length - shown;
  if (left === 0) return { text: lines.join("\n"), isWhole: true };
  const written = JSON.stringify(rows.slice(0, shown)).length;
  lines.push(`[… ${left} of ${rows.length} rows are left out${more(handle, written)} …]`);
  return { text: lines.join("\n"), isWhole: false };
}

/**
 * The perceiver of runs that have none: tables for lists of like objects, beginning and end of what is too long, and the
 * number by which the model can read the rest.
 */
export function perceiver(options: PerceiverOptions = {}): Perceiver {
  parseConfig("perceiver", schema, options);
  const { characters = 4000, tables = true, summarise = false } = options;
  return {
    settings: { characters, tables, summarise },
    perceive({ value, text, isTold, handle }) {
      if (text === "" && value === undefined) return { text: "(done; there is nothing to return)" };
      const columns = tables && !isTold ? columnsOf(value) : undefined;
      if (columns !== undefined) {
        const shown = table(value as readonly Json[], columns, characters, handle);
        return { text: shown.text, ...(summarise && !shown.isWhole ? { summarise } : {}) };
      }
      const isLong = text.length > characters;
      return { text: shorten(text, characters, isTold, handle), ...(summarise && isLong ? { summarise } : {}) };
    },
  };
}
