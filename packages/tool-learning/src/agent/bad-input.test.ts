/** Whatever a model, a tool, a provider or the disk does wrong is a typed outcome in the trajectory, and nothing is lost. */
import { result } from "@cambium/base";
import { memoryResults, type Results } from "@cambium/evaluation";
import { type ChatModel, type Clock, openai, openModels, type Policy, startServer } from "@cambium/llm";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { defineTool } from "../tools/define-tool.ts";
import { ToolError } from "../tools/failure.ts";
import type { ToolDefinition } from "../tools/tool.ts";
import { add, calls, outline, play, scriptedModel } from "./agent.fixture.ts";
import type { AgentBudget } from "./budget.ts";
import { real, virtual } from "./environment.ts";
import { dfsdt } from "./planners/dfsdt.ts";
import { react } from "./planners/react.ts";
import { runAgent } from "./run-agent.ts";

const answer = (text: string) => ({ reply: text });

/** A tool without arguments. */
const tool = (run: ToolDefinition<object, unknown>["run"], more: Partial<ToolDefinition<object, unknown>> = {}) =>
  defineTool<object, unknown>({
    name: "probe",
    description: "Probes.",
    input: z.strictObject({}),
    effects: "reads",
    run,
    ...more,
  });

describe("calls of a model", () => {
  test.each([
    ["that are no JSON", "{a: 1", "INVALID_ARGS", "no JSON"],
    ["that are a list", "[1]", "INVALID_ARGS", "must be a JSON object, got a list"],
    ["that are null", "null", "INVALID_ARGS", "got null"],
    ["that lack a field", '{"a":1}', "INVALID_ARGS", '"b"'],
    ["that have a field too many", '{"a":1,"b":2,"c":3}', "INVALID_ARGS", '"c"'],
    ["that set a prototype", '{"a":1,"b":2,"__proto__":{"x":1}}', "INVALID_ARGS", "__proto__"],
    [
      "that nest without end",
      `{"a":${"[".repeat(5000)}1${"]".repeat(5000)},"b":1}`,
      "INVALID_ARGS",
      "nest deeper than 100",
    ],
  ])("with arguments %s are refused, and the model may correct them", async (_, given, code, message) => {
    const played = await play(
      [{ reply: calls(["add", given]) }, { reply: calls(["add", { a: 1, b: 2 }]) }, answer("3")],
      { tools: [add] },
    );
    expect(played.tools[0]).toMatchObject({
      failure: { code, message: expect.stringContaining(message) },
      call: { arguments: given },
    });
    expect(played.requests[1]!.messages.at(-1)).toMatchObject({
      content: [{ isError: true, output: expect.stringContaining(code) }],
    });
    expect(played.end).toMatchObject({ status: "done", firstTry: false });
  });

  test.each([
    ["ad", 'the nearest are "add"'],
    ["", "there are add"],
    ["constructor", "there are add"],
    ["add ", 'the nearest are "add"'],
  ])("of the unknown tool %j come with what there is", async (name, hint) => {
    const played = await play([{ reply: calls([name, {}]) }, answer("no")], { tools: [add] });
    expect(played.tools[0]).toMatchObject({
      failure: { code: "UNKNOWN_TOOL", message: expect.stringContaining(hint) },
    });
  });

  test("of one id are made once", async () => {
    const played = await play(
      [{ reply: calls(["add", { a: 1, b: 1 }, "x"], ["add", { a: 1, b: 1 }, "x"]) }, answer("2")],
      { tools: [add] },
    );
    expect(outline(played.steps)).toBe("react add add!DUPLICATE_ID react");
    const [reply, results] = played.requests[1]!.messages.slice(-2) as unknown as [
      { content: { id: string }[] },
      { content: { id: string }[] },
    ];
    expect(reply.content.map(({ id }) => id)).toEqual(["x", "x-2"]);
    expect(results.content.map(({ id }) => id)).toEqual(["x", "x-2"]);
  });

  test("whose ids begin again with each reply, as some servers count, are all made", async () => {
    const played = await play(
      [
        { reply: calls(["add", { a: 1, b: 1 }, "call_0"]) },
        { reply: calls(["add", { a: 2, b: 2 }, "call_0"]) },
        answer("4"),
      ],
      { tools: [add] },
    );
    expect(outline(played.steps)).toBe("react add react add react");
    const ids = played.requests[2]!.messages.flatMap((message) =>
      message.role === "tool" ? message.content.map(({ id }) => id) : [],
    );
    expect(ids).toEqual(["call_0", "call_0-2"]);
  });

  test("that give the same result again and again are a loop: the model is asked for an answer, and the run ends", async () => {
    const again = { reply: calls(["add", { a: 1, b: 1 }]), times: 4 };
    const played = await play([again, { when: { stage: "react-last" }, reply: "2" }], { tools: [add] });
    expect(outline(played.steps)).toBe("react add react add react add react add!LOOP_DETECTED react-last");
    const stubborn = await play([again, { when: { stage: "react-last" }, reply: "" }], { tools: [add] });
    expect(stubborn.end).toMatchObject({ status: "failed", failure: { code: "LOOP_DETECTED" } });
  });

  test("of a tool that is polled are made for as long as the budget lasts", async () => {
    let asked = 0;
    const job = tool(() => (++asked < 6 ? "under way" : "done"), { polled: true });
    const played = await play([{ reply: calls(["probe", {}]), times: 6 }, answer("done")], { tools: [job] });
    expect(played.end).toMatchObject({ status: "done", answer: "done" });
    const endless = tool(() => "under way", { polled: true });
    const spent = await play([{ reply: calls(["probe", {}]), times: 6 }], {
      ...{ tools: [endless], budget: { toolCalls: 5 } },
    });
    expect(spent.tools.filter(({ failure }) => failure === undefined)).toHaveLength(5);
    expect(spent.end).toMatchObject({ status: "budget_exceeded" });
  });

  test("that come back to a place between others that tell something new are no loop", async () => {
    const walk = [1, 2, 3, 4].flatMap((b) => [
      { reply: calls(["add", { a: 0, b: 0 }]) },
      { reply: calls(["add", { a: 1, b }]) },
    ]);
    const played = await play([...walk, { reply: calls(["add", { a: 0, b: 0 }]) }, { reply: "done" }], {
      tools: [add],
    });
    expect(played.end).toMatchObject({ status: "done", answer: "done" });
    expect(played.tools.every(({ failure }) => failure === undefined)).toBe(true);
    const turning = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1].map((b) => ({ reply: calls(["add", { a: 0, b }]) }));
    const turned = await play([...turning.slice(0, 8), { when: { stage: "react-last" }, reply: "round" }], {
      tools: [add],
    });
    expect(outline(turned.steps)).toContain("LOOP_DETECTED");
  });

  test("beyond a tool's own limit are not made", async () => {
    const once = tool(() => 1, { limits: { calls: 1 } });
    const played = await play([{ reply: calls(["probe", {}], ["probe", {}]) }, answer("1")], { tools: [once] });
    expect(outline(played.steps)).toBe("react probe probe!CALL_LIMIT react");
  });
});

describe("results of a tool", () => {
  test.each([
    [
      "that contain themselves",
      () => {
        const a: unknown[] = [];
        a.push(a);
        return a;
      },
      "OUTPUT_INVALID",
    ],
    ["that are bytes", () => new Uint8Array(10), "OUTPUT_INVALID"],
    ["that are far too long", () => "x".repeat(1e6), "OUTPUT_TOO_LARGE"],
    [
      "that throw when they are read",
      () => ({
        get a() {
          throw new Error("no");
        },
      }),
      "OUTPUT_INVALID",
    ],
    ["that are functions", () => () => 1, "OUTPUT_INVALID"],
    ["that are promises of errors", () => Promise.reject(new Error("no")), "TOOL_ERROR"],
  ])("%s are a failure, and the run goes on", async (_, run, code) => {
    const played = await play([{ reply: calls(["probe", {}]) }, answer("no")], { tools: [tool(run)] });
    expect(played.tools[0]).toMatchObject({ failure: { code } });
    expect(played.end.status).toBe("done");
  });

  test("that never come end when the tool's time is up", async () => {
    const stuck = tool(() => new Promise(() => {}), { limits: { timeoutMs: 5 } });
    const played = await play([{ reply: calls(["probe", {}]) }, answer("no")], { tools: [stuck], retries: 0 });
    expect(played.tools[0]).toMatchObject({ failure: { code: "TOOL_TIMEOUT" } });
  });

  test("of a busy service are asked for again, where that is safe, and count as calls", async () => {
    const waits: number[] = [];
    const clock: Clock = {
      now: () => 0,
      elapsed: () => 0,
      after: () => () => {},
      wait: async (ms) => void waits.push(ms),
    };
    let tries = 0;
    const busy = (effects: "reads" | "writes") =>
      tool(
        () => {
          tries += 1;
          if (tries < 3) throw new ToolError({ message: "busy", code: "UNAVAILABLE" });
          return "at last";
        },
        { effects },
      );
    const played = await play([{ reply: calls(["probe", {}]) }, answer("ok")], { tools: [busy("reads")], clock });
    expect(played.tools[0]).toMatchObject({ value: "at last", tries: 3 });
    expect(waits[0]).toBeGreaterThanOrEqual(250);
    expect(waits[1]).toBeGreaterThanOrEqual(500);
    tries = 0;
    const once = await play([{ reply: calls(["probe", {}]) }, answer("no")], { tools: [busy("writes")], clock });
    expect(once.tools[0]).toMatchObject({ failure: { code: "UNAVAILABLE" } });
    expect(tries).toBe(1);
  });

  test("of a service that is down are not asked for for ever", async () => {
    let tries = 0;
    const down = tool(() => {
      tries += 1;
      throw new ToolError({ message: `down ${tries}`, code: "UNAVAILABLE" });
    });
    const played = await play([{ reply: calls(["probe", {}]), times: 5 }, answer("no")], { tools: [down], retries: 0 });
    expect(tries).toBe(3);
    expect(played.tools.at(-1)).toMatchObject({ failure: { message: expect.stringContaining("left alone") } });
  });
});

describe("an environment", () => {
  const write = (name: string, run: ToolDefinition<object, unknown>["run"]) => tool(run, { name, effects: "writes" });

  test("whose state a tool makes unkeepable is undone, and the run goes on", async () => {
    const broken = write("probe", (_, { state }) => {
      (state as { f: unknown }).f = () => 1;
      return "ok";
    });
    const environment = virtual({ state: () => ({ n: 1 }) });
    const played = await play([{ reply: calls(["probe", {}]) }, answer("no")], { tools: [broken], environment });
    expect(played.tools[0]).toMatchObject({
      failure: { code: "OUTPUT_INVALID", message: expect.stringContaining("was undone") },
    });
    expect(played.end.state).toEqual({ n: 1 });
  });

  test("that cannot be undone when it has to be ends the run", async () => {
    const fails = write("probe", () => {
      throw new Error("no");
    });
    const restore = () => Promise.reject(new Error("gone"));
    const environment = real({ snapshot: () => 1, restore, undoes: ["probe"] });
    const played = await play([{ reply: calls(["probe", {}]) }], { tools: [fails], environment });
    expect(played.end).toMatchObject({
      status: "failed",
      failure: { code: "STATE", message: expect.stringContaining("gone") },
    });
  });

  test("whose first state is no JSON is refused before anything is asked", async () => {
    const environment = virtual({ state: () => ({ f: () => 1 }) });
    await expect(play([], { environment })).rejects.toMatchObject({ code: "CONFIG" });
  });
});

describe("the provider", () => {
  test.each([
    [401, "UNAUTHORIZED"],
    [403, "FORBIDDEN"],
    [400, "MODEL_ERROR"],
    [429, "RATE_LIMITED"],
    [500, "UNAVAILABLE"],
  ])("that answers %i ends the run as %s; resumed, it goes on where it was", async (status, code) => {
    const first = { reply: calls(["add", { a: 1, b: 2 }]) };
    const failed = await play([first, { reply: { error: { status, message: "no" } } }], { tools: [add] });
    expect(failed.end).toMatchObject({ status: "failed", failure: { code } });
    expect(outline(failed.steps)).toBe("react add react");
    expect(failed.steps.at(-1)).toMatchObject({ kind: "model", failure: { code } });
    const resumed = await play([answer("3")], { tools: [add] }, undefined, { resume: failed.steps });
    expect(resumed.end).toMatchObject({ status: "done", answer: "3" });
  });

  /** A real server of OpenAI's format on this machine, with faults. */
  async function served(policy: Policy, faults: Parameters<typeof startServer>[0]["faults"]): Promise<ChatModel> {
    const server = await startServer({ models: { local: policy }, ...(faults === undefined ? {} : { faults }) });
    const llm = await openModels({ store: ":memory:", retries: 1, random: () => 0 });
    onTestFinished(async () => {
      await llm.close();
      await server.close();
    });
    return llm.model(openai("local", { baseURL: server.baseURL }));
  }

  const adder: Policy = ({ messages }) => (messages.at(-1)!.role === "tool" ? "three" : calls(["add", { a: 1, b: 2 }]));

  test("is asked over the wire, tools and results included", async () => {
    const model = await served(adder, undefined);
    const end = await result(runAgent({ model, tools: [add] }, { instruction: "Add." }));
    expect(end).toMatchObject({ status: "done", answer: "three" });
    expect(outline(end.trajectory.steps)).toBe("react add react");
  });

  test.each([
    ["hangs up", { type: "body", body: "" } as const, "MODEL_FORMAT"],
    ["sends half a reply", { type: "body", body: '{"choices":[{"mess' } as const, "MODEL_FORMAT"],
    ["sends a web page", { type: "body", body: "<html>", contentType: "text/html" } as const, "MODEL_FORMAT"],
    ["is not there", { type: "status", status: 404 } as const, "MODEL_ERROR"],
  ])("that %s ends the run with the failure of its kind, after what was done", async (_, fault, code) => {
    const model = await served(adder, ({ index }) => (index === 0 ? undefined : fault));
    const end = await result(runAgent({ model, tools: [add] }, { instruction: "Add." }));
    expect(end).toMatchObject({ status: "failed", failure: { code } });
    expect(end.trajectory.steps[1]).toMatchObject({ value: 3 });
  });
});

describe("time, disk and budget", () => {
  test("a clock that jumps changes no outcome, and no step lasts less than nothing", async () => {
    let now = 1e12;
    let elapsed = 0;
    const clock: Clock = {
      now: () => {
        now -= 1e11;
        return now;
      },
      elapsed: () => {
        elapsed -= 5;
        return elapsed;
      },
      after: () => () => {},
      wait: async () => {},
    };
    const played = await play([{ reply: calls(["add", { a: 1, b: 2 }]) }, answer("3")], {
      tools: [add],
      clock,
      budget: { wallMs: 1000 },
    });
    expect(played.end.status).toBe("done");
    for (const { durationMs } of played.tools) expect(durationMs).toBe(0);
  });

  test.each([0, 1, 2])(
    "a disk that is full after %i steps ends the run, and its trajectory has what was done",
    async (room) => {
      const kept = memoryResults();
      let lines = 0;
      const full: Results = {
        ...kept,
        append: async (line) => {
          if (lines++ >= room) throw Object.assign(new Error("the disk is full"), { code: "FILE" });
          return kept.append(line);
        },
      };
      const { model } = await scriptedModel([{ reply: calls(["add", { a: 1, b: 2 }]) }, answer("3")]);
      const end = await result(runAgent({ model, tools: [add], journal: full }, { instruction: "Add." }));
      expect(end).toMatchObject({
        status: "failed",
        failure: { code: "FILE", message: expect.stringContaining("disk is full") },
      });
      expect(end.trajectory.steps).toHaveLength(room + 1);
      const { model: again, finish } = await scriptedModel(room < 2 ? [answer("3")] : []);
      const { steps } = end.trajectory;
      const resumed = await result(
        runAgent({ model: again, tools: [add] }, { instruction: "Add." }, { resume: steps }),
      );
      finish();
      expect(resumed).toMatchObject({ status: "done", answer: "3" });
    },
  );

  test("a run that is stopped during a call ends as cancelled, and the call is made again when it is resumed", async () => {
    const stop = new AbortController();
    let tries = 0;
    const slow = tool((_, { signal }) => {
      if (tries++ > 0) return "done";
      stop.abort();
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    });
    const stopped = await play([{ reply: calls(["probe", {}]) }], { tools: [slow] }, undefined, {
      signal: stop.signal,
    });
    expect(stopped.end).toMatchObject({ status: "cancelled", failure: { code: "CANCELLED" } });
    const resumed = await play([answer("ok")], { tools: [slow] }, undefined, { resume: stopped.steps });
    expect(resumed.end.status).toBe("done");
    expect(resumed.tools[0]!.value).toBe("done");
  });

  test("a run ends when its time is up, even during a call that never settles", async () => {
    const stuck = tool(() => new Promise(() => {}));
    const played = await play([{ reply: calls(["probe", {}]) }], { tools: [stuck], budget: { wallMs: 20 } });
    expect(played.end).toMatchObject({ status: "budget_exceeded", failure: { code: "BUDGET_EXCEEDED" } });
  });

  test("tokens are refused before a request that may exceed them", async () => {
    const played = await play([], { tools: [add], budget: { tokens: 100 } });
    expect(played.end).toMatchObject({
      status: "budget_exceeded",
      failure: { message: expect.stringContaining("tokens") },
    });
  });

  test("no budget is ever exceeded, whatever the model does", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: 8 }),
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 20, maxLength: 20 }),
        fc.boolean(),
        async (modelCalls, toolCalls, choices, isSearch) => {
          let asked = 0;
          let called = 0;
          const counted = defineTool({
            ...add,
            name: "add",
            limits: {},
            run: (given: { a: number; b: number }) => {
              called += 1;
              return given.a + given.b;
            },
          });
          const { model } = await scriptedModel(({ toolChoice }) => {
            const choice = choices[asked++ % choices.length]!;
            if (choice === 0) return "";
            if (choice === 1)
              return calls(["add", { a: asked, b: 1 }], ["add", { a: asked, b: 2 }], ["add", { a: asked, b: 3 }]);
            if (choice === 2) return toolChoice === "none" ? "the end" : calls(["add", { a: "x" }]);
            if (choice === 3 && isSearch) return calls(["give_up", { reason: `${asked}` }]);
            return calls(["add", { a: 1, b: 1 }]);
          });
          const budget: AgentBudget = { modelCalls, toolCalls };
          const planner = isSearch ? dfsdt({ depth: 3 }) : react({ turns: 10 });
          const end = await result(runAgent({ model, tools: [counted], budget, planner }, { instruction: "Add." }));
          expect(asked).toBeLessThanOrEqual(modelCalls);
          expect(called).toBeLessThanOrEqual(toolCalls);
          expect(end.status === "done").toBe(end.answer !== undefined);
          if (end.status !== "done") expect(end.failure).toBeDefined();
        },
      ),
      { numRuns: 30, seed: 3 },
    );
  });
});
