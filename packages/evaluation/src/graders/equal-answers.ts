/** Whether two answers say the same: as text, as tuples, as exact numbers, as rounded ones, as terms. */
import { type Expression, exactValue, hasDecimal, valueAt, variablesOf } from "./expression.ts";
import { normaliseAnswer } from "./normalise.ts";
import { parseExpression } from "./parse-expression.ts";

/** By which rule two answers are equal. */
export type EqualityRule = "text" | "exact" | "tolerance" | "symbolic" | "elements";

/** How numbers that are not exactly equal are compared. */
export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
  /** Whether it holds for exact numbers such as integers as well, not only for decimals and irrationals. */
  readonly forExact: boolean;
}

const POINTS = 12;
const POINT_TOLERANCE = 1e-9;
const MOST_TRIES = 120;

/** A fixed sequence of numbers on (-3, 3): the same points for the same answers. */
function createPoints(): () => number {
  let state = 0x9e3779b9;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state + 0.5) / 2 ** 32) * 6 - 3;
  };
}

const isNear = (a: number, b: number, tolerance: number): boolean =>
  Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));

/** Equal at 12 points where both have a value; nowhere may just one of them have one. */
function isSameFunction(a: Expression, b: Expression, variables: readonly string[]): boolean {
  const next = createPoints();
  let met = 0;
  for (let tries = 0; met < POINTS && tries < MOST_TRIES; tries++) {
    const point = Object.fromEntries(variables.map((name) => [name, next()]));
    const [left, right] = [valueAt(a, point), valueAt(b, point)];
    if (Number.isFinite(left) !== Number.isFinite(right)) return false;
    if (!Number.isFinite(left)) continue;
    if (!isNear(left, right, POINT_TOLERANCE)) return false;
    met++;
  }
  return met === POINTS;
}

function compareTerms(a: Expression, b: Expression, tolerance: Tolerance): EqualityRule | undefined {
  const variables = [...new Set([...variablesOf(a), ...variablesOf(b)])].sort();
  if (variables.length > 0) return isSameFunction(a, b, variables) ? "symbolic" : undefined;
  const [left, right] = [exactValue(a), exactValue(b)];
  const isExact = left !== undefined && right !== undefined;
  if (isExact && left.numerator === right.numerator && left.denominator === right.denominator) return "exact";
  if (isExact && !tolerance.forExact && !hasDecimal(a) && !hasDecimal(b)) return undefined;
  const [x, y] = [valueAt(a, {}), valueAt(b, {})];
  if (!Number.isFinite(x) || !Number.isFinite(y)) return x === y ? "exact" : undefined;
  const allowed = Math.max(tolerance.relative * Math.max(Math.abs(x), Math.abs(y)), tolerance.absolute);
  return Math.abs(x - y) <= allowed ? "tolerance" : undefined;
}

/** The elements between commas that stand in no brackets. */
function splitElements(text: string): string[] {
  const elements: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const sign = text[i];
    if (sign !== undefined && "([{".includes(sign)) depth++;
    else if (sign !== undefined && ")]}".includes(sign)) depth--;
    if (sign === undefined || (depth === 0 && (sign === "," || sign === ";"))) {
      elements.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  return elements;
}

/** A list of values with its brackets; without brackets, or in braces, the order does not matter. */
function readList(text: string): { open: string; close: string; elements: readonly string[] } | undefined {
  const [, open = "", inside = text, close = ""] = /^(\\\{|[([{])([\s\S]*?)(\\\}|[)\]}])$/.exec(text) ?? [];
  const isEnclosed = open !== "" && splitElements(text).length === 1;
  const elements = splitElements(isEnclosed ? inside : text);
  if (elements.length < 2 || elements.includes("")) return undefined;
  return isEnclosed ? { open: open.slice(-1), close: close.slice(-1), elements } : { open: "", close: "", elements };
}

function compareLists(a: string, b: string, tolerance: Tolerance): EqualityRule | undefined {
  const [left, right] = [readList(a), readList(b)];
  if (left === undefined || right === undefined || left.elements.length !== right.elements.length) return undefined;
  if (left.open !== right.open || left.close !== right.close) return undefined;
  if (left.open === "(" || left.open === "[") {
    const equal = left.elements.every(
      (element, i) => compareTexts(element, right.elements[i]!, tolerance) !== undefined,
    );
    return equal ? "elements" : undefined;
  }
  const open = [...right.elements];
  for (const element of left.elements) {
    const at = open.findIndex((other) => compareTexts(element, other, tolerance) !== undefined);
    if (at < 0) return undefined;
    open.splice(at, 1);
  }
  return "elements";
}

function compareTexts(a: string, b: string, tolerance: Tolerance): EqualityRule | undefined {
  if (a.replaceAll(" ", "") === b.replaceAll(" ", "")) return "text";
  const lists = compareLists(a, b, tolerance);
  if (lists !== undefined) return lists;
  const [left, right] = [parseExpression(a), parseExpression(b)];
  return left === undefined || right === undefined ? undefined : compareTerms(left, right, tolerance);
}

/**
 * By which rule two answers are equal; `undefined` when they differ. Symmetric, and true of an answer and itself.
 *
 * Texts are normalised first. Tuples and intervals are equal element by element with the same brackets, sets and bare lists
 * in any order. Numbers are compared as exact fractions, then within the tolerance; terms with variables at 12 points.
 *
 * @param tolerance - By default relative 1e-6 with an absolute floor of 1e-9, for decimals and irrational numbers only.
 * @example
 * equalAnswers("\\frac{3}{2}", "1.5"); // "exact"
 */
export function equalAnswers(
  a: string,
  b: string,
  tolerance: Tolerance = { relative: 1e-6, absolute: 1e-9, forExact: false },
): EqualityRule | undefined {
  return compareTexts(normaliseAnswer(a), normaliseAnswer(b), tolerance);
}

/** Whether an answer is a number, however it is written: `3 1/2`, `12%`, `2\sqrt{3}`, `1,024 cm`. */
export function isNumberAnswer(answer: string): boolean {
  const expression = parseExpression(normaliseAnswer(answer));
  return expression !== undefined && Number.isFinite(valueAt(expression, {}));
}
