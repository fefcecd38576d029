/**
 * What the synthetic problems are made of. A family is one kind of question with the tool that solves it; its scenarios ask
 * in different words. A scenario can do two things that know nothing of each other: draw a question with its answer, which
 * is computed here, and read a question, whoever wrote it, and say which call of the tool answers it.
 */
import type { Hints } from "@cambium/tool-learning";
import type { Draw } from "./draw.ts";

/** A question and its answer. */
export interface Drawn {
  readonly question: string;
  readonly answer: number | string;
}

/** One way to ask. */
export interface Scenario {
  draw(draw: Draw): Drawn;
  /** Code that calls the tool for a question; `undefined` when the question is none of this kind. */
  read(question: string): string | undefined;
}

/** One kind of question. */
export interface Family {
  /** Name of the tool's function. */
  readonly name: string;
  readonly hints: Required<Hints>;
  /** The tool, in JavaScript. */
  readonly tool: string;
  readonly scenarios: readonly Scenario[];
}

/** A kind of question of a branch of mathematics. */
export interface MathFamily extends Family {
  readonly subject: string;
  /** Difficulty, from 1 to 5. */
  readonly level: number;
}

/** A fraction in lowest terms, as text; an integer without a line. */
export function fraction(top: number, bottom: number): string {
  const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));
  const divisor = gcd(top, bottom) * Math.sign(bottom);
  const [a, b] = [top / divisor, bottom / divisor];
  return b === 1 ? String(a) : `${a}/${b}`;
}

/** The same in JavaScript, for tools that answer with a fraction. */
export const FRACTION_TOOL = `/** Greatest common divisor of two integers. */
function gcd(a, b) {
  return b === 0 ? Math.abs(a) : gcd(b, a % b);
}

/** A fraction in lowest terms, as text. */
function fraction(top, bottom) {
  const divisor = gcd(top, bottom) * Math.sign(bottom);
  return bottom === divisor ? String(top / divisor) : top / divisor + "/" + bottom / divisor;
}`;

/** Numbers of a text in order; exponents and indices are left out, a minus sign counts where no space follows it. */
export function numbersIn(text: string): readonly number[] {
  return [...text.matchAll(/(?<![\w^.])-?\d+(?:\.\d+)?/g)].map(([found]) => Number(found));
}

/** Lists of numbers such as `1, 2 and 3` in a text. */
export function listsIn(text: string): readonly (readonly number[])[] {
  return [...text.matchAll(/\d+(?:\.\d+)?(?:, \d+(?:\.\d+)?)*,? and \d+(?:\.\d+)?/g)].map(([found]) =>
    numbersIn(found),
  );
}

/** A list as people write it. */
export function listText(items: readonly (number | string)[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

/** The code that prints an answer. */
export const print = (expression: string): string => `console.log("Final Answer:", ${expression});`;

/** A value as JavaScript. */
export const code = (value: unknown): string =>
  Array.isArray(value)
    ? `[${value.map(code).join(", ")}]`
    : value === Number.POSITIVE_INFINITY
      ? "Infinity"
      : JSON.stringify(value);

/** `1st`, `2nd`, `3rd`, `4th`, … */
export function ordinal(n: number): string {
  const ending = n % 100 >= 11 && n % 100 <= 13 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th");
  return `${n}${ending}`;
}

/** A number without the noise of floating point. */
export const clean = (value: number): number => Number(value.toPrecision(12));
