/** What providers, models and programs do wrong, over a real connection: each a typed failure in the trajectory. */
import { type Fault, type OpenAiOptions, openai, openModels, startServer } from "@cambium/llm";
import { afterAll, describe, expect, test } from "vitest";
import { result } from "../run.ts";
import { quickjs } from "../sandbox/quickjs.ts";
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
    ["429", "rate_limited", { type: "status", status: 429 }],
    ["500", "unavailable", { type: "status", status: 500 }],
    ["503", "unavailable", { type: "status", status: 503 }],
    ["401", "unauthorized", { type: "status", status: 401 }],
    ["a redirect", "model_error", { type: "redirect", location: "http://127.0.0.1:1/" }],
    ["a cut body", "model_format", { type: "truncate", bytes: 30, how: "end" }],
    ["a lost connection", "unavailable", { type: "truncate", bytes: 30, how: "reset" }],
    ["another content type", "model_format", { type: "content-type", value: "text/html" }],
    ["no JSON", "model_format", { type: "body", body: "<html>" }],
    ["JSON of another form", "model_format", { type: "body", body: '{"choices": 1}' }],
    ["a flood", "model_format", { type: "flood", bytes: 100_000 }, { maxBodyBytes: 10_000 }],
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

describe("a program's failure goes back to the model, with its code", () => {
  test.each([
    ["no code", "I would add them.", "no_code"],
    ["an empty block", js("  "), "no_code"],
    ["prose in a block", js("Take two and add three."), "load_failed"],
    ["bytes that are no text", js("\u0000\u0001\ufffd\u0007"), "load_failed"],
    ["a source that is too long", js(`/* ${"x".repeat(70_000)} */`), "load_failed"],
    ["a flood of output", js("for (;;) console.log('x'.repeat(1000));"), "guest_output_limit"],
    ["binary output", js("console.log(String.fromCharCode(...Array(256).keys()));"), "no_answer"],
    ["an answer that is no value", js('console.log("Final Answer:", undefined);'), "wrong_type"],
    ["memory", js("const kept = []; for (;;) kept.push(new Array(1000).fill(1));"), "guest_memory"],
    ["recursion", js("const down = () => down() + 1; down();"), "guest_stack"],
    ["a result that is too long", js("return 'x'.repeat(300_000);"), "output_too_large"],
  ])("%s", async (_, decision, code) => {
    const end = await play([TOOL, decision, `${TOOL}\n${CALL}`]);
    const failure = end.trajectory.steps.find((step) => step.failure !== undefined)?.failure;
    if (failure !== undefined) expect(failure.code).toContain(code);
    else expect(["no_answer", "wrong_type"]).toContain(code); // found by the self-check, which is no step
    expect(end).toMatchObject({ status: "done", answer: "5", firstTry: false });
    expect(end.trajectory.steps.filter(({ stage }) => stage === "rectification")).toHaveLength(1);
  });
});
