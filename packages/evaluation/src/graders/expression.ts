/** Terms as trees, evaluated exactly where the value is rational, else as floating-point numbers. */
import { power, type Rational, rational, toNumber } from "./rational.ts";

/** Name of a function of one argument that answers are written with. */
export type FunctionName =
  | "sin"
  | "cos"
  | "tan"
  | "cot"
  | "sec"
  | "csc"
  | "arcsin"
  | "arccos"
  | "arctan"
  | "ln"
  | "log"
  | "exp"
  | "abs";

/** All of them. */
export const FUNCTIONS: readonly FunctionName[] = [
  "sin",
  "cos",
  "tan",
  "cot",
  "sec",
  "csc",
  "arcsin",
  "arccos",
  "arctan",
  "ln",
  "log",
  "exp",
  "abs",
];

/** A term. */
export type Expression =
  /** `isDecimal`: written with a point or an exponent, so that it may have been rounded. */
  | { readonly kind: "number"; readonly value: Rational; readonly isDecimal: boolean }
  /** A variable, or one of the constants `pi`, `e`, `infinity`. */
  | { readonly kind: "symbol"; readonly name: string }
  | { readonly kind: "sum" | "product" | "quotient" | "power"; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "negative" | "factorial"; readonly of: Expression }
  | { readonly kind: "call"; readonly name: FunctionName; readonly of: Expression };

const CONSTANTS: Readonly<Record<string, number>> = { pi: Math.PI, e: Math.E, infinity: Number.POSITIVE_INFINITY };

const LARGEST_FACTORIAL = 300n;

function factorial(value: bigint): bigint {
  let product = 1n;
  for (let i = 2n; i <= value; i++) product *= i;
  return product;
}

/** The exact value, `undefined` when it is irrational, too large, or has variables. */
export function exactValue(expression: Expression): Rational | undefined {
  switch (expression.kind) {
    case "number":
      return expression.value;
    case "symbol":
      return undefined;
    case "negative": {
      const value = exactValue(expression.of);
      return value && { numerator: -value.numerator, denominator: value.denominator };
    }
    case "factorial": {
      const value = exactValue(expression.of);
      if (value === undefined || value.denominator !== 1n) return undefined;
      return value.numerator >= 0n && value.numerator <= LARGEST_FACTORIAL
        ? rational(factorial(value.numerator))
        : undefined;
    }
    case "call": {
      const value = expression.name === "abs" ? exactValue(expression.of) : undefined;
      return value && (value.numerator < 0n ? { ...value, numerator: -value.numerator } : value);
    }
    default: {
      const [left, right] = [exactValue(expression.left), exactValue(expression.right)];
      if (left === undefined || right === undefined) return undefined;
      const { numerator: a, denominator: b } = left;
      const { numerator: c, denominator: d } = right;
      if (expression.kind === "sum") return rational(a * d + c * b, b * d);
      if (expression.kind === "product") return rational(a * c, b * d);
      if (expression.kind === "quotient") return rational(a * d, b * c);
      return power(left, right);
    }
  }
}

const CALLS: Readonly<Record<FunctionName, (value: number) => number>> = {
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  cot: (value) => 1 / Math.tan(value),
  sec: (value) => 1 / Math.cos(value),
  csc: (value) => 1 / Math.sin(value),
  arcsin: Math.asin,
  arccos: Math.acos,
  arctan: Math.atan,
  ln: Math.log,
  log: Math.log10,
  exp: Math.exp,
  abs: Math.abs,
};

/** A root of odd degree of a negative number is real; `Math.pow` does not know. */
function realPower(base: number, exponent: Expression, value: number): number {
  const exact = base < 0 ? exactValue(exponent) : undefined;
  if (exact === undefined || exact.denominator === 1n || exact.denominator % 2n === 0n) return base ** value;
  return (-base) ** value * (exact.numerator % 2n === 0n ? 1 : -1);
}

/** The value where the variables have these values; NaN where it has none. */
export function valueAt(expression: Expression, variables: Readonly<Record<string, number>>): number {
  switch (expression.kind) {
    case "number":
      return toNumber(expression.value);
    case "symbol":
      return variables[expression.name] ?? CONSTANTS[expression.name] ?? Number.NaN;
    case "negative":
      return -valueAt(expression.of, variables);
    case "factorial": {
      const exact = exactValue(expression);
      return exact === undefined ? Number.NaN : toNumber(exact);
    }
    case "call":
      return CALLS[expression.name](valueAt(expression.of, variables));
    default: {
      const [left, right] = [valueAt(expression.left, variables), valueAt(expression.right, variables)];
      if (expression.kind === "sum") return left + right;
      if (expression.kind === "product") return left * right;
      if (expression.kind === "quotient") return left / right;
      return realPower(left, expression.right, right);
    }
  }
}

/** The variables of a term. */
export function variablesOf(expression: Expression): ReadonlySet<string> {
  switch (expression.kind) {
    case "number":
      return new Set();
    case "symbol":
      return new Set(expression.name in CONSTANTS ? [] : [expression.name]);
    case "negative":
    case "factorial":
    case "call":
      return variablesOf(expression.of);
    default:
      return new Set([...variablesOf(expression.left), ...variablesOf(expression.right)]);
  }
}

/** Whether a term holds a number that may have been rounded. */
export function hasDecimal(expression: Expression): boolean {
  if (expression.kind === "number") return expression.isDecimal;
  if (expression.kind === "symbol") return false;
  if ("of" in expression) return hasDecimal(expression.of);
  return hasDecimal(expression.left) || hasDecimal(expression.right);
}
