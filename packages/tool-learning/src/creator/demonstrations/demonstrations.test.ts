import { afterAll, describe, expect, test } from "vitest";
import { toolShape } from "../../code/tool-shape.ts";
import { quickjs } from "../../sandbox/quickjs.ts";
import { extractAnswer } from "../../solving/answer.ts";
import { describeFailure } from "../../solving/error-text.ts";
import { creationDemonstrations } from "./creation.ts";
import { mathDemonstrations } from "./math.ts";
import { tableDemonstrations } from "./table.ts";

const sandbox = quickjs();
afterAll(() => sandbox.close());

const sets = [creationDemonstrations, mathDemonstrations, tableDemonstrations];

test("there are as many examples as in the publication", () => {
  expect(sets.map(({ examples }) => examples.length)).toEqual([1, 7, 4]);
});

describe.each(sets)("the $name examples", ({ examples, repair }) => {
  test.each(examples)("answer: $question", async ({ tool, call, program, worked, answer }) => {
    const outcome = await sandbox.run([
      { name: "tool", source: tool },
      { name: "call", source: call },
    ]);
    expect(extractAnswer(outcome.stdout)).toBe(answer);
    expect(extractAnswer((await sandbox.run(program)).stdout)).toBe(answer);
    expect(worked).toContain(answer);
    expect(toolShape(tool, "javascript")?.documentation).toMatch(/@returns/);
    expect((await sandbox.run(tool)).stdout).toBe("");
  });

  test("the repair shows the real error of its program, and mends it", async () => {
    const { program, error, repaired } = repair!;
    const outcome = await sandbox.run(program);
    const { code, message, ...rest } = (outcome as { failure: { code: "guest_error"; message: string; stack: string } })
      .failure;
    expect(describeFailure({ code, message, ...rest }, [{ name: "program", source: program }])).toBe(error);
    expect(extractAnswer((await sandbox.run(repaired)).stdout)).toBeDefined();
  });
});
