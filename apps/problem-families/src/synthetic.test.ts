import { strictGrader } from "@cambium/evaluation";
import { quickjs } from "@cambium/sandbox";
import { toolShape } from "@cambium/tool-learning";
import { afterAll, describe, expect, test } from "vitest";
import { createDraw } from "./draw.ts";
import { fraction, listsIn, numbersIn } from "./family.ts";
import {
  createCreationProblems,
  createMathProblems,
  createTransferSets,
  creationFamilies,
  mathFamilies,
} from "./problems.ts";

const sandbox = quickjs();
afterAll(() => sandbox.close());

/** What a program printed behind its marker. */
const answerIn = (stdout: string): string | undefined => /^Final Answer: (.*)$/m.exec(stdout)?.[1];

const families = [...creationFamilies, ...mathFamilies];

describe.each(families)("$name", (family) => {
  test("is a documented tool that loads by itself", async () => {
    const shape = toolShape(family.tool, "javascript");
    expect(shape?.name).toBe(family.name);
    expect(shape?.documentation).toMatch(/@param[\s\S]*@returns/);
    expect(await sandbox.run(family.tool)).toMatchObject({ ok: true, stdout: "" });
  });

  test("answers what its scenarios draw, and the answers were not made by the tool", async () => {
    for (const [i, scenario] of family.scenarios.entries()) {
      for (const seed of [1, 2, 3]) {
        const { question, answer } = scenario.draw(createDraw(seed, family.name, i));
        const reads = families.filter(
          (other) => other.name !== family.name && other.scenarios.some(({ read }) => read(question) !== undefined),
        );
        expect(
          reads.map(({ name }) => name),
          question,
        ).toEqual([]);
        const call = scenario.read(question);
        expect(call, question).toBeDefined();
        const { stdout } = await sandbox.run(`${family.tool}\n${call}`);
        expect(
          { question, ...strictGrader.grade({ answer: answerIn(stdout), stdout }, String(answer)) },
          stdout,
        ).toMatchObject({ right: true });
      }
    }
  });
});

test("there are as many problems as the sets they stand for have, all different", () => {
  expect(createCreationProblems(1)).toHaveLength(36);
  expect(createCreationProblems(1, 3)).toHaveLength(108);
  expect(createMathProblems(1)).toHaveLength(140);
  expect(createTransferSets(1).map(({ scenarios }) => scenarios.length)).toEqual(Array(12).fill(3));
  for (const problems of [createCreationProblems(1, 3), createMathProblems(1)]) {
    expect(new Set(problems.map(({ id }) => id)).size).toBe(problems.length);
    expect(new Set(problems.map(({ question }) => question)).size).toBe(problems.length);
  }
  const levels = new Set(createMathProblems(1).map(({ subject, level }) => `${subject} ${level}`));
  expect(levels.size).toBe(35);
});

test("a seed gives the same problems each time, another seed others", () => {
  expect(createCreationProblems(5)).toEqual(createCreationProblems(5));
  expect(createMathProblems(5)).not.toEqual(createMathProblems(6));
});

test("numbers are read with their signs, exponents and indices are not", () => {
  expect(numbersIn("-3x^2 + (-4)x, u_12 = 1.5 and a 20% part")).toEqual([-3, -4, 1.5, 20]);
  expect(listsIn("at 1, 2 and 3 for 4 and 5")).toEqual([
    [1, 2, 3],
    [4, 5],
  ]);
  expect([fraction(6, -4), fraction(8, 4), fraction(0, 5)]).toEqual(["-3/2", "2", "0"]);
});
