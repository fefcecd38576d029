import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hintLevel, taskOf, withHints } from "../problem.ts";
import { parseCreationChallenge } from "./creation-challenge.ts";
import { boxedAnswer, parseMath } from "./math.ts";
import { parseRows } from "./rows.ts";
import { parseTabMwp } from "./tab-mwp.ts";
import { parseTransferSets } from "./transfer.ts";

const lines = (...rows: readonly object[]): string => rows.map((row) => JSON.stringify(row)).join("\n");

describe("MATH", () => {
  test("both layouts are read: question and answer, problem and boxed solution", () => {
    const rows = parseMath(
      lines(
        { question: "What is $1+1$?", answer: "2", level: "Level 1" },
        { problem: "What is $1/2$?", solution: "It is $\\boxed{\\frac{1}{2}}$.", level: "Level 3", type: "Algebra" },
      ),
      { subject: "prealgebra" },
    );
    expect(rows).toEqual([
      {
        id: "prealgebra-1",
        question: "What is $1+1$?",
        answer: "2",
        answerKind: "any",
        subject: "prealgebra",
        level: "1",
      },
      {
        id: "Algebra-2",
        question: "What is $1/2$?",
        answer: "\\frac{1}{2}",
        answerKind: "any",
        subject: "Algebra",
        level: "3",
      },
    ]);
  });

  test("a single problem in its own file is read", () => {
    expect(
      parseMath(JSON.stringify({ problem: "Q", solution: "\\boxed{3}", level: "Level 2", type: "Geometry" }, null, 2)),
    ).toHaveLength(1);
  });

  test("rows without a plain number can be left out", () => {
    const text = lines(
      { question: "a", answer: "2k+2" },
      { question: "b", answer: "1,000" },
      { question: "c", answer: "\\frac12" },
    );
    expect(parseMath(text, { numbersOnly: true }).map(({ question, answerKind }) => [question, answerKind])).toEqual([
      ["b", "number"],
      ["c", "number"],
    ]);
  });

  test.each([
    ["\\boxed{\\frac{1}{2}}", "\\frac{1}{2}"],
    ["first \\boxed{1}, then \\boxed{2}", "2"],
    ["\\boxed 7.", "7"],
    ["\\fbox{3}", "3"],
    ["\\boxed{\\{1, 2\\}}", "\\{1, 2\\}"],
    ["nothing", undefined],
    ["\\boxed{unclosed", undefined],
  ])("the answer boxed in %s is %s", (solution, expected) => {
    expect(boxedAnswer(solution)).toBe(expected);
  });
});

test("TabMWP: rows keyed by id, with table, choices and unit", () => {
  const text = JSON.stringify({
    "12": {
      question: "Which is heavier?",
      choices: ["cat", "dog"],
      answer: "dog",
      unit: null,
      table_title: "Weights",
      table: "Animal | kg\ncat | 4\ndog | 9",
      ans_type: "extractive_text",
      grade: 2,
    },
    "13": {
      question: "How much is it?",
      choices: null,
      answer: "3.60",
      unit: "$",
      table_for_pd: { Item: ["a", "b"], Price: ["1", "2"] },
      ans_type: "decimal_number",
      grade: 5,
    },
  });
  expect(parseTabMwp(text)).toEqual([
    {
      id: "12",
      question: "Which is heavier?\nAnswer with one of: cat, dog",
      context: "Weights\nAnimal | kg\ncat | 4\ndog | 9",
      answer: "dog",
      answerKind: "any",
      subject: "extractive_text",
      level: "2",
    },
    {
      id: "13",
      question: "How much is it?\nUnit: $",
      context: "Item | Price\na | 1\nb | 2",
      answer: "3.60",
      answerKind: "number",
      subject: "decimal_number",
      level: "5",
    },
  ]);
  expect(parseTabMwp(text, { numbersOnly: true }).map(({ id }) => id)).toEqual(["13"]);
});

describe("Creation Challenge", () => {
  const row = {
    utility: "Computes a perimeter.",
    args: "- sides (int)\n- length (float)",
    return: "- perimeter (float)",
    constant: "- None",
    tool: "```python\ngold tool\n```",
    solution: "gold solution",
    answer: 5000.0,
    question: "How much is the fence?",
  };

  test("hints are read, gold tool and solution are not", () => {
    const [problem] = parseCreationChallenge(lines(row));
    expect(problem).toEqual({
      id: "creation-1",
      question: "How much is the fence?",
      answer: "5000",
      answerKind: "number",
      hints: {
        utility: "Computes a perimeter.",
        args: "- sides (int)\n- length (float)",
        returns: "- perimeter (float)",
      },
    });
  });

  test("constants become context, lists become lines", () => {
    const [problem] = parseCreationChallenge(
      lines({ ...row, constant: "g = 9.81", args: ["a (number)", "b (number)"], set: "s1" }),
    );
    expect(problem).toMatchObject({
      context: "Constants:\ng = 9.81",
      hints: { args: "a (number)\nb (number)" },
      subject: "s1",
    });
  });

  test("the three levels of hints show nothing, the utility, everything", () => {
    const [problem] = parseCreationChallenge(lines(row));
    const levels = (["none", "utility", "all"] as const).map((level) => withHints(problem!, level));
    expect(levels.map(hintLevel)).toEqual(["none", "utility", "all"]);
    expect(levels.map(({ hints }) => Object.keys(hints ?? {}))).toEqual([
      [],
      ["utility"],
      ["utility", "args", "returns"],
    ]);
    expect(Object.keys(taskOf(problem!))).toEqual(["question", "hints", "answerKind"]);
  });
});

test("transfer sets: numbered fields or a list of scenarios", () => {
  const numbered = {
    intro: "A tool",
    tool: "gold",
    scn1: "Q1",
    sol1: "gold",
    ans1: 1,
    scn2: "Q2",
    ans2: 2.5,
    scn3: "Q3",
    ans3: 3,
  };
  const listed = {
    id: "s",
    intro: "A tool",
    tool: "gold",
    scenarios: [
      { id: "a", question: "Q1", answer: "1" },
      { question: "Q2", answer: 2 },
    ],
  };
  const sets = parseTransferSets(lines(numbered, listed));
  expect(sets.map(({ id, scenarios }) => [id, scenarios.map((scenario) => [scenario.id, scenario.answer])])).toEqual([
    [
      "set-1",
      [
        ["set-1-1", "1"],
        ["set-1-2", "2.5"],
        ["set-1-3", "3"],
      ],
    ],
    [
      "s",
      [
        ["a", "1"],
        ["s-2", "2"],
      ],
    ],
  ]);
  expect(JSON.stringify(sets)).not.toContain("gold");
});

test.each([
  ["a line that is no JSON", () => parseMath('{"question":"a","answer":"1"}\n{oops'), /line 2 is no JSON/],
  ["a row that is a list", () => parseMath("[[1]]"), /row 1 must be an object/],
  [
    "a row without an answer",
    () => parseCreationChallenge(lines({ question: "a" })),
    /row 1 needs a text "answer", it has question/,
  ],
  ["a solution without a box", () => parseMath(lines({ problem: "a", solution: "so 3" })), /no \\boxed answer/],
  ["a set with one scenario", () => parseTransferSets(lines({ scn1: "a", ans1: 1 })), /needs two scenarios/],
])("%s is named with its place", (_, read, message) => {
  expect(read).toThrow(message);
});

test("rows survive being written in any of the three layouts", () => {
  const row = fc.record({ question: fc.string({ minLength: 1 }), answer: fc.integer() });
  fc.assert(
    fc.property(fc.array(row, { minLength: 2, maxLength: 5 }), (rows) => {
      const layouts = [
        lines(...rows),
        JSON.stringify(rows),
        JSON.stringify(Object.fromEntries(rows.map((each, i) => [`k${i}`, each]))),
      ];
      for (const text of layouts) expect(parseRows("test", text).map(({ fields }) => fields)).toEqual(rows);
    }),
    { numRuns: 100, seed: 4 },
  );
});
