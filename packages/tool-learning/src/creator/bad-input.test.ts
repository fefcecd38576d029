/** What providers, models and programs do wrong, over a real connection: each a typed failure in the trajectory. */

import { result } from "@cambium/base";
import { type Fault, type OpenAiOptions, openai, openModels, startServer } from "@cambium/llm";
import { quickjs } from "@cambium/sandbox";
import { afterAll, describe, expect, test } from "vitest";
import { createTools } from "./create-tools.ts";
import type { CreatorEnd } from "./events.ts";

const sandbox = quickjs({ limits: { wallMs: 20_000 } });
afterAll(() => sandbox.close());

const js = (code: string): string => `\`\`\`js\n${code}\n\`\`\``;
const TOOL = js("/** Adds. */\nfunction add(a, b) { return a + b; }");
const CALL = js('console.log("Final Answer:", add(2, 3));');

/** Runs CREATOR against a server that gives these replies in order; with a fault, from the second request on. */
async function play(
  replies: readonly string[],
  fault?: Fault,
  options: Partial<OpenAiOptions> = {},
): Promise<CreatorEnd> {
  let next = 0;
  const server = await startServer({
    models: { script: () => replies[next++] ?? "" },
    faults: ({ index }) => (index === 0 ? undefined : fault),
  });
  const llm = await openModels({ store: ":memory:", retries: 0 });
  try {
    const model = llm.model(openai("script", { baseURL: server.baseURL, ...options }));
    return await result(createTools({ model, sandbox }, { question: "What is two plus three?" }));
  } finally {
    await llm.close();
    await server.close();
  }
}

describe("a provider's failure ends the run, and keeps what there was", () => {
  test.each<[string, string, Fault, Partial<OpenAiOptions>?]>([
    ["429", "RATE_LIMITED", { type: "status", status: 429 }],
    ["500", "UNAVAILABLE", { type: "status", status: 500 }],
    ["503", "UNAVAILABLE", { type: "status", status: 503 }],
    ["401", "UNAUTHORIZED", { type: "status", status: 401 }],
    ["no such model", "MODEL_ERROR", { type: "status", status: 404 }],
    ["a redirect", "MODEL_ERROR", { type: "redirect", location: "http://127.0.0.1:1/" }],
    ["a cut body", "MODEL_FORMAT", { type: "truncate", bytes: 30, how: "end" }],
    ["a lost connection", "UNAVAILABLE", { type: "truncate", bytes: 30, how: "reset" }],
    ["no money left", "FORBIDDEN", { type: "status", status: 402 }],
    ["no JSON", "MODEL_FORMAT", { type: "body", body: "<html>" }],
    ["JSON of another form", "MODEL_FORMAT", { type: "body", body: '{"choices": 1}' }],
    ["a flood", "OUTPUT_TOO_LARGE", { type: "flood", bytes: 100_000 }, { maxBodyBytes: 10_000 }],
  ])("%s is %s", async (_, code, fault, options = {}) => {
    const end = await play([TOOL, CALL], fault, options);
    expect(end).toMatchObject({ status: "failed", failure: { code }, tool: { name: "add" } });
    expect(end.trajectory.steps).toMatchObject([
      { stage: "creation" },
      { stage: "load-check" },
      { stage: "decision", failure: { code } },
    ]);
    expect(end.trajectory.steps[0]!.failure).toBeUndefined();
  });
});

test("the failure of a provider carries its HTTP status", async () => {
  expect(await play([TOOL, CALL], { type: "status", status: 404 })).toMatchObject({ failure: { status: 404 } });
});

describe("a program's failure goes back to the model, with its code", () => {
  test.each([
    ["no code", "I would add them.", "NO_CODE"],
    ["an empty block", js("  "), "NO_CODE"],
    ["prose in a block", js("Take two and add three."), "LOAD_FAILED"],
    ["bytes that are no text", js("\u0000\u0001\ufffd\u0007"), "LOAD_FAILED"],
    ["a source that is too long", js(`/* ${"x".repeat(70_000)} */`), "LOAD_FAILED"],
    ["a flood of output", js("for (;;) console.log('x'.repeat(1000));"), "GUEST_OUTPUT_LIMIT"],
    ["binary output", js("console.log(String.fromCharCode(...Array(256).keys()));"), "NO_ANSWER"],
    ["an answer that is no value", js('console.log("Final Answer:", undefined);'), "WRONG_TYPE"],
    ["memory", js("const kept = []; for (;;) kept.push(new Array(1000).fill(1));"), "GUEST_MEMORY"],
    [
      "an error that cannot be printed",
      js("throw Object.assign(() => 1, { toString() { throw 1; } });"),
      "GUEST_ERROR",
    ],
    ["recursion", js("const down = () => down() + 1; down();"), "GUEST_STACK"],
    ["a result that is too long", js("return 'x'.repeat(300_000);"), "RESULT_TOO_LARGE"],
  ])("%s", async (_, decision, code) => {
    const end = await play([TOOL, decision, `${TOOL}\n${CALL}`]);
    const failure = end.trajectory.steps.find((step) => step.failure !== undefined)?.failure;
    if (failure !== undefined) expect(failure.code).toContain(code);
    else expect(["NO_ANSWER", "WRONG_TYPE"]).toContain(code); // found by the self-check, which is no step
    expect(end).toMatchObject({ status: "done", answer: "5", firstTry: false });
    expect(end.trajectory.steps.filter(({ stage }) => stage === "rectification")).toHaveLength(1);
  });
});
