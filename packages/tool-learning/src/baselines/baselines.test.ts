import { result } from "@cambium/base";
import type { QueryStep, Solved, Solver } from "@cambium/evaluation";
import { type ModelRequest, openModels, type Step as ScriptStep, scripted, textOf } from "@cambium/llm";
import { quickjs } from "@cambium/sandbox";
import { afterAll, describe, expect, test } from "vitest";
import { mathDemonstrations } from "../creator/demonstrations/math.ts";
import type { Setup } from "../solving/setup.ts";
import { calculator, wolframAlpha } from "./calculator.ts";
import { entangled } from "./entangled.ts";
import { programOfThought } from "./program-of-thought.ts";
import { toolUse } from "./tool-use.ts";
import { vanilla } from "./vanilla.ts";

const sandbox = quickjs();
afterAll(() => sandbox.close());

const js = (code: string): string => `\`\`\`js\n${code}\n\`\`\``;
const RIGHT = js('console.log("Final Answer:", 2 + 3);');
const BROKEN = js("broken();");
const hints = { utility: "Adds two numbers.", args: "a, b", returns: "sum" };
const task = { question: "What is two plus three?", hints };

async function play(
  script: readonly ScriptStep[],
  create: (setup: Setup) => Solver,
): Promise<{ end: Solved; prompts: string[]; stages: string }> {
  const requests: ModelRequest[] = [];
  const source = scripted(script);
  const llm = await openModels({ store: ":memory:" });
  const model = llm.model({
    ...source,
    generate: (request, context) => {
      requests.push(request);
      return source.generate(request, context);
    },
  });
  const end = (await result(create({ model, sandbox }).solve(task))) as Solved;
  source.finish();
  await llm.close();
  return {
    end,
    prompts: requests.map(({ messages }) => textOf(messages.at(-1)!.content)),
    stages: end.trajectory.steps.map(({ stage }) => stage).join(" "),
  };
}

describe("vanilla", () => {
  test("takes one call and runs nothing", async () => {
    const { end, prompts } = await play([{ reply: "Final Answer: 5" }], ({ model }) => vanilla({ model }));
    expect(end).toMatchObject({ status: "done", answer: "5", trajectory: { method: "vanilla", steps: { length: 1 } } });
    expect(prompts[0]).toContain("without any explanation");
    expect(prompts[0]).toContain("Adds two numbers.");
  });

  test("with thought, examples reason in words", async () => {
    const { end, prompts } = await play([{ reply: "2 and 3 make 5.\nFinal Answer: 5" }], ({ model }) =>
      vanilla({ model, thought: true, demonstrations: mathDemonstrations }),
    );
    expect(end).toMatchObject({ answer: "5", trajectory: { method: "vanilla-cot" } });
    expect(prompts[0]).toContain("The fourth powers of its roots are 1, 16 and 81");
  });

  test("a reply without a marker is done without an answer, its text kept for the lenient grader", async () => {
    const { end } = await play([{ reply: "It is 5." }], ({ model }) => vanilla({ model }));
    expect(end).toMatchObject({ status: "done", stdout: "It is 5." });
    expect(end.answer).toBeUndefined();
  });
});

describe("program of thought", () => {
  test("takes one call and one run", async () => {
    const { end, stages, prompts } = await play([{ reply: RIGHT }], programOfThought);
    expect(stages).toBe("program execution");
    expect(end).toMatchObject({ status: "done", answer: "5", firstTry: true });
    expect(prompts[0]).not.toContain("function ferryTime");
    expect(prompts[0]).toContain("const trips = Math.ceil(190 / 40);");
  });

  test("fails at once without repairs, and mends itself with them", async () => {
    const plain = await play([{ reply: BROKEN }], programOfThought);
    expect(plain.end).toMatchObject({ status: "failed", failure: { code: "GUEST_ERROR" } });
    const mended = await play([{ reply: BROKEN }, { when: { stage: "rectification" }, reply: RIGHT }], (setup) =>
      programOfThought({ ...setup, rounds: 3 }),
    );
    expect(mended.stages).toBe("program execution rectification execution");
    expect(mended.end).toMatchObject({ answer: "5", firstTry: false, trajectory: { method: "pot-rectified" } });
  });

  test.each([1, 2, 3])("with %i repairs that do not help takes as many calls more", async (rounds) => {
    const { prompts, end } = await play([{ reply: BROKEN, times: 1 + rounds }], (setup) =>
      programOfThought({ ...setup, rounds }),
    );
    expect(prompts).toHaveLength(1 + rounds);
    expect(end.status).toBe("failed");
  });
});

describe("entangled", () => {
  test("one call writes tool and use, hints are shown, repairs follow", async () => {
    const { end, stages, prompts } = await play([{ reply: BROKEN }, { reply: RIGHT }], entangled);
    expect(stages).toBe("program execution rectification execution");
    expect(end.answer).toBe("5");
    expect(prompts[0]).toContain("function ferryTime");
    expect(prompts[0]).toContain("Adds two numbers.");
  });
});

describe("tool use", () => {
  test("the second call sees what the calculator says to the query of the first", async () => {
    const script = [
      { when: { stage: "query" }, reply: "I add them.\nQuery: 2 + 3" },
      { when: { stage: "answer" }, reply: "Final Answer: 5" },
    ];
    const { end, prompts, stages } = await play(script, ({ model }) => toolUse({ model }));
    expect(stages).toBe("query query answer");
    expect(prompts[1]).toContain("Input: 2 + 3\nResult: 5");
    expect(end.answer).toBe("5");
  });

  test.each([
    ["no query", "I do not know."],
    ["a query that is no calculation", "Query: the meaning of life"],
  ])("after %s, the second call is told that nothing came back", async (_, reply) => {
    const { prompts, end } = await play([{ reply }, { reply: "Final Answer: 5" }], ({ model }) => toolUse({ model }));
    expect(prompts[1]).toContain("Nothing came back");
    expect(end.status).toBe("done");
  });

  test.each([
    ["null", null],
    ["an object without a prototype", Object.create(null)],
    ["a message of null", Object.assign(new Error("x"), { message: null })],
  ])("a service that throws %s has failed, and the second call is made", async (_, thrown) => {
    const service = { name: "broken", ask: () => Promise.reject(thrown) };
    const { end, prompts } = await play([{ reply: "Query: 1" }, { reply: "Final Answer: 5" }], ({ model }) =>
      toolUse({ model, calculator: service }),
    );
    expect(end.trajectory.steps[1]).toMatchObject({ failure: { code: "UNAVAILABLE", message: expect.any(String) } });
    expect(prompts[1]).toContain("Nothing came back");
    expect(end.status).toBe("done");
  });

  test("a long reply of the service is cut to 1,500 characters", async () => {
    const service = { name: "long", ask: async (input: string) => ({ input, result: "9".repeat(5000) }) };
    const { end } = await play([{ reply: "Query: 1" }, { reply: "Final Answer: 5" }], ({ model }) =>
      toolUse({ model, calculator: service }),
    );
    expect(end.trajectory.steps[1]).toMatchObject({
      kind: "query",
      reply: expect.stringMatching(/^Input: 1\nResult: 9+$/),
    });
    expect((end.trajectory.steps[1] as QueryStep).reply).toHaveLength(1500);
  });
});

test.each([
  ["2^10 / 3", "1024/3 = 341.3333333333"],
  ["sqrt(2)", "1.414213562373"],
  ["\\frac{1}{2} + 1/3", "5/6 = 0.8333333333333"],
  ["10!", "3628800"],
  ["sin(0)", "0"],
])("the calculator says what %s is", async (query, expected) => {
  expect((await calculator().ask(query)).result).toBe(expected);
});

test.each(["two plus two", "1/0", "x + 1", "fetch('http://a')"])("the calculator refuses %s", async (query) => {
  await expect(calculator().ask(query)).rejects.toThrow(/no calculation|no value/);
});

describe("Wolfram|Alpha", () => {
  const serve =
    (body: unknown, status = 200): typeof fetch =>
    async () =>
      new Response(JSON.stringify(body), { status });

  test("the parts for input and result are taken", async () => {
    const pods = [
      { title: "Input", subpods: [{ plaintext: "2 + 3" }] },
      { title: "Result", subpods: [{ plaintext: "5" }] },
      { title: "Number line", subpods: [{ plaintext: "" }] },
    ];
    expect(await wolframAlpha({ appId: "id", fetch: serve({ queryresult: { pods } }) }).ask("2+3")).toEqual({
      input: "2 + 3",
      result: "5",
    });
  });

  test.each([
    ["no result", serve({ queryresult: { pods: [] } }), /no result/],
    ["a refusal", serve({}, 403), /status 403/],
  ])("%s rejects", async (_, send, message) => {
    await expect(wolframAlpha({ appId: "id", fetch: send }).ask("2+3")).rejects.toThrow(message);
  });
});
