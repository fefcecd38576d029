import { result } from "@cambium/base";
import type { Trajectory } from "@cambium/evaluation";
import { type ModelRequest, openModels, type Policy, type Step as ScriptStep, scripted, textOf } from "@cambium/llm";
import type { Sandbox } from "@cambium/sandbox";
import { quickjs } from "@cambium/sandbox";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTools } from "./create-tools.ts";
import type { CreatorEnd, CreatorEvent } from "./events.ts";
import type { CreatorOptions } from "./options.ts";

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = quickjs();
});
afterAll(() => sandbox.close());

const js = (code: string): string => `\`\`\`js\n${code}\n\`\`\``;
const TOOL = js("/** Adds. */\nfunction add(a, b) { return a + b; }");
const CALL = js('console.log("Final Answer:", add(2, 3));');
const BROKEN = js('console.log("Final Answer:", ad(2, 3));');
const WHOLE = js('function add(a, b) { return a + b; }\nconsole.log("Final Answer:", add(2, 3));');
const task = { question: "What is two plus three?" };

interface Played {
  readonly end: CreatorEnd;
  readonly events: readonly CreatorEvent[];
  readonly requests: readonly ModelRequest[];
}

/** Plays a script and checks that all of it was used. */
async function play(
  script: readonly ScriptStep[],
  options: Partial<CreatorOptions> = {},
  solving: Parameters<typeof createTools>[2] = {},
  asked: Parameters<typeof createTools>[1] = task,
): Promise<Played> {
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
  const events: CreatorEvent[] = [];
  const end = await result(createTools({ model, sandbox, ...options }, asked, solving), (event) => events.push(event));
  source.finish();
  await llm.close();
  return { end, events, requests };
}

const at = (stage: string, reply: string | Policy, times = 1): ScriptStep => ({ when: { stage }, reply, times });
const stages = ({ end }: Played): string => end.trajectory.steps.map(({ stage }) => stage).join(" ");

describe("the stages of the publication", () => {
  const faithful = { mode: "faithful" } as const;

  test("no repair takes two calls of the model and two runs", async () => {
    const played = await play([at("creation", TOOL), at("decision", CALL)], faithful);
    expect(stages(played)).toBe("creation load-check decision execution");
    expect(played.requests).toHaveLength(2);
    expect(played.end).toMatchObject({ status: "done", answer: "5", firstTry: true });
    expect(played.end.tool).toMatchObject({ name: "add", valid: true, documentation: "Adds.", level: 0 });
  });

  test("one repair takes three calls", async () => {
    const played = await play([at("creation", TOOL), at("decision", BROKEN), at("rectification", WHOLE)], faithful);
    expect(stages(played)).toBe("creation load-check decision execution rectification execution");
    expect(played.end).toMatchObject({ status: "done", answer: "5", firstTry: false });
  });

  test.each([0, 1, 2, 3, 5])("after %i repairs that do not help, an item is an execution error", async (rounds) => {
    const script = [
      at("creation", TOOL),
      at("decision", BROKEN),
      ...(rounds === 0 ? [] : [at("rectification", BROKEN, rounds)]),
    ];
    const played = await play(script, { ...faithful, rounds });
    expect(played.requests).toHaveLength(2 + rounds);
    expect(played.end.trajectory.steps.filter(({ kind }) => kind === "run")).toHaveLength(2 + rounds);
    expect(played.end).toMatchObject({ status: "failed", failure: { code: "GUEST_ERROR" } });
  });

  test("a tool that does not load is asked for four times, then the flow continues anyway", async () => {
    const played = await play([at("creation", js("function ("), 4), at("decision", WHOLE)], { ...faithful, rounds: 0 });
    expect(stages(played)).toBe(`${"creation load-check ".repeat(4)}decision execution`);
    expect(played.requests.map(({ sample }) => sample)).toEqual([0, 1, 2, 3, 0]);
    expect(new Set(played.requests.slice(0, 4).map(({ messages }) => JSON.stringify(messages))).size).toBe(1);
    expect(played.end).toMatchObject({ status: "failed", failure: { code: "LOAD_FAILED" } });
  });

  test("a tool that loads at the second try makes three calls", async () => {
    const played = await play([at("creation", js("function (")), at("creation", TOOL), at("decision", CALL)], faithful);
    expect(stages(played)).toBe("creation load-check creation load-check decision execution");
    expect(played.end).toMatchObject({ status: "done", firstTry: false, tool: { valid: true } });
  });

  test("replies without code take 4 creations, 1 decision and N repairs", async () => {
    const chat = "I would rather talk about it.";
    const played = await play([at("creation", chat, 4), at("decision", chat), at("rectification", chat, 3)], faithful);
    expect(stages(played)).toBe(
      "creation creation creation creation decision rectification rectification rectification",
    );
    expect(played.end).toMatchObject({
      status: "failed",
      failure: { code: "NO_CODE" },
      tool: { source: "", valid: false },
    });
  });

  test("a program without a marker is done, with what it printed for the lenient grader", async () => {
    const played = await play([at("creation", TOOL), at("decision", js("console.log(add(2, 3));"))], faithful);
    expect(played.end.status).toBe("done");
    expect(played.end.answer).toBeUndefined();
    expect(played.end.stdout).toBe("5\n");
  });

  test("only the newest program and error are shown, and only a whole program is taken", async () => {
    const replies = [js("// part: call\nbroken();"), js("brokenAgain();"), WHOLE];
    const played = await play(
      [at("creation", TOOL), at("decision", BROKEN), ...replies.map((reply) => at("rectification", reply))],
      faithful,
    );
    const shown = played.requests.slice(2).map(({ messages }) => textOf(messages.at(-1)!.content));
    expect(shown[1]).toContain("broken();");
    expect(shown[1]).not.toContain("function add");
    expect(shown.join()).not.toContain("Earlier attempts");
    expect(played.end.status).toBe("done");
  });

  test("it goes without library and extensions", async () => {
    await expect(play([], { ...faithful, library: "tools.db" })).rejects.toThrow(/faithful.*"library"/);
    await expect(play([], { ...faithful, showAttempts: true })).rejects.toThrow(/"showAttempts"/);
  });
});

describe("the extensions", () => {
  test.each([
    ["no marker", "console.log(5);", "NO_ANSWER", "prints no line|printed no line"],
    ["nothing printed", "add(2, 3);", "NO_ANSWER", "printed nothing"],
    ["no value", 'console.log("Final Answer:", undefined);', "WRONG_TYPE", "no value"],
    ["no number", 'console.log("Final Answer:", "five");', "WRONG_TYPE", "must be a number"],
  ])("an answer that is none is repaired: %s", async (_, call, code, message) => {
    const played = await play(
      [at("creation", TOOL), at("decision", js(call)), at("rectification", WHOLE)],
      {},
      {},
      {
        ...task,
        answerKind: "number",
      },
    );
    expect(played.end).toMatchObject({ status: "done", answer: "5", firstTry: false });
    const shown = textOf(played.requests[2]!.messages.at(-1)!.content);
    expect(shown).toMatch(new RegExp(message));
    expect(code).toMatch(/NO_ANSWER|WRONG_TYPE/);
  });

  test("a repair may replace the call and keep the tool, or the other way round", async () => {
    const tool = js("// part: tool\nfunction add(a, b) { return a + b + 0; }");
    const played = await play([
      at("creation", TOOL),
      at("decision", js("console.log(nothing);")),
      at("rectification", js('// part: call\nconsole.log("Final Answer:", add(2, 4), missing);')),
      at("rectification", tool),
      at("rectification", CALL.replace("```js\n", "```js\n// part: call\n")),
    ]);
    expect(played.end).toMatchObject({ status: "done", answer: "5" });
    expect(played.end.tool.source).toContain("a + b + 0");
  });

  test("earlier errors are shown as a short list", async () => {
    const played = await play([
      at("creation", TOOL),
      at("decision", js("first();")),
      at("rectification", js("second();")),
      at("rectification", js("third();")),
      at("rectification", WHOLE),
    ]);
    const shown = textOf(played.requests.at(-1)!.messages.at(-1)!.content);
    expect(shown).toContain(
      "## Earlier attempts\n1. ReferenceError: 'first' is not defined\n2. ReferenceError: 'second' is not defined",
    );
    expect(shown).toContain("'third' is not defined");
  });

  test("the tool of a repaired program is taken from the program", async () => {
    const played = await play([at("creation", TOOL), at("decision", BROKEN), at("rectification", WHOLE)]);
    expect(played.end.tool).toMatchObject({ name: "add", source: "function add(a, b) { return a + b; }", valid: true });
    expect(played.end.call).toBe('console.log("Final Answer:", add(2, 3));');
  });
});

describe("prompts", () => {
  const hints = { utility: "Adds two numbers.", args: "a, b (number)", returns: "sum (number)" };
  const script = () => [at("creation", TOOL), at("decision", CALL)];

  test("three levels of hints send three different prompts, at creation and at decision", async () => {
    const levels = [{}, { hints: { utility: hints.utility } }, { hints }];
    const asked = await Promise.all(levels.map((level) => play(script(), {}, {}, { ...task, ...level })));
    for (const i of [0, 1]) {
      const prompts = asked.map(({ requests }) => textOf(requests[i]!.messages.at(-1)!.content));
      expect(new Set(prompts).size).toBe(3);
      expect(prompts[0]).not.toContain("Adds two numbers.");
      expect(prompts[1]).toContain("Adds two numbers.");
      expect(prompts[1]).not.toContain("a, b (number)");
      expect(prompts[2]).toContain("a, b (number)");
    }
  });

  test("a tool is asked for without its question's answer, and context is shown everywhere", async () => {
    const problem = { ...task, id: "q1", answer: "the gold answer", context: "A | B\n1 | 2" };
    const played = await play(
      [at("creation", TOOL), at("decision", BROKEN), at("rectification", WHOLE)],
      {},
      {},
      problem,
    );
    for (const { messages } of played.requests) {
      expect(JSON.stringify(messages)).not.toContain("gold");
      expect(textOf(messages.at(-1)!.content)).toContain("A | B\n1 | 2");
    }
    expect(JSON.stringify(played.end)).not.toContain("gold");
  });

  test("thought shows reasoning in the examples and asks for it", async () => {
    const [plain, thinking] = await Promise.all([false, true].map((thought) => play(script(), { thought })));
    expect(textOf(plain!.requests[0]!.messages.at(-1)!.content)).not.toContain("think aloud");
    expect(textOf(thinking!.requests[0]!.messages.at(-1)!.content)).toContain("The ferry needs as many full crossings");
  });

  test("what does not change stands before what does", async () => {
    const [one, other] = await Promise.all(
      ["First question?", "Other question?"].map((question) => play(script(), {}, {}, { question })),
    );
    const [a, b] = [one!, other!].map(({ requests }) => textOf(requests[0]!.messages.at(-1)!.content));
    const shared = [...a!].findIndex((sign, i) => sign !== b![i]);
    expect(a!.slice(shared)).toMatch(/^First question\?/);
  });
});

describe("ends", () => {
  test("an aborted signal ends the run as cancelled, with what there was", async () => {
    const controller = new AbortController();
    const decide: Policy = () => {
      controller.abort();
      return CALL;
    };
    const played = await play([at("creation", TOOL), at("decision", decide)], {}, { signal: controller.signal });
    expect(played.end.status).toBe("cancelled");
    expect(played.end.tool.name).toBe("add");
    expect(played.events.at(-2)).toMatchObject({ type: "transition", to: "Cancelled" });
  });

  test("a budget that is used up ends the run, and no call is made", async () => {
    const source = scripted([at("creation", TOOL)]);
    const llm = await openModels({ store: ":memory:", budget: { calls: 1 } });
    const end = await result(createTools({ model: llm.model(source), sandbox }, task));
    expect(end).toMatchObject({
      status: "budget_exceeded",
      failure: { code: "BUDGET_EXCEEDED" },
      tool: { name: "add" },
    });
    await llm.close();
  });

  test("a provider that refuses ends the run as failed, visible in the trajectory", async () => {
    const played = await play([{ reply: { error: { status: 400, message: "no such model" } } }]);
    expect(played.end).toMatchObject({ status: "failed", failure: { code: "MODEL_ERROR" } });
    expect(played.end.trajectory.steps).toHaveLength(1);
    expect(played.end.trajectory.steps[0]).toMatchObject({ kind: "model", failure: { code: "MODEL_ERROR" } });
  });

  test("a program that never ends is reported as that", async () => {
    const played = await play([at("creation", TOOL), at("decision", js("while (true);")), at("rectification", WHOLE)], {
      limits: { wallMs: 300 },
    });
    expect(textOf(played.requests[2]!.messages.at(-1)!.content)).toContain("ran longer than 300 ms");
    expect(played.end.status).toBe("done");
  });
});

describe("trajectories", () => {
  const script = () => [
    at("creation", js("function (")),
    at("creation", TOOL),
    at("decision", BROKEN),
    at("rectification", BROKEN),
    at("rectification", WHOLE),
  ];

  /** What is the same in every run: all but times. */
  const timeless = ({ steps, ...rest }: Trajectory) => ({
    ...rest,
    steps: steps.map(({ durationMs: _, ...step }) => step),
  });

  test("two runs of one task have the same trajectory and id", async () => {
    const [a, b] = [await play(script()), await play(script())];
    expect(timeless(a.end.trajectory)).toEqual(timeless(b.end.trajectory));
    expect(a.end.trajectory.id).toMatch(/^[0-9a-f]{64}$/);
  });

  test("a trajectory is JSON, and survives it", async () => {
    const { end } = await play(script());
    expect(JSON.parse(JSON.stringify(end.trajectory))).toEqual(end.trajectory);
  });

  test("a run that is resumed after any step asks only for what is missing and ends the same", async () => {
    const whole = await play(script());
    const { steps } = whole.end.trajectory;
    for (let count = 0; count <= steps.length; count++) {
      const resume = steps.slice(0, count);
      const asked = resume.filter(({ kind }) => kind === "model").length;
      const resumed = await play(script().slice(asked), {}, { resume });
      expect(timeless(resumed.end.trajectory)).toEqual(timeless(whole.end.trajectory));
      expect(resumed.requests).toHaveLength(5 - asked);
    }
  });

  test("steps of another task are refused", async () => {
    const { end } = await play(script());
    await expect(play([], {}, { resume: end.trajectory.steps }, { question: "Another?" })).rejects.toThrow(
      /another run/,
    );
  });

  test("every transition carries its step, and steps point at what they work on", async () => {
    const { events, end } = await play(script());
    const path = events.flatMap((event) => (event.type === "transition" ? [`${event.from}>${event.to}`] : []));
    expect(path).toEqual([
      "Idle>Creating",
      "Creating>Validating",
      "Validating>Creating",
      "Creating>Validating",
      "Validating>Deciding",
      "Deciding>Executing",
      "Executing>Rectifying",
      "Rectifying>Executing",
      "Executing>Rectifying",
      "Rectifying>Executing",
      "Executing>Extracting",
      "Extracting>Done",
    ]);
    const told = events.flatMap((event) =>
      event.type === "transition" && event.step !== undefined ? [event.step] : [],
    );
    expect(told).toEqual(end.trajectory.steps);
    expect(end.trajectory.steps.map(({ parent }) => parent)).toEqual([undefined, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("the first tries of a golden run", async () => {
    const { end } = await play([at("creation", TOOL), at("decision", BROKEN), at("rectification", WHOLE)]);
    const story = end.trajectory.steps.map((step) =>
      step.kind === "model"
        ? [step.stage, step.code]
        : step.kind === "run"
          ? [step.stage, step.stdout, step.failure?.message]
          : [],
    );
    expect(story).toEqual([
      ["creation", "/** Adds. */\nfunction add(a, b) { return a + b; }"],
      ["load-check", "", undefined],
      ["decision", 'console.log("Final Answer:", ad(2, 3));'],
      ["execution", "", "ReferenceError: 'ad' is not defined"],
      ["rectification", 'function add(a, b) { return a + b; }\nconsole.log("Final Answer:", add(2, 3));'],
      ["execution", "Final Answer: 5\n", undefined],
    ]);
  });
});

test.each([
  [{ roundz: 1 }, /unknown key "roundz"; is "rounds" meant/],
  [{ rounds: -1 }, /"rounds"/],
  [{ model: {} }, /must be a ChatModel/],
  [{ mode: "loyal" }, /"mode"/],
])("options that cannot be meant are refused before anything is asked: %o", async (options, message) => {
  await expect(play([], options as never)).rejects.toThrow(message);
});

test("a task without a question is refused", async () => {
  await expect(play([], {}, {}, { question: " " })).rejects.toThrow(/must hold a question/);
});
