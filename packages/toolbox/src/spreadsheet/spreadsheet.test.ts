import { callTool, toolSet } from "@cambium/tool-learning";
import { expect, test } from "vitest";
import { cellName, columnOf, shown } from "./cells.ts";
import { evaluateSheets } from "./evaluate.ts";
import { spreadsheet } from "./tool.ts";

const cells = {
  A1: "1",
  A2: "2",
  A3: "3.5",
  A4: "text",
  A5: "'007",
  A6: "50%",
  B1: "apple",
  B2: "Pear",
  B3: "apple",
  C1: "10",
  C2: "20",
  C3: "30",
  D1: "=D2",
  D2: "=D1",
  E1: "=1/0",
};
const work = (formula: string): unknown =>
  shown(
    evaluateSheets([
      { name: "S", cells: { ...cells, Z9: `=${formula}` } },
      { name: "My prices", cells: { A1: "7" } },
    ]).value("S", "Z9"),
  );

test.each([
  ["1+2*3^2", 19],
  ["-2^2", 4],
  ["10-3-2", 5],
  ["50%*A6", 0.25],
  ['"a"&1+1', "a2"],
  ["A1:A1+1", 2],
  ["SUM(A1:A6)", 7],
  ["AVERAGE(A1:A3)", 6.5 / 3],
  ["COUNT(A1:A6)", 4],
  ["COUNTA(A1:A9)", 6],
  ['COUNTIF(B1:B3, "APPLE")', 2],
  ['COUNTIF(A1:A6, ">=2")', 2],
  ['SUMIF(B1:B3, "apple", C1:C3)', 40],
  ["ROUND(2.675, 2)", 2.68],
  ["ROUND(-1.5)", -2],
  ["MOD(-3, 2)", 1],
  ['IF(A1<A2, "yes", 1/0)', "yes"],
  ['IFERROR(E1, "none")', "none"],
  ['VLOOKUP("pear", B1:C3, 2, FALSE)', 20],
  ['INDEX(C1:C3, MATCH("Pear", B1:B3, 0))', 20],
  ["'My prices'!A1*2", 14],
  ['MID("spreadsheet", 7, 5)', "sheet"],
  ["LEN(A5)", 3],
  ["1=1", true],
  ["A9", null],
  ["SUM(1, , 2)", 3],
  ["MEDIAN(C1:C3, 100)", 25],
])("=%s is %o", (formula, expected) => {
  if (typeof expected === "number") expect(work(formula)).toBeCloseTo(expected, 12);
  else expect(work(formula)).toBe(expected);
});

test.each([
  ["1/0", "#DIV/0!"],
  ["A4+1", "#VALUE!"],
  ["SUM(E1, 1)", "#DIV/0!"],
  ["D1", "#CYCLE!"],
  ["NOPE(1)", "#NAME?"],
  ["nope", "#NAME?"],
  ["Other!A1", "#REF!"],
  ["A99999", "#REF!"],
  ["SQRT(-1)", "#NUM!"],
  ["1+", "#ERROR!"],
  ["constructor()", "#NAME?"],
  ["A1:A3", "#VALUE!"],
  ['VLOOKUP("kiwi", B1:C3, 2, FALSE)', "#N/A"],
  [`${"(".repeat(500)}1`, "#ERROR!"],
  ["10^400", "#NUM!"],
])("=%s shows %s", (formula, code) => {
  expect(work(formula)).toBe(code);
});

test("names of cells lead back to their places", () => {
  for (const column of [0, 25, 26, 51, 52, 255, 701, 702])
    expect(columnOf(cellName(column, 0).replace(/\d/g, ""))).toBe(column);
});

async function ask(kit: ReturnType<typeof spreadsheet>, verb: string, input: object): Promise<unknown> {
  const outcome = await callTool(toolSet(kit).get(`spreadsheet_${verb}`)!, input as never);
  return outcome.ok ? outcome.value : outcome.failure.message;
}

test("what is entered changes what depends on it", async () => {
  const kit = spreadsheet({ start: { sheets: [{ name: "S", cells: {} }] } });
  expect(await ask(kit, "set", { cells: { a1: 2, B1: "=A1*10" } })).toEqual({ A1: 2, B1: 20 });
  await ask(kit, "set", { cells: { A1: 3 } });
  expect(await ask(kit, "get", { range: "A1:B2", formulas: true })).toEqual({
    values: [
      [3, 30],
      [null, null],
    ],
    formulas: { B1: "=A1*10" },
  });
  await ask(kit, "set", { cells: { A1: "" } });
  expect(kit.snapshot().sheets[0]!.cells).toEqual({ B1: "=A1*10" });
});

test("a CSV's texts are data, never formulas", async () => {
  const kit = spreadsheet({ start: { sheets: [{ name: "S", cells: {} }] } });
  await ask(kit, "add_sheet", { name: "In", csv: 'name,n\n=1+1,"2"\n' });
  expect(await ask(kit, "get", { sheet: "In", range: "A1:B2" })).toEqual({
    values: [
      ["name", "n"],
      ["=1+1", 2],
    ],
  });
});

test("a chart is SVG with its title, and what is in the cells is escaped", async () => {
  const kit = spreadsheet({
    start: { sheets: [{ name: "S", cells: { A1: "<script>alert(1)</script>", A2: "b", B1: "3", B2: "4" } }] },
  });
  const { svg } = (await ask(kit, "chart", { title: "Pieces <b>", kind: "bars", names: "A1:A2", values: "B1:B2" })) as {
    svg: string;
  };
  expect(svg).toMatch(/^<svg/);
  expect(svg).not.toMatch(/<script|<b>/);
  expect(svg).toContain("Pieces");
});

test.each([
  ["set", { cells: { AAA1: 1 } }, "is beyond IV10000"],
  ["set", { cells: { x: 1 } }, "is no cell"],
  ["get", { range: "A1:IV10000" }, "cells"],
  ["calculate", { formula: "=1/0" }, "gives #DIV/0!"],
  ["chart", { title: "t", kind: "line", names: "A1:A2", values: "C1:C2" }, "no numbers"],
  ["add_sheet", { name: "sales" }, 'a sheet "sales" already'],
])("%s of %o is refused", async (verb, input, message) => {
  expect(await ask(spreadsheet(), verb, input)).toMatch(message);
});
