import { python, quickjs } from "@cambium/sandbox";
import { hasPython } from "@cambium/sandbox/testing";
import { afterAll, describe, expect, test } from "vitest";
import { toolShape } from "../../code/tool-shape.ts";
import { extractAnswer } from "../../solving/answer.ts";
import { describeFailure } from "../../solving/error-text.ts";
import { creationDemonstrations } from "./creation.ts";
import { noDemonstrations } from "./demonstration.ts";
import { demonstrationsFor } from "./for-language.ts";
import { mathDemonstrations } from "./math.ts";
import { pythonDemonstrations } from "./python.ts";
import { tableDemonstrations } from "./table.ts";

const javascript = [creationDemonstrations, mathDemonstrations, tableDemonstrations];
const sets = hasPython ? [...javascript, pythonDemonstrations] : javascript;
const sandboxes = { javascript: quickjs(), python: python() };
afterAll(() => Promise.all(Object.values(sandboxes).map((sandbox) => sandbox.close())));

test("there are as many examples as in the publication", () => {
  expect(javascript.map(({ examples }) => examples.length)).toEqual([1, 7, 4]);
});

describe.each(sets)("the $name examples", ({ language = "javascript", examples, repair }) => {
  const sandbox = sandboxes[language];

  test.each(examples)("answer: $question", async ({ tool, call, program, worked, answer }) => {
    const outcome = await sandbox.run([
      { name: "tool", source: tool },
      { name: "call", source: call },
    ]);
    expect(extractAnswer(outcome.stdout)).toBe(answer);
    expect(extractAnswer((await sandbox.run(program)).stdout)).toBe(answer);
    expect(worked).toContain(answer);
    expect(toolShape(tool, language)?.documentation).toMatch(/@returns|Returns:/);
    expect((await sandbox.run(tool)).stdout).toBe("");
  });

  test("the repair shows the real error of its program, and mends it", async () => {
    const { program, error, repaired } = repair!;
    const outcome = await sandbox.run(program);
    const { code, message, ...rest } = (outcome as { failure: { code: "GUEST_ERROR"; message: string; stack: string } })
      .failure;
    expect(describeFailure({ code, message, ...rest }, [{ name: "program", source: program }])).toBe(error);
    expect(extractAnswer((await sandbox.run(repaired)).stdout)).toBeDefined();
  });
});

test("examples in another language than the sandbox's are refused", () => {
  expect(demonstrationsFor("here", "python", undefined)).toBe(pythonDemonstrations);
  expect(demonstrationsFor("here", "python", noDemonstrations)).toBe(noDemonstrations);
  expect(() => demonstrationsFor("here", "python", mathDemonstrations)).toThrow(
    'the demonstrations "math" are in javascript',
  );
});
