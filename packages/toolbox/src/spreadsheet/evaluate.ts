import { CellError, cellName, readEntry, type Sheet, type Value } from "./cells.ts";
import { type Argument, compare, FUNCTIONS, isRange, toBoolean, toNumber, toText } from "./functions.ts";
import { parseFormula, type Tree } from "./parse.ts";

const MOST_STEPS = 2_000_000;
const MOST_DEPTH = 300;

/** Values of cells; formulas are worked out when they are asked for, each once. */
export interface Evaluation {
  value(sheet: string, cell: string): Value;
}

/** The values of a workbook's cells. A cell that depends on itself is `#CYCLE!`. */
export function evaluateSheets(sheets: readonly Sheet[]): Evaluation {
  const known = new Map<string, Value>();
  const open = new Set<string>();
  let steps = 0;

  function value(name: string, cell: string): Value {
    const key = `${name}!${cell}`;
    const done = known.get(key);
    if (done !== undefined) return done;
    const sheet = sheets.find((other) => other.name.toLowerCase() === name.toLowerCase());
    if (sheet === undefined) return new CellError("#REF!");
    const entry = Object.hasOwn(sheet.cells, cell) ? sheet.cells[cell]! : "";
    if (!entry.startsWith("=")) return readEntry(entry);
    if (open.has(key)) return new CellError("#CYCLE!");
    if (open.size > MOST_DEPTH || ++steps > MOST_STEPS) return new CellError("#ERROR!");
    open.add(key);
    let found: Value;
    try {
      const result = read(parseFormula(entry.slice(1)), sheet.name);
      found = isRange(result) ? single(result) : result;
      if (typeof found === "number" && !Number.isFinite(found)) found = new CellError("#NUM!");
    } catch (error) {
      if (!(error instanceof CellError)) throw error;
      found = error;
    }
    open.delete(key);
    known.set(key, found);
    return found;
  }

  function single(rows: readonly (readonly Value[])[]): Value {
    return rows.length === 1 && rows[0]!.length === 1 ? rows[0]![0]! : new CellError("#VALUE!");
  }

  function plain(tree: Tree, sheet: string): Value {
    const result = read(tree, sheet);
    const one = isRange(result) ? single(result) : result;
    if (one instanceof CellError) throw one;
    return one;
  }

  function read(tree: Tree, sheet: string): Argument {
    switch (tree.kind) {
      case "value":
        return tree.value;
      case "area": {
        const { left, right, top, bottom } = tree.area;
        const name = tree.sheet ?? sheet;
        steps += (right - left + 1) * (bottom - top + 1);
        if (steps > MOST_STEPS) throw new CellError("#ERROR!");
        return Array.from({ length: bottom - top + 1 }, (_, row) =>
          Array.from({ length: right - left + 1 }, (_, column) => value(name, cellName(left + column, top + row))),
        );
      }
      case "unary": {
        const number = toNumber(plain(tree.of, sheet));
        return tree.sign === "-" ? -number : tree.sign === "%" ? number / 100 : number;
      }
      case "binary":
        return operate(tree.sign, plain(tree.left, sheet), plain(tree.right, sheet));
      case "call":
        return call(tree.name, tree.parts, sheet);
    }
  }

  function call(name: string, parts: readonly (Tree | undefined)[], sheet: string): Argument {
    const part = (i: number): Argument => (parts[i] === undefined ? null : read(parts[i]!, sheet));
    if (name === "IF") {
      if (parts.length < 2 || parts.length > 3) throw new CellError("#VALUE!");
      const isTrue = toBoolean(plain(parts[0]!, sheet));
      return isTrue ? part(1) : parts.length === 3 ? part(2) : false;
    }
    if (name === "IFERROR") {
      if (parts.length !== 2) throw new CellError("#VALUE!");
      try {
        return plain(parts[0]!, sheet);
      } catch (error) {
        if (error instanceof CellError) return part(1);
        throw error;
      }
    }
    const [least, most, apply] = FUNCTIONS.get(name) ?? [];
    if (apply === undefined) throw new CellError("#NAME?");
    if (parts.length < least! || parts.length > most!) throw new CellError("#VALUE!");
    return apply(parts.map((_, i) => part(i)));
  }

  return { value };
}

function operate(sign: string, left: Value, right: Value): Value {
  if (sign === "&") return `${toText(left)}${toText(right)}`.slice(0, 32_767);
  if (sign === "=") return compare(left, right) === 0;
  if (sign === "<>") return compare(left, right) !== 0;
  if (sign === "<") return compare(left, right) < 0;
  if (sign === ">") return compare(left, right) > 0;
  if (sign === "<=") return compare(left, right) <= 0;
  if (sign === ">=") return compare(left, right) >= 0;
  const [a, b] = [toNumber(left), toNumber(right)];
  if (sign === "/" && b === 0) throw new CellError("#DIV/0!");
  return sign === "+" ? a + b : sign === "-" ? a - b : sign === "*" ? a * b : sign === "/" ? a / b : a ** b;
}
