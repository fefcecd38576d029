import { seeded } from "../random.ts";
import { cellName, type Sheet } from "./cells.ts";

/** A workbook. */
export type SpreadsheetState = { sheets: Sheet[] };

const ITEMS = ["Apples", "Bread", "Cheese", "Dates", "Eggs", "Flour", "Grapes", "Honey"];
export const REGIONS: readonly string[] = ["North", "South", "West"];

/** Cells of rows, from A1 on. */
function cellsOf(rows: readonly (readonly (string | number)[])[]): { [cell: string]: string } {
  return Object.fromEntries(rows.flatMap((row, r) => row.map((entry, c) => [cellName(c, r), String(entry)])));
}

/** The workbook of a seed: sales of eight articles in three regions, and prices on a second sheet. */
export function sampleSheets(seed: number): SpreadsheetState {
  const random = seeded(seed, "spreadsheet");
  const sales = Array.from({ length: 12 }, (_, i) => [
    ITEMS[i % ITEMS.length]!,
    random.pick(REGIONS),
    random.integer(3, 90),
  ]);
  const prices = ITEMS.map((item) => [item, random.integer(80, 1500) / 100]);
  return {
    sheets: [
      { name: "Sales", cells: cellsOf([["Article", "Region", "Pieces"], ...sales]) },
      { name: "Prices", cells: cellsOf([["Article", "Price"], ...prices]) },
    ],
  };
}
