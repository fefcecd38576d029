import { expectLinear } from "@cambium/testing";
import { expect, test } from "vitest";
import { isNumberAnswer } from "./equal-answers.ts";
import { paperGrader, strictGrader } from "./grader.ts";
import { normaliseAnswer } from "./normalise.ts";

/** Where time grows with the square of the text, each of these takes many seconds; otherwise some milliseconds. */
const LENGTH = 60_000;

const UNITS = [
  " ",
  "\n",
  "\t",
  "\r",
  "1",
  "1,",
  "1 ",
  "cm ",
  "cm^2 ",
  "and ",
  "$",
  "\\text{",
  "\\boxed{",
  "(",
  "{",
  "^",
  "-",
  "1/",
  "|",
  "9!",
  ".",
  "~",
  "a",
  "**",
];

test.each(UNITS)("an answer with many %j is judged in time in proportion to its length", async (unit) => {
  await expectLinear((length) => {
    const many = unit.repeat(length / unit.length);
    for (const answer of [many, `5${many}x`, `x${many}`, `${many}5`]) {
      normaliseAnswer(answer);
      isNumberAnswer(answer);
      strictGrader.grade({ answer, stdout: answer }, "5 %");
      paperGrader.grade({ answer, stdout: answer }, "5");
      paperGrader.grade({ answer: undefined, stdout: answer }, "5");
    }
  }, LENGTH);
});

test("spaces do not make an answer long", () => {
  expect(strictGrader.grade({ answer: `5${" ".repeat(60_000)}cm`, stdout: "" }, "5")).toMatchObject({ right: true });
});

test("an answer that is longer than 1,000 characters is a text", () => {
  const long = "1+".repeat(600);
  expect(normaliseAnswer(`  ${long}   $1  `)).toBe(`${long} $1`);
  expect(strictGrader.grade({ answer: `${long}1`, stdout: "" }, "601")).toMatchObject({ right: false });
  expect(strictGrader.grade({ answer: `${long}1`, stdout: "" }, `${long}1`)).toMatchObject({
    right: true,
    rule: "text",
  });
});
