import type { EvaluationRecord, RowOutcome } from "@cambium/evaluation";
import { expect, test } from "vitest";
import { measure } from "./measure.ts";
import { isUnseen, SMOKE } from "./plan.ts";
import type { Test } from "./tests.ts";

const [seen, unseen] = [true, false].map((known) => SMOKE.kits.find((kit) => isUnseen(SMOKE.kits, kit, 1) !== known)!);

const testOf = (kit: string, id: string): [string, Test] => [
  id,
  { task: { id, set: kit } as Test["task"], tools: new Set([`${kit}_right`]) },
];

function record(
  id: string,
  outcome: RowOutcome,
  calls: readonly (readonly [name: string, code?: string])[],
): EvaluationRecord {
  const steps = calls.map(([name, code]) => ({
    kind: "tool",
    stage: name === "read_result" ? "command" : "tool",
    call: { name },
    ...(code === undefined ? {} : { failure: { code } }),
  }));
  return { id, outcome, cost: { inputTokens: 100, outputTokens: 10 }, trajectory: { steps } } as never;
}

test("shares are of the tests they are about, commands are no calls, and a refusal of a tool is no misfit", () => {
  const tests = new Map([testOf(seen!, "a"), testOf(seen!, "b"), testOf(unseen!, "c"), testOf(unseen!, "d")]);
  const measured = measure(SMOKE, 1, tests, [
    record("a", "right", [["read_result", "INVALID_ARGS"], [`${seen}_right`], [`${seen}_right`, "TOOL_ERROR"]]),
    record("b", "wrong", [[`${seen}_wrong`, "INVALID_ARGS"]]),
    record("c", "right", [[`${unseen}_right`]]),
    record("d", "NO_ANSWER", []),
  ]);
  expect(measured).toMatchObject({
    ...{ success: 50, seen: 50, unseen: 50, choice: 50, choiceUnseen: 50, misfit: 25, tests: 4 },
    kits: { [seen!]: [1, 2], [unseen!]: [1, 2] },
    outcomes: { right: 2, wrong: 1, NO_ANSWER: 1 },
    ...{ calls: 1, inputTokens: 100, outputTokens: 10 },
  });
});
