/**
 * Formulas as trees. Binding, from loose to tight: comparison, `&`, `+ -`, `* /`, unary `-`, `^`, `%`. As in spreadsheets,
 * `-2^2` is 4: the sign binds tighter than the power.
 */
import { type Area, CellError, parseArea } from "./cells.ts";

/** A formula. */
export type Tree =
  | { readonly kind: "value"; readonly value: number | string | boolean }
  | { readonly kind: "area"; readonly sheet: string | undefined; readonly area: Area; readonly isCell: boolean }
  | { readonly kind: "unary"; readonly sign: string; readonly of: Tree }
  | { readonly kind: "binary"; readonly sign: string; readonly left: Tree; readonly right: Tree }
  | { readonly kind: "call"; readonly name: string; readonly parts: readonly (Tree | undefined)[] };

const MOST_DEPTH = 64;
const TOKEN =
  /\s*(?:(\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?|\.\d+)|"((?:[^"]|"")*)"|((?:'[^']+'|[A-Za-z_]\w*)!)?(\$?[A-Za-z]{1,3}\$?\d{1,7}(?::\$?[A-Za-z]{1,3}\$?\d{1,7})?)(?![\w(])|([A-Za-z_][\w.]*)|(<=|>=|<>|[-+*/^&=<>%(),;]))/y;

interface Token {
  readonly kind: "number" | "text" | "area" | "name" | "sign" | "end";
  readonly text: string;
  readonly sheet?: string | undefined;
}

function tokens(formula: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < formula.trimEnd().length) {
    const match = TOKEN.exec(formula);
    if (match === null) throw new CellError("#ERROR!");
    const [, number, text, sheet, area, name, sign] = match;
    if (number !== undefined) found.push({ kind: "number", text: number });
    else if (text !== undefined) found.push({ kind: "text", text: text.replaceAll('""', '"') });
    else if (area !== undefined) found.push({ kind: "area", text: area, sheet: sheet?.replace(/^'?(.*?)'?!$/, "$1") });
    else if (name !== undefined) found.push({ kind: "name", text: name.toUpperCase() });
    else found.push({ kind: "sign", text: sign === ";" ? "," : sign! });
  }
  return [...found, { kind: "end", text: "" }];
}

const LEVELS: readonly (readonly string[])[] = [["=", "<>", "<", ">", "<=", ">="], ["&"], ["+", "-"], ["*", "/"]];

/** @throws {CellError} When the formula cannot be read. */
export function parseFormula(formula: string): Tree {
  const list = tokens(formula);
  let position = 0;
  let depth = 0;
  const peek = (): Token => list[position]!;
  const takes = (...signs: readonly string[]): string | undefined => {
    const { kind, text } = peek();
    if (kind !== "sign" || !signs.includes(text)) return undefined;
    position++;
    return text;
  };

  function binary(level: number): Tree {
    if (level === LEVELS.length) return powers();
    let left = binary(level + 1);
    for (let sign = takes(...LEVELS[level]!); sign !== undefined; sign = takes(...LEVELS[level]!))
      left = { kind: "binary", sign, left, right: binary(level + 1) };
    return left;
  }
  function powers(): Tree {
    let left = signed();
    while (takes("^") !== undefined) left = { kind: "binary", sign: "^", left, right: signed() };
    return left;
  }
  function signed(): Tree {
    if (++depth > MOST_DEPTH) throw new CellError("#ERROR!");
    const sign = takes("-", "+");
    let tree: Tree = sign === undefined ? atom() : { kind: "unary", sign, of: signed() };
    while (takes("%") !== undefined) tree = { kind: "unary", sign: "%", of: tree };
    depth--;
    return tree;
  }
  function atom(): Tree {
    const { kind, text, sheet } = peek();
    if (takes("(") !== undefined) {
      const inner = binary(0);
      if (takes(")") === undefined) throw new CellError("#ERROR!");
      return inner;
    }
    position++;
    if (kind === "number") return { kind: "value", value: Number(text) };
    if (kind === "text") return { kind: "value", value: text };
    if (kind === "area") return { kind: "area", sheet, area: areaOf(text), isCell: !text.includes(":") };
    if (kind !== "name") throw new CellError("#ERROR!");
    if (takes("(") !== undefined) return { kind: "call", name: text, parts: inBrackets() };
    if (text === "TRUE" || text === "FALSE") return { kind: "value", value: text === "TRUE" };
    throw new CellError("#NAME?");
  }
  function inBrackets(): (Tree | undefined)[] {
    if (takes(")") !== undefined) return [];
    const parts: (Tree | undefined)[] = [];
    do parts.push(peek().kind === "sign" && [",", ")"].includes(peek().text) ? undefined : binary(0));
    while (takes(",") !== undefined);
    if (takes(")") === undefined) throw new CellError("#ERROR!");
    return parts;
  }

  const tree = binary(0);
  if (peek().kind !== "end") throw new CellError("#ERROR!");
  return tree;
}

function areaOf(text: string): Area {
  try {
    return parseArea(text);
  } catch {
    throw new CellError("#REF!");
  }
}
