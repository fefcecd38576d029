import { checkOptions } from "@cambium/base";
import type { AnyTool } from "@cambium/tool-learning";
import { parse } from "csv-parse/sync";
import * as z from "zod";
import { optional } from "../optional.ts";
import { refuse } from "../refuse.ts";
import { fullSetup, type Setup } from "../setup.ts";
import { type Define, makeToolkit, type Toolkit } from "../toolkit.ts";
import {
  type Area,
  CellError,
  cellName,
  MOST_COLUMNS,
  MOST_ROWS,
  parseArea,
  parseCell,
  type Sheet,
  shown,
} from "./cells.ts";
import { evaluateSheets } from "./evaluate.ts";
import { FUNCTIONS } from "./functions.ts";
import { type SpreadsheetState, sampleSheets } from "./sample.ts";

/** Options of `spreadsheet`. */
export interface SpreadsheetOptions extends Pick<Setup, "seed"> {
  /** The workbook at the start. @default made up from the seed */
  readonly start?: SpreadsheetState;
}

const MOST_CELLS = 50_000;
const MOST_SHEETS = 20;
const MOST_SHOWN = 1000;

const stateSchema = z.strictObject({
  sheets: z.array(z.strictObject({ name: z.string(), cells: z.record(z.string(), z.string()) })).max(MOST_SHEETS),
});

const sheetName = z
  .string()
  .trim()
  .min(1)
  .max(31)
  .regex(/^[^'!:[\]*?/\\]+$/, "must not have ' ! : [ ] * ? / or \\");
const sheet = sheetName.optional().describe("Name of the sheet. @default the first");
const range = z.string().max(20).describe('A range, for example "A1:C13", or one cell.');

function sheetOf({ sheets }: SpreadsheetState, name: string | undefined): Sheet {
  const found =
    name === undefined ? sheets[0] : sheets.find((other) => other.name.toLowerCase() === name.toLowerCase());
  return found ?? refuse(`no sheet "${name ?? ""}"; there are ${sheets.map((other) => other.name).join(", ")}`);
}

/** The rectangle from A1 that holds all that was entered; `undefined` for an empty sheet. */
function usedArea({ cells }: Sheet): Area | undefined {
  const used = Object.keys(cells).map(parseCell);
  if (used.length === 0) return undefined;
  return {
    left: 0,
    top: 0,
    right: used.reduce((most, { column }) => Math.max(most, column), 0),
    bottom: used.reduce((most, { row }) => Math.max(most, row), 0),
  };
}

function valuesIn(
  state: SpreadsheetState,
  { name }: Sheet,
  { left, right, top, bottom }: Area,
): (number | string | boolean | null)[][] {
  const evaluation = evaluateSheets(state.sheets);
  return Array.from({ length: bottom - top + 1 }, (_, r) =>
    Array.from({ length: right - left + 1 }, (_, c) => shown(evaluation.value(name, cellName(left + c, top + r)))),
  );
}

function readingTools(define: Define<SpreadsheetState>): AnyTool[] {
  return [
    define({
      verb: "sheets",
      description: "Lists the sheets with the range that is used and the first row.",
      input: z.strictObject({}),
      effects: "reads",
      run: (_, state) =>
        state.sheets.map((sheet) => {
          const area = usedArea(sheet);
          return {
            name: sheet.name,
            used: area === undefined ? null : `A1:${cellName(area.right, area.bottom)}`,
            firstRow: area === undefined ? [] : valuesIn(state, sheet, { ...area, bottom: 0 })[0],
          };
        }),
    }),
    define({
      verb: "get",
      description: `Reads the values of a range, row by row, at most ${MOST_SHOWN} cells. With formulas, also what was entered.`,
      input: z.strictObject({
        sheet,
        range,
        formulas: z.boolean().optional().describe("Give the formulas too. @default false"),
      }),
      effects: "reads",
      run({ sheet, range, formulas = false }, state) {
        const [found, area] = [sheetOf(state, sheet), parseArea(range)];
        const size = (area.right - area.left + 1) * (area.bottom - area.top + 1);
        if (size > MOST_SHOWN) refuse(`"${range}" has ${size} cells; ask for at most ${MOST_SHOWN}`);
        const entered = Object.entries(found.cells).filter(([cell, entry]) => {
          const { column, row } = parseCell(cell);
          return (
            entry.startsWith("=") &&
            column >= area.left &&
            column <= area.right &&
            row >= area.top &&
            row <= area.bottom
          );
        });
        return { values: valuesIn(state, found, area), ...(formulas ? { formulas: Object.fromEntries(entered) } : {}) };
      },
    }),
    define({
      verb: "calculate",
      description: `Works out a formula without entering it. Functions: IF, IFERROR, ${[...FUNCTIONS.keys()].join(", ")}. Other sheets are read as Prices!B2.`,
      input: z.strictObject({
        formula: z.string().min(1).max(1000).describe('For example "=SUMIF(B2:B13, \\"North\\", C2:C13)".'),
        sheet,
      }),
      effects: "reads",
      run({ formula, sheet }, state) {
        const { name, cells } = sheetOf(state, sheet);
        const entry = formula.startsWith("=") ? formula : `=${formula}`;
        const spare = cellName(MOST_COLUMNS, MOST_ROWS); // just outside of what can be entered
        const value = evaluateSheets(
          state.sheets.map((other) => (other.name === name ? { name, cells: { ...cells, [spare]: entry } } : other)),
        ).value(name, spare);
        if (value instanceof CellError) refuse(`${entry} gives ${value.code}`);
        return { value: shown(value) };
      },
    }),
    define({
      verb: "chart",
      description:
        "Draws a chart of a column of numbers against a column of names as SVG: bars, or a line over numbers. Both ranges are one column of equal length.",
      input: z.strictObject({
        sheet,
        title: z.string().trim().min(1).max(100),
        kind: z.enum(["bars", "line"]),
        names: range,
        values: range,
      }),
      effects: "reads",
      async run({ sheet, title, kind, names, values }, state) {
        const found = sheetOf(state, sheet);
        const [labels, numbers] = [names, values].map((text) => {
          const area = parseArea(text);
          if (area.left !== area.right || area.bottom - area.top >= 100)
            refuse(`"${text}" must be one column of at most 100 cells`);
          return valuesIn(state, found, area).flat();
        }) as [(string | number)[], number[]];
        if (labels.length !== numbers.length)
          refuse(`${names} has ${labels.length} cells and ${values} has ${numbers.length}`);
        if (!numbers.every((value) => typeof value === "number")) refuse(`${values} has cells that are no numbers`);
        if (kind === "line" && !labels.every((value) => typeof value === "number"))
          refuse(`a line needs numbers in ${names}; use bars`);
        const { plotBars, plotLines } = await optional(
          "spreadsheet",
          "@cambium/report",
          () => import("@cambium/report"),
        );
        const figure =
          kind === "bars"
            ? plotBars({
                title,
                value: { label: "value" },
                rows: distinct(labels).map((name, i) => ({ name, value: numbers[i]! })),
              })
            : plotLines({
                title,
                x: { label: names },
                y: { label: values },
                series: [{ name: title, points: numbers.map((y, i) => ({ x: labels[i] as number, y })) }],
              });
        return { svg: figure.svg() };
      },
    }),
  ];
}

/** A chart's rows need different names. */
function distinct(labels: readonly unknown[]): string[] {
  const seen = new Map<string, number>();
  return labels.map((label) => {
    const name = String(label ?? "");
    seen.set(name, (seen.get(name) ?? 0) + 1);
    return seen.get(name) === 1 ? name : `${name} (${seen.get(name)})`;
  });
}

function writingTools(define: Define<SpreadsheetState>): AnyTool[] {
  function enter(sheet: Sheet, entries: readonly (readonly [cell: string, entry: string])[]): void {
    const cells = { ...sheet.cells };
    for (const [cell, entry] of entries) {
      const { column, row } = parseCell(cell);
      if (entry === "") delete cells[cellName(column, row)];
      else cells[cellName(column, row)] = entry;
    }
    if (Object.keys(cells).length > MOST_CELLS) refuse(`a sheet holds at most ${MOST_CELLS} cells`);
    sheet.cells = cells;
  }
  const entry = z.union([z.string().max(2000), z.number(), z.boolean()]);
  return [
    define({
      verb: "set",
      description:
        'Enters values or formulas into cells and gives their values; "" empties a cell. A formula begins with =, for example {"D2": "=C2*2"}.',
      input: z.strictObject({
        sheet,
        cells: z.record(z.string().max(12), entry).describe("What goes into which cell."),
      }),
      effects: "writes",
      idempotent: true,
      run({ sheet, cells }, state) {
        const found = sheetOf(state, sheet);
        const entries = Object.entries(cells).map(
          ([cell, value]) => [cell, typeof value === "boolean" ? String(value).toUpperCase() : String(value)] as const,
        );
        enter(found, entries);
        const evaluation = evaluateSheets(state.sheets);
        return Object.fromEntries(
          entries.map(([cell]) => {
            const { column, row } = parseCell(cell);
            return [cellName(column, row), shown(evaluation.value(found.name, cellName(column, row)))];
          }),
        );
      },
    }),
    define({
      verb: "add_sheet",
      description: "Adds a sheet, empty or with the rows of a CSV text.",
      input: z.strictObject({ name: sheetName, csv: z.string().max(200_000).optional() }),
      effects: "writes",
      run({ name, csv = "" }, state) {
        if (state.sheets.length >= MOST_SHEETS) refuse(`a workbook holds at most ${MOST_SHEETS} sheets`);
        if (state.sheets.some((other) => other.name.toLowerCase() === name.toLowerCase()))
          refuse(`there is a sheet "${name}" already`);
        let rows: string[][];
        try {
          rows = parse(csv, { bom: true, relax_column_count: true });
        } catch (error) {
          return refuse(`the text is no CSV: ${(error as Error).message}`);
        }
        const made: Sheet = { name, cells: {} };
        enter(
          made,
          // What a file holds is data: a text that begins with = does not become a formula.
          rows
            .flatMap((row, r) =>
              row.map((text, c) => [cellName(c, r), text.startsWith("=") ? `'${text}` : text] as const),
            )
            .filter(([, text]) => text !== ""),
        );
        state.sheets.push(made);
        return { name, rows: rows.length };
      },
    }),
  ];
}

/** A workbook with formulas and charts. Charts are drawn by the optional package `@cambium/report`. */
export function spreadsheet(options: SpreadsheetOptions = {}): Toolkit<SpreadsheetState> {
  checkOptions("spreadsheet", options, ["seed", "start"]);
  const { start, ...given } = options;
  const { seed } = fullSetup("spreadsheet", given);
  return makeToolkit<SpreadsheetState>({
    id: "spreadsheet",
    about: "Reads and fills the cells of a workbook, with formulas and charts.",
    state: structuredClone(start) ?? sampleSheets(seed),
    schema: stateSchema,
    tools: (define) => [...readingTools(define), ...writingTools(define)],
  });
}
