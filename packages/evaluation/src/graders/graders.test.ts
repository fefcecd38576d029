import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { equalAnswers, isNumberAnswer } from "./equal-answers.ts";
import { exactValue } from "./expression.ts";
import { isPlainNumber, paperGrader, strictGrader } from "./grader.ts";
import { normaliseAnswer } from "./normalise.ts";
import { parseExpression } from "./parse-expression.ts";

test.each([
  ["\\$1,234.50", "1234.50"],
  ["$\\frac{3}{2}$", "\\frac{3}{2}"],
  ["\\dfrac{3}{2}", "\\frac{3}{2}"],
  ["13,\\!800", "13800"],
  ["1{,}000", "1000"],
  ["48^\\circ", "48"],
  ["9 \\text{ multiples}", "9 multiples"],
  ["12 square meters", "12"],
  ["15 cm^2", "15"],
  ["25\\%", "25"],
  ["x = 5", "5"],
  ["\\boxed{7}", "7"],
  ["  Tuesday. ", "tuesday"],
  ["3.", "3"],
  ["2.5 million", "2.5*10^6"],
  ["−4", "-4"],
  ["1011_2", "1011"],
  ["\\text{(A)}", "(a)"],
  ["1,2", "1,2"],
  ["(1,200)", "(1,200)"],
])("%s is normalised to %s", (given, expected) => {
  expect(normaliseAnswer(given)).toBe(expected);
});

test.each([
  ["3 1/2", "7/2"],
  ["-3 1/2", "-7/2"],
  ["11 \\frac{2}{3}", "35/3"],
  ["2\\frac13", "7/3"],
  ["\\frac32", "3/2"],
  ["0.1", "1/10"],
  ["6.\\overline{6}", "20/3"],
  ["0.1\\overline{36}", "3/22"],
  ["1.5e-3", "3/2000"],
  ["2^{-3}", "1/8"],
  ["-2^2", "-4/1"],
  ["(1/4)^{1/2}", "1/2"],
  ["\\sqrt{16}", "4/1"],
  ["\\sqrt[3]{27}", "3/1"],
  ["5!", "120/1"],
  ["|-3|", "3/1"],
  ["2^3^2", "512/1"],
  ["1 - 2 - 3", "-4/1"],
  ["12/3*2", "8/1"],
  ["3*10^6", "3000000/1"],
])("%s is exactly %s", (text, expected) => {
  const value = exactValue(parseExpression(normaliseAnswer(text))!)!;
  expect(`${value.numerator}/${value.denominator}`).toBe(expected);
});

test.each([
  ["an exact fraction and a decimal", "\\frac{3}{2}", "1.5", "exact"],
  ["a rounding error of floating point", "0.30000000000000004", "0.3", "tolerance"],
  ["a root and its value", "10\\sqrt{2}", "14.142135623731", "tolerance"],
  ["terms in another form", "2k+2", "2(k+1)", "symbolic"],
  ["a polynomial, multiplied out", "x^2 - 1", "(x-1)(x+1)", "symbolic"],
  ["a fraction of letters", "\\frac{ab}{c}", "a*b/c", "symbolic"],
  ["a circle's length", "26\\pi", "26pi", "exact-or-tolerance"],
  ["tuples with spaces", "(1, -2)", "(1,-2)", "text"],
  ["tuples with fractions", "(\\frac12, 3)", "(0.5, 3)", "elements"],
  ["bare lists in any order", "3, -1", "-1, 3", "elements"],
  ["lists joined by a word", "1 and 2", "2, 1", "elements"],
  ["intervals", "[0, \\infty)", "[0,infinity)", "elements"],
  ["texts in another case", "Tuesday", "tuesday", "text"],
])("%s are equal", (_, a, b, rule) => {
  const found = equalAnswers(a, b);
  if (rule === "exact-or-tolerance") expect(found).toBeDefined();
  else expect(found).toBe(rule);
  expect(equalAnswers(b, a)).toBe(found);
});

test.each([
  ["large integers that differ by one", "1234567", "1234568"],
  ["a fraction and another", "1/3", "1/2"],
  ["intervals with other brackets", "[0, 1)", "(0, 1)"],
  ["tuples in another order", "(1, 2)", "(2, 1)"],
  ["tuples of other lengths", "(1, 2)", "(1, 2, 3)"],
  ["a root and the variable itself", "\\sqrt{x^2}", "x"],
  ["logarithms with other domains", "\\ln(x^2)", "2\\ln(x)"],
  ["words with the same letters", "tea", "eat"],
  ["digits side by side", "3 4", "12"],
  ["an answer rounded too early", "12.66", "12.65625"],
  ["infinities of two signs", "\\infty", "-\\infty"],
])("%s are not equal", (_, a, b) => {
  expect(equalAnswers(a, b)).toBeUndefined();
  expect(equalAnswers(b, a)).toBeUndefined();
});

test.each([
  "9".repeat(400),
  "((((((".repeat(30),
  "2^2^2^2^2^2^2",
  "10^100000000",
  "\\frac{1}{0}",
  "x".repeat(5000),
  "",
])("hostile text %# is judged at all: spelled out, some of these numbers would fill the memory", (text) => {
  equalAnswers(text, "1");
  expect(strictGrader.grade({ answer: text, stdout: "" }, text).right).toBe(true);
});

const answers = fc.oneof(
  fc.integer().map(String),
  fc.tuple(fc.integer(), fc.integer({ min: 1, max: 99 })).map(([a, b]) => `${a}/${b}`),
  fc.tuple(fc.integer({ min: -99, max: 99 }), fc.integer({ min: 1, max: 9 })).map(([a, b]) => `\\frac{${a}}{${b}}`),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 })).map(([a, b]) => `(${a}, ${b})`),
  fc.tuple(fc.integer({ min: -9, max: 9 }), fc.constantFrom("x", "y", "\\sqrt{2}", "\\pi")).map(([a, b]) => `${a}${b}`),
  fc.string({ maxLength: 12 }),
  fc.constantFrom("25%", "0.25", "1/4", "25", "$5", "5 cm", "yes", "[0, 1)", "1 1/2", "1.5"),
);

test("equality of answers is reflexive and symmetric, strict and as in the paper", () => {
  const paper = { relative: 0, absolute: 0.01, forExact: true };
  fc.assert(
    fc.property(answers, answers, (a, b) => {
      expect(equalAnswers(a, a)).toBeDefined();
      expect(equalAnswers(a, b)).toBe(equalAnswers(b, a));
      expect(equalAnswers(a, b, paper)).toBe(equalAnswers(b, a, paper));
      const strict = (x: string, y: string) => strictGrader.grade({ answer: x, stdout: "" }, y).right;
      expect(strict(a, a)).toBe(true);
      expect(strict(a, b)).toBe(strict(b, a));
    }),
    { numRuns: 2000, seed: 1 },
  );
});

test("what is exactly equal is equal to the paper as well", () => {
  fc.assert(
    fc.property(answers, answers, (a, b) => {
      if (equalAnswers(a, b) === "exact") {
        expect(equalAnswers(a, b, { relative: 0, absolute: 0.01, forExact: true })).toBe("exact");
      }
    }),
    { numRuns: 500, seed: 2 },
  );
});

describe("the two graders", () => {
  const both = (answer: string | undefined, stdout: string, gold: string) =>
    [strictGrader, paperGrader].map((grader) => grader.grade({ answer, stdout }, gold).right);

  test.each([
    ["equal numbers", "5", "Final Answer: 5", "5.0", [true, true]],
    ["a difference of 0.01", "12.66", "", "12.65", [false, true]],
    ["a small wrong number", "0.004", "", "0.001", [false, true]],
    ["a number without a marker", undefined, "it is 7", "7", [false, true]],
    ["the right number among many", undefined, "1\n2\n3\n4", "3", [false, true]],
    ["nothing printed", undefined, "", "3", [false, false]],
    ["a share for a percentage", "0.25", "", "25%", [true, true]],
    ["a bare number for a percentage", "25", "", "25%", [true, false]],
    ["a percentage for a share", "25%", "", "0.25", [true, false]],
    ["a wrong number", "8", "", "7", [false, false]],
  ])("%s: strict and paper judge as they say", (_, answer, stdout, gold, expected) => {
    expect(both(answer, stdout, gold)).toEqual(expected);
  });

  test("the paper's grade tells that any number was tried", () => {
    expect(paperGrader.grade({ answer: undefined, stdout: "so 3 of 4" }, "4")).toEqual({
      right: true,
      rule: "text",
      found: "any-number",
    });
  });
});

test("numbers in any notation are number answers, words and terms are not", () => {
  expect(["3 1/2", "12%", "2\\sqrt{3}", "1,024 cm", "-4", "1e-7"].map(isNumberAnswer)).not.toContain(false);
  expect(
    ["yes", "x+1", "(1, 2)", "", "undefined", "NaN", "[object Object]", "\\infty"].map(isNumberAnswer),
  ).not.toContain(true);
});

test("plain numbers are integers, decimals and fractions", () => {
  expect(["12", "-0.5", "\\frac{3}{4}", "1,000"].map(isPlainNumber)).not.toContain(false);
  expect(["2\\pi", "\\sqrt{2}", "x", "(1,2)", "yes"].map(isPlainNumber)).not.toContain(true);
});
