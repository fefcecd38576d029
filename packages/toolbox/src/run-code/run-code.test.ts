import { callTool, toolSet } from "@cambium/tool-learning";
import { afterAll, expect, test } from "vitest";
import { runCode } from "./tool.ts";

const kit = runCode();
afterAll(() => kit.close());

async function run(source: string, input?: unknown): Promise<unknown> {
  const outcome = await callTool(toolSet(kit).get("runCode_program")!, {
    source,
    ...(input === undefined ? {} : { input }),
  } as never);
  return outcome.ok ? outcome.value : outcome.failure.message;
}

test("a program's result and what it prints come back, and it reads its input", async () => {
  expect(await run("console.log('hi'); return input.a * 2;", { a: 21 })).toEqual({ result: 42, printed: "hi\n" });
  expect(await run("const x = 1;")).toEqual({ result: null, printed: "" });
});

test.each([
  ["return process.env", "GUEST_ERROR"],
  ["return require('fs')", "GUEST_ERROR"],
  ["return fetch('http://127.0.0.1')", "GUEST_ERROR"],
  ["const = 1", "LOAD_FAILED"],
  ["return () => 1", "RESULT_INVALID"],
  ["null.x", "GUEST_ERROR"],
])("%s fails with its reason", async (source, code) => {
  expect(await run(source)).toMatch(code);
});
