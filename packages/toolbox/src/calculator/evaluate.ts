/**
 * A recursive descent over an expression's characters: `sum := product (+|- product)*`, `product := signed (*|/|%|mod signed)*`,
 * `signed := -signed | power`, `power := atom (! | ^ signed)?`. It evaluates as it reads.
 */
import { nearest } from "@cambium/base";
import Fraction from "fraction.js";
import { refuse } from "../refuse.ts";
import { FUNCTIONS, power } from "./functions.ts";
import { checked, Decimal, isExact, toDecimal, type Value } from "./number.ts";

const MOST_DEPTH = 200;
const CONSTANTS: ReadonlyMap<string, () => Value> = new Map([
  ["pi", () => Decimal.acos(-1)],
  ["e", () => Decimal.exp(1)],
]);

const TOKEN =
  /\s*(?:(\d+(?:\.\d*)?(?:[eE][+-]?\d{1,4})?|\.\d+(?:[eE][+-]?\d{1,4})?)|([A-Za-z]\w*)|(\*\*|[-+*/^%!(),×÷·−]))/y;
const SAME: Readonly<Record<string, string>> = { "×": "*", "·": "*", "÷": "/", "−": "-", "**": "^" };

interface Token {
  readonly kind: "number" | "name" | "mark" | "end";
  readonly text: string;
  /** Position of its first character, from 1. */
  readonly at: number;
}

function tokens(expression: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < expression.trimEnd().length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(expression);
    if (match === null)
      refuse(
        `"${expression.slice(from).trim()[0]}" at position ${from + 1} is no part of an expression; use + - * / ^ % ! ( ) and functions`,
      );
    const [all, number, name, mark] = match;
    const text = number ?? name ?? SAME[mark!] ?? mark!;
    found.push({
      kind: number !== undefined ? "number" : name !== undefined ? "name" : "mark",
      text,
      at: from + all.length - text.length + 1,
    });
  }
  return [...found, { kind: "end", text: "the end", at: expression.length + 1 }];
}

/** `1.5e3` exactly. */
function literal(text: string): Fraction {
  const [digits = "", exponent = "0"] = text.toLowerCase().split("e");
  return new Fraction(digits.replace(/\.$/, "")).mul(new Fraction(10).pow(Number(exponent))!);
}

function divide(a: Value, b: Value): Value {
  if (toDecimal(b).isZero()) refuse("division by zero");
  return isExact(a) && isExact(b) ? a.div(b) : toDecimal(a).div(toDecimal(b));
}

function add(a: Value, b: Value): Value {
  return isExact(a) && isExact(b) ? a.add(b) : toDecimal(a).add(toDecimal(b));
}

function multiply(a: Value, b: Value): Value {
  return isExact(a) && isExact(b) ? a.mul(b) : toDecimal(a).mul(toDecimal(b));
}

/** The remainder with the sign of the divisor, as in mathematics. */
function modulo(a: Value, b: Value): Value {
  const quotient = divide(a, b);
  const whole = FUNCTIONS.get("floor")!.apply([quotient]);
  return add(a, multiply(whole, b).neg());
}

/**
 * The value of an arithmetic expression: exact where all its parts are rational, else to 40 digits.
 *
 * @throws {ToolError} When it cannot be read, or has no value; says where and what is known.
 */
export function evaluate(expression: string): Value {
  const list = tokens(expression);
  let position = 0;
  let depth = 0;
  const peek = (): Token => list[position]!;
  const takes = (...marks: readonly string[]): string | undefined => {
    const { kind, text } = peek();
    if ((kind !== "mark" && text !== "mod") || !marks.includes(text)) return undefined;
    position++;
    return text;
  };
  const unexpected = (wanted: string): never => {
    const { text, at } = peek();
    refuse(`expected ${wanted} at position ${at}, got ${text}`);
  };

  function sum(): Value {
    let value = product();
    for (let mark = takes("+", "-"); mark !== undefined; mark = takes("+", "-")) {
      const next = product();
      value = checked(add(value, mark === "+" ? next : next.neg()));
    }
    return value;
  }
  function product(): Value {
    let value = signed();
    for (let mark = takes("*", "/", "%", "mod"); mark !== undefined; mark = takes("*", "/", "%", "mod")) {
      const next = signed();
      value = checked(mark === "*" ? multiply(value, next) : mark === "/" ? divide(value, next) : modulo(value, next));
    }
    return value;
  }
  function signed(): Value {
    if (++depth > MOST_DEPTH) refuse(`more than ${MOST_DEPTH} levels of brackets and signs`);
    const mark = takes("-", "+");
    const value = mark === undefined ? raised() : mark === "-" ? signed().neg() : signed();
    depth--;
    return value;
  }
  function raised(): Value {
    let value = atom();
    while (takes("!") !== undefined) value = checked(FUNCTIONS.get("factorial")!.apply([value]));
    return takes("^") === undefined ? value : checked(power(value, signed()));
  }
  function atom(): Value {
    const { kind, text, at } = peek();
    if (takes("(") !== undefined) {
      const value = sum();
      if (takes(")") === undefined) unexpected('")"');
      return value;
    }
    if (kind !== "number" && kind !== "name") return unexpected("a number, a function or a bracket");
    position++;
    if (kind === "number") return checked(literal(text));
    if (peek().text !== "(") {
      const constant = CONSTANTS.get(text);
      if (constant !== undefined) return constant();
    }
    return called(text, at);
  }
  function called(name: string, at: number): Value {
    const known = [...FUNCTIONS.keys()];
    const found = FUNCTIONS.get(name);
    if (found === undefined) {
      const close = nearest(name, known);
      refuse(
        `"${name}" at position ${at} is not known; ${close === undefined ? `known are pi, e, ${known.join(", ")}` : `is "${close}" meant?`}`,
      );
    }
    if (takes("(") === undefined) unexpected(`"(" after ${name}`);
    const values = [sum()];
    while (takes(",") !== undefined) values.push(sum());
    if (takes(")") === undefined) unexpected('"," or ")"');
    if (values.length < found.least || values.length > found.most) {
      const wanted = found.least === found.most ? `${found.least}` : `${found.least} to ${found.most}`;
      refuse(`${name} takes ${wanted} arguments, got ${values.length}`);
    }
    return checked(found.apply(values));
  }

  const value = sum();
  if (peek().kind !== "end") unexpected("an operator or the end");
  return value;
}
