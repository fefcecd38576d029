import { makeCard, type ToolCard } from "../card.ts";
import { givesNumber } from "../checks.ts";
import type { FullSetup } from "../setup.ts";
import { CellError } from "./cells.ts";
import { evaluateSheets } from "./evaluate.ts";
import { REGIONS, type SpreadsheetState, sampleSheets } from "./sample.ts";

/** Instructions for `spreadsheet` with the sample of the same seed. */
export function spreadsheetCard(setup: FullSetup, each: number): ToolCard {
  const start = sampleSheets(setup.seed);
  const cells = (sheet: number): Readonly<Record<string, string>> => start.sheets[sheet]!.cells;
  const sales = Array.from({ length: 12 }, (_, i) => ({
    article: cells(0)[`A${i + 2}`]!,
    region: cells(0)[`B${i + 2}`]!,
    pieces: Number(cells(0)[`C${i + 2}`]),
  }));
  const price = new Map(Array.from({ length: 8 }, (_, i) => [cells(1)[`A${i + 2}`]!, Number(cells(1)[`B${i + 2}`])]));
  const articles = [...price.keys()];
  /** Whether all that was there before is still there, but for these cells of the first sheet. */
  const kept = (state: SpreadsheetState, but: readonly string[] = []): boolean =>
    start.sheets.every(({ name, cells }, i) =>
      Object.entries(cells).every(
        ([cell, entry]) =>
          (i === 0 && but.includes(cell)) || state.sheets.find((sheet) => sheet.name === name)?.cells[cell] === entry,
      ),
    );
  const calculates = (instruction: string, formula: string, right: number, tolerance?: number) => ({
    instruction,
    expert: async (call: <Result>(name: string, input: { formula: string }) => Promise<Result>) =>
      `It is ${(await call<{ value: number }>("spreadsheet_calculate", { formula })).value}.`,
    succeeds: ({ answer, state }: { readonly answer: string; readonly state: unknown }) =>
      givesNumber(answer, right, { instruction, ...(tolerance === undefined ? {} : { tolerance }) }) &&
      kept(state as SpreadsheetState),
  });

  return makeCard("spreadsheet", setup, each, {
    region(random) {
      const region = random.pick(REGIONS);
      const right = sales.filter((row) => row.region === region).reduce((sum, { pieces }) => sum + pieces, 0);
      return calculates(
        `How many pieces were sold in the region ${region}, by the sheet "Sales"?`,
        `=SUMIF(B2:B13, "${region}", C2:C13)`,
        right,
      );
    },
    value(random) {
      const article = random.pick(articles);
      const pieces = sales.filter((row) => row.article === article).reduce((sum, row) => sum + row.pieces, 0);
      return calculates(
        `What are all pieces of ${article} on the sheet "Sales" worth, at the price on the sheet "Prices"?`,
        `=ROUND(SUMIF(A2:A13, "${article}", C2:C13) * VLOOKUP("${article}", Prices!A2:B9, 2, FALSE), 2)`,
        pieces * price.get(article)!,
        0.006,
      );
    },
    large(random) {
      const least = random.integer(20, 70);
      return calculates(
        `In how many rows of the sheet "Sales" are there more than ${least} pieces?`,
        `=COUNTIF(C2:C13, ">${least}")`,
        sales.filter(({ pieces }) => pieces > least).length,
      );
    },
    total(random) {
      const [row, what] = [random.integer(15, 30), random.pick(["SUM", "AVERAGE", "MAX", "MIN"] as const)];
      const words = { SUM: "the sum", AVERAGE: "the average", MAX: "the largest", MIN: "the smallest" }[what];
      const list = sales.map(({ pieces }) => pieces);
      const right = {
        SUM: list.reduce((a, b) => a + b),
        AVERAGE: list.reduce((a, b) => a + b) / list.length,
        MAX: Math.max(...list),
        MIN: Math.min(...list),
      }[what];
      const cell = `C${row}`;
      return {
        instruction: `Put a formula for ${words} of the pieces (C2 to C13) into cell ${cell} of the sheet "Sales".`,
        async expert(call) {
          await call("spreadsheet_set", { cells: { [cell]: `=${what}(C2:C13)` } });
          return "The formula is in its place.";
        },
        succeeds({ state }) {
          const { sheets } = state as SpreadsheetState;
          const value = evaluateSheets(sheets).value("Sales", cell);
          const entry = sheets[0]!.cells[cell] ?? "";
          return (
            entry.startsWith("=") &&
            /C\$?2/i.test(entry) &&
            !(value instanceof CellError) &&
            Math.abs(Number(value) - right) < 1e-9 &&
            kept(state as SpreadsheetState)
          );
        },
      };
    },
    correct(random) {
      const [at, pieces] = [random.integer(2, 13), random.integer(100, 200)];
      const { article, region } = sales[at - 2]!;
      return {
        instruction: `Row ${at} of the sheet "Sales" (${article}, ${region}) is wrong: it must be ${pieces} pieces. Correct it.`,
        async expert(call) {
          await call("spreadsheet_set", { cells: { [`C${at}`]: pieces } });
          return "It is corrected.";
        },
        succeeds: ({ state }) =>
          (state as SpreadsheetState).sheets[0]!.cells[`C${at}`] === String(pieces) &&
          kept(state as SpreadsheetState, [`C${at}`]),
      };
    },
  });
}
