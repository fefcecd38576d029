/** A program's end is its row's result: nothing that a program does takes the row out of the accuracy. */
import { result } from "@cambium/base";
import { runEvaluation } from "@cambium/evaluation";
import { openModels, scripted, textOf } from "@cambium/llm";
import { python, quickjs, type Sandbox } from "@cambium/sandbox";
import { hasPython } from "@cambium/sandbox/testing";
import { afterAll, expect, test } from "vitest";
import { programOfThought } from "../baselines/program-of-thought.ts";

const limits = { wallMs: 20_000 };
const [javascript, snakes] = [quickjs({ limits }), python({ limits })];
afterAll(async () => {
  await javascript.close();
  await snakes.close();
});

/** Accuracy and open rows when one of two questions is answered by this program, and the other one rightly. */
async function measure(sandbox: Sandbox, right: string, program: string) {
  const llm = await openModels({ store: ":memory:" });
  const model = llm.model(
    scripted(
      ({ messages }) => `\`\`\`\n${textOf(messages.at(-1)!.content).includes("trick") ? program : right}\n\`\`\``,
    ),
  );
  const rows = ["plain", "trick"].map((question) => ({ id: question, question, answer: "1" }));
  const { summary, open } = await result(runEvaluation(programOfThought({ model, sandbox }), rows));
  await llm.close();
  return { total: summary.total, right: summary.accuracy["strict"]?.count, open };
}

test.each([
  "throw Object.assign(() => 1, { toString() { throw 1; } });",
  "throw new Proxy(function () {}, { get() { throw 1; } });",
  "Object.defineProperty(Promise.prototype, 'constructor', { get() { throw 1; } });",
  `return ${"1+".repeat(30_000)}1;`,
  `${"[".repeat(30_000)}`,
])("a JavaScript program %#", async (program) => {
  expect(await measure(javascript, 'print("Final Answer: 1")', program)).toEqual({ total: 2, right: 1, open: 0 });
});

test
  .skipIf(!hasPython)
  .each([
    "import sys\nsys.modules['os']._exit(0)",
    "import sys\nsys.modules['os'].abort()",
    "class E(Exception):\n  __traceback__ = property(lambda s: 1/0)\nraise E()",
    "import sys\nsys.modules['os'].write(3, b'x' * 10)",
    `result = ${"1+".repeat(30_000)}1`,
  ])("a Python program %#", async (program) => {
  expect(await measure(snakes, 'print("Final Answer: 1")', program)).toEqual({ total: 2, right: 1, open: 0 });
});
