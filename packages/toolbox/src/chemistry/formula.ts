/** Formulae without structures: parsing, masses, and balancing of equations by exact linear algebra. */
import Fraction from "fraction.js";
import { refuse } from "../refuse.ts";
import { ELEMENTS } from "./elements.ts";

/** How many atoms of each element, and the charge. */
export interface Composition {
  readonly atoms: ReadonlyMap<string, number>;
  readonly charge: number;
}

const MOST_ATOMS = 100_000;

/**
 * Reads a formula: `Ca(OH)2`, `CuSO4·5H2O`, `[Fe(CN)6]4-`, `SO4^2-`, `NH4+`.
 *
 * @throws {ToolError} For an element that does not exist, or brackets that do not match.
 */
export function parseFormula(text: string): Composition {
  const formula = text.trim().replace(/[₀-₉]/g, (digit) => String(digit.charCodeAt(0) - 0x2080));
  const [, body = "", caret, plain] = /^(.*?)(?:\^(\d*[+-])|(?<=\])(\d*[+-])|)$/.exec(formula)!;
  const trailing = caret ?? plain ?? /(?<=[A-Za-z\d)])[+-]+$/.exec(body)?.[0] ?? "";
  const inner = caret === undefined && plain === undefined && trailing !== "" ? body.slice(0, -trailing.length) : body;
  const sign = trailing.includes("-") ? -1 : 1;
  const charge = trailing === "" ? 0 : sign * (/\d/.test(trailing) ? Number.parseInt(trailing, 10) : trailing.length);
  const atoms = new Map<string, number>();
  for (const part of inner.split(/[·*.]/)) {
    const [, count = "", rest = ""] = /^(\d*)(.*)$/.exec(part.trim())!;
    readGroup(rest, text, count === "" ? 1 : Number(count), atoms);
  }
  if ([...atoms.values()].reduce((a, b) => a + b, 0) > MOST_ATOMS)
    refuse(`"${text}" has more than ${MOST_ATOMS} atoms`);
  return { atoms, charge };
}

function readGroup(body: string, text: string, factor: number, into: Map<string, number>): void {
  const stack: Map<string, number>[] = [new Map()];
  const token = /([A-Z][a-z]?)(\d{0,6})|([([])|([)\]])(\d{0,6})/y;
  while (token.lastIndex < body.length) {
    const at = token.lastIndex;
    const match = token.exec(body);
    if (match === null)
      refuse(
        `"${text}" is no formula: "${body.slice(at, at + 3)}" is not understood; write elements with a capital, such as NaCl`,
      );
    const [, element, count, open, , repeat] = match;
    const top = stack.at(-1)!;
    if (element !== undefined) {
      if (!ELEMENTS.has(element)) refuse(`"${text}" is no formula: there is no element "${element}"`);
      top.set(element, (top.get(element) ?? 0) + (count === "" ? 1 : Number(count)));
    } else if (open !== undefined) stack.push(new Map());
    else {
      if (stack.length === 1) refuse(`"${text}" is no formula: a bracket closes that was not opened`);
      const group = stack.pop()!;
      const times = repeat === "" ? 1 : Number(repeat);
      for (const [name, number] of group) stack.at(-1)!.set(name, (stack.at(-1)!.get(name) ?? 0) + number * times);
    }
  }
  if (stack.length > 1) refuse(`"${text}" is no formula: a bracket is not closed`);
  if (stack[0]!.size === 0) refuse(`"${text}" is no formula: it has no element`);
  for (const [name, number] of stack[0]!) into.set(name, (into.get(name) ?? 0) + number * factor);
}

/** Molar mass in g/mol. */
export function molarMass({ atoms }: Composition): number {
  return [...atoms].reduce((sum, [element, count]) => sum + ELEMENTS.get(element)!.mass * count, 0);
}

/** An equation with the smallest whole numbers that balance it. */
export interface Balanced {
  readonly equation: string;
  readonly coefficients: readonly { readonly formula: string; readonly count: number }[];
}

/** Reduces the rows in place to the reduced row echelon form, and gives the columns of the pivots. */
function reduce(rows: Fraction[][]): number[] {
  const pivots: number[] = [];
  const width = rows[0]!.length;
  for (let column = 0; column < width && pivots.length < rows.length; column++) {
    const at = pivots.length;
    const found = rows.findIndex((row, i) => i >= at && !row[column]!.equals(0));
    if (found < 0) continue;
    [rows[at], rows[found]] = [rows[found]!, rows[at]!];
    const pivot = rows[at]![column]!;
    rows[at] = rows[at]!.map((value) => value.div(pivot));
    rows.forEach((row, i) => {
      const factor = row[column]!;
      if (i !== at && !factor.equals(0)) rows[i] = row.map((value, j) => value.sub(rows[at]![j]!.mul(factor)));
    });
    pivots.push(column);
  }
  return pivots;
}

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b));

/**
 * Balances a chemical equation: atoms of every element, and the charge, are as many on both sides.
 *
 * @throws {ToolError} When nothing balances it, or more than one way does.
 */
export function balance(equation: string): Balanced {
  const sides = equation.split(/\s*(?:->|→|⟶|=>|=)\s*/);
  if (sides.length !== 2) refuse('an equation has two sides, such as "H2 + O2 -> H2O"');
  const [left, right] = sides.map((side) =>
    side.split(/\s+\+\s+|(?<=[\w)\]])\+(?=[A-Z[(])/).map((term) => term.trim().replace(/^\d+\s*(?=[A-Z[(])/, "")),
  ) as [string[], string[]];
  const formulas = [...left, ...right];
  if (formulas.length > 20) refuse("an equation of more than 20 substances is not balanced here");
  const parts = formulas.map(parseFormula);
  const elements = [...new Set(parts.flatMap(({ atoms }) => [...atoms.keys()]))];
  const sign = (i: number): number => (i < left.length ? 1 : -1);
  const rows = [
    ...elements.map((element) => parts.map(({ atoms }, i) => new Fraction(sign(i) * (atoms.get(element) ?? 0)))),
    parts.map(({ charge }, i) => new Fraction(sign(i) * charge)),
  ];
  const pivots = reduce(rows);
  const free = formulas.map((_, i) => i).filter((i) => !pivots.includes(i));
  if (free.length === 0) refuse(`"${equation}" cannot be balanced`);
  if (free.length > 1) refuse(`"${equation}" can be balanced in more than one way; split it into its reactions`);
  const solution = formulas.map((_, i) =>
    i === free[0] ? new Fraction(1) : rows[pivots.indexOf(i)]![free[0]!]!.neg(),
  );
  if (solution.some((value) => value.compare(0) <= 0))
    refuse(`"${equation}" cannot be balanced with these substances on these sides`);
  const denominator = solution.reduce((product, { d }) => (product * d) / gcd(product, d), 1n);
  const whole = solution.map((value) => value.mul(new Fraction(denominator)).n);
  const common = whole.reduce(gcd);
  const coefficients = formulas.map((formula, i) => ({ formula, count: Number(whole[i]! / common) }));
  const write = (terms: typeof coefficients): string =>
    terms.map(({ formula, count }) => (count === 1 ? formula : `${count} ${formula}`)).join(" + ");
  return {
    equation: `${write(coefficients.slice(0, left.length))} -> ${write(coefficients.slice(left.length))}`,
    coefficients,
  };
}
