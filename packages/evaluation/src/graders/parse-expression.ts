/**
 * Reads a term as people, programs and LaTeX write it. A recursive descent over the characters; what it does not know makes
 * the text no term, so that it is compared as text.
 */
import { type Expression, FUNCTIONS, type FunctionName } from "./expression.ts";
import { rational } from "./rational.ts";

/** Thrown inside, never out: the text is no term. */
const NO_TERM = Symbol("no term");

const number = (value: bigint): Expression => ({ kind: "number", value: rational(value)!, isDecimal: false });

const DEEPEST = 60;

/** `12`, `1.50`, `1.2e-7`, and `6.\overline{6}`: digits, point, digits, repeated digits, exponent. */
const NUMBER = /(\d*)(?:\.(\d*)(?:\\overline\{(\d+)\})?)?(?:[eE]([+-]?\d{1,3})(?!\d))?/y;

function readNumber(match: RegExpExecArray): Expression {
  const [, whole = "", fraction = "", repeated = "", exponent = "0"] = match;
  const scale = 10n ** BigInt(fraction.length);
  const head = BigInt(`0${whole}${fraction}`);
  const nines = repeated === "" ? 1n : 10n ** BigInt(repeated.length) - 1n;
  const top = head * nines + (repeated === "" ? 0n : BigInt(repeated));
  const shift = 10n ** BigInt(Math.abs(Number(exponent)));
  const value = Number(exponent) < 0 ? rational(top, scale * nines * shift)! : rational(top * shift, scale * nines)!;
  return { kind: "number", value, isDecimal: (match[2] !== undefined && repeated === "") || match[4] !== undefined };
}

const isInteger = (expression: Expression): boolean =>
  expression.kind === "number" && !expression.isDecimal && expression.value.denominator === 1n;

class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Expression {
    const expression = this.#sum();
    this.#skip();
    if (this.#at < this.#text.length) throw NO_TERM;
    return expression;
  }

  #skip(): void {
    while (this.#text[this.#at] === " ") this.#at++;
  }

  #takes(word: string): boolean {
    this.#skip();
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #expect(word: string): void {
    if (!this.#takes(word)) throw NO_TERM;
  }

  #sum(): Expression {
    if (++this.#depth > DEEPEST) throw NO_TERM;
    let left = this.#product();
    for (;;) {
      if (this.#takes("+")) left = { kind: "sum", left, right: this.#product() };
      else if (this.#takes("-")) left = { kind: "sum", left, right: { kind: "negative", of: this.#product() } };
      else break;
    }
    this.#depth--;
    return left;
  }

  #product(): Expression {
    let left = this.#signed();
    for (;;) {
      if (this.#text.startsWith("**", this.#at)) throw NO_TERM;
      if (this.#takes("*")) left = { kind: "product", left, right: this.#signed() };
      else if (this.#takes("/")) left = { kind: "quotient", left, right: this.#signed() };
      else if (this.#startsFactor()) left = this.#joined(left);
      else return left;
    }
  }

  /** What stands side by side: a mixed number (`3 1/2`, `3\frac{1}{2}`) or a product (`2x`, `3\pi`). */
  #joined(left: Expression): Expression {
    const rest = this.#text.slice(this.#at);
    const isNumber = /^[\d.]/.test(rest);
    const isApart = this.#text[this.#at - 1] === " ";
    if (isNumber && !(isApart && /^\d+ *\/ *\d+/.test(rest) && isInteger(left))) throw NO_TERM; // "3 4" is no product
    if (isNumber) {
      const top = this.#power();
      this.#expect("/");
      return { kind: "sum", left, right: { kind: "quotient", left: top, right: this.#power() } };
    }
    const isFraction = rest.startsWith("\\frac");
    const right = this.#power();
    const isMixed =
      isFraction && isInteger(left) && right.kind === "quotient" && isInteger(right.left) && isInteger(right.right);
    return { kind: isMixed ? "sum" : "product", left, right };
  }

  #startsFactor(): boolean {
    this.#skip();
    return (
      /^[\d.a-zA-Z({[\\]/.test(this.#text.slice(this.#at)) && !/^\\(right|le|ge|in)\b/.test(this.#text.slice(this.#at))
    );
  }

  #signed(): Expression {
    if (this.#takes("-")) return { kind: "negative", of: this.#signedProduct() };
    if (this.#takes("+")) return this.#signed();
    return this.#power();
  }

  /** `-3 1/2` is minus three and a half: the sign belongs to what stands side by side. */
  #signedProduct(): Expression {
    let of = this.#signed();
    while (this.#startsFactor()) of = this.#joined(of);
    return of;
  }

  #power(): Expression {
    let base = this.#primary();
    while (this.#takes("!")) base = { kind: "factorial", of: base };
    if (!this.#takes("^")) return base;
    const isNegative = this.#takes("-");
    const exponent = this.#text[this.#at] === "{" ? this.#argument() : this.#power();
    return { kind: "power", left: base, right: isNegative ? { kind: "negative", of: exponent } : exponent };
  }

  #primary(): Expression {
    this.#skip();
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match !== null && /\d/.test(match[0].split(/[eE]/)[0]!)) {
      this.#at += match[0].length;
      return readNumber(match);
    }
    for (const [open, close] of [
      ["(", ")"],
      ["{", "}"],
      ["[", "]"],
    ] as const) {
      if (!this.#takes(open)) continue;
      const inside = this.#sum();
      this.#expect(close);
      return inside;
    }
    if (this.#takes("|")) {
      const of = this.#sum();
      this.#expect("|");
      return { kind: "call", name: "abs", of };
    }
    if (this.#takes("\\frac")) return { kind: "quotient", left: this.#argument(), right: this.#argument() };
    if (this.#takes("\\sqrt") || this.#takes("sqrt")) return this.#root();
    return this.#name();
  }

  #root(): Expression {
    const degree = this.#takes("[") ? this.#sum() : undefined;
    if (degree !== undefined) this.#expect("]");
    const of = this.#text[this.#at] === "(" ? this.#primary() : this.#argument();
    return { kind: "power", left: of, right: { kind: "quotient", left: number(1n), right: degree ?? number(2n) } };
  }

  /** The argument of a command: a group, or the one sign that follows. */
  #argument(): Expression {
    this.#skip();
    if (this.#takes("{")) {
      const inside = this.#sum();
      this.#expect("}");
      return inside;
    }
    const sign = this.#text[this.#at];
    if (sign !== undefined && /[\da-z]/.test(sign)) {
      this.#at++;
      return /\d/.test(sign) ? number(BigInt(sign)) : { kind: "symbol", name: sign };
    }
    return this.#primary();
  }

  #name(): Expression {
    const [found] = /^\\?[a-zA-Z]+/.exec(this.#text.slice(this.#at)) ?? [];
    if (found === undefined) throw NO_TERM;
    const word = found.replace(/^\\/, "");
    const called = FUNCTIONS.find((name) => word === name || (!found.startsWith("\\") && word.startsWith(name)));
    if (called !== undefined) return this.#call(called, found.length - word.length + called.length);
    const constant = ({ pi: "pi", infty: "infinity", inf: "infinity", infinity: "infinity" } as Record<string, string>)[
      word
    ];
    if (constant !== undefined) {
      this.#at += found.length;
      return { kind: "symbol", name: constant };
    }
    if (word.startsWith("pi") && !found.startsWith("\\")) {
      this.#at += 2;
      return { kind: "symbol", name: "pi" };
    }
    if (found.startsWith("\\") || word.length > 2) throw NO_TERM; // a word is no product of letters
    this.#at++;
    return { kind: "symbol", name: word[0]! };
  }

  #call(name: FunctionName, length: number): Expression {
    this.#at += length;
    const power = this.#takes("^") ? this.#argument() : undefined;
    const of = this.#power();
    const call: Expression = { kind: "call", name, of };
    return power === undefined ? call : { kind: "power", left: call, right: power };
  }
}

/**
 * A text as a term; `undefined` when it is none, as "Tuesday" or "x > 3". Letters by themselves are no term either.
 *
 * @param text - Normalised by `normaliseAnswer`.
 */
export function parseExpression(text: string): Expression | undefined {
  if (text.length > 500 || /^[a-z ]+$/i.test(text.replace(/\\?pi|\\?infty|infinity/g, ""))) {
    if (!/^-?[ \\]*(pi|infty|infinity|inf|[a-z])$/i.test(text)) return undefined;
  }
  try {
    return new Reader(text.replaceAll("**", "^")).whole();
  } catch (error) {
    if (error === NO_TERM) return undefined;
    throw error;
  }
}
