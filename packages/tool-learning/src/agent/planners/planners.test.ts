import { quickjs, type Sandbox } from "@cambium/sandbox";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { defineTool } from "../../tools/define-tool.ts";
import { toolSet } from "../../tools/tool-set.ts";
import { add, calls, type House, house, lookAtLamps, outline, play, switchLamp } from "../agent.fixture.ts";
import { real } from "../environment.ts";
import { dfsdt } from "./dfsdt.ts";
import { readPlan, resolve, wavesOf } from "./plan.ts";
import { planFirst } from "./plan-first.ts";
import { program } from "./program.ts";
import { react } from "./react.ts";

const answer = (text: string) => ({ reply: text });

/** Goes one way of a maze; each place has ways 0 and 1. */
const go = defineTool({
  name: "go",
  description: "Takes a way.",
  input: z.strictObject({ way: z.int() }),
  effects: "none",
  run: ({ way }) => `you took way ${way}`,
});

describe("react", () => {
  test("asks for the answer when its turns are over", async () => {
    const played = await play(
      [
        { reply: calls(["add", { a: 1, b: 1 }]) },
        { reply: calls(["add", { a: 1, b: 2 }]) },
        { when: { stage: "react-last" }, reply: "2 and 3" },
      ],
      { tools: [add], planner: react({ turns: 3 }) },
    );
    expect(played.end).toMatchObject({ status: "done", answer: "2 and 3" });
    expect(played.requests[2]!.toolChoice).toBe("none");
  });
});

describe("dfsdt", () => {
  test("asks what react asks when nothing is taken back", async () => {
    const script = [{ reply: calls(["go", { way: 0 }]) }, { reply: calls(["go", { way: 1 }]) }, answer("out")];
    const one = await play(script, { tools: [go], planner: react() });
    const other = await play(script, { tools: [go], planner: dfsdt() });
    expect(other.requests).toHaveLength(one.requests.length);
    expect(other.requests.map(({ messages }) => messages)).toEqual(one.requests.map(({ messages }) => messages));
  });

  /** A model in a maze of depth 3 that takes way 0 first, and another when asked for one. Only `goal` leads out. */
  const walker =
    (goal: string) =>
    ({ messages }: { readonly messages: readonly { role: string; content: unknown }[] }) => {
      const way = [...JSON.stringify(messages).matchAll(/you took way (\d)/g)].length;
      const path = messages.flatMap((message) =>
        message.role === "tool" ? [/way (\d)/.exec(JSON.stringify(message))![1]!] : [],
      );
      expect(way).toBeGreaterThanOrEqual(path.length);
      if (path.length === 3) return path.join("") === goal ? "out" : calls(["give_up", { reason: "a wall" }]);
      const last = messages.at(-1)!;
      const isOther = last.role === "user" && JSON.stringify(last.content).includes("led nowhere");
      return calls(["go", { way: isOther ? 1 : 0 }]);
    };

  // Counted by hand. A path costs a request for each of its 3 choices and one at its end. A path that is given up goes back 2
  // levels from its end, to the last choice: 001 costs 2 more than 000, 010 then 3 more, 100 then 2 + 4 more. Going back 3
  // levels skips the other way of the last choice.
  test.each([
    ["000", 2, 4],
    ["001", 2, 6],
    ["010", 2, 9],
    ["100", 2, 15],
    ["110", 2, 20],
    ["010", 3, 7],
  ])("finds the planted path %s going back %i levels in %i requests", async (goal, backAfterGiveUp, requests) => {
    const played = await play(walker(goal) as never, { tools: [go], planner: dfsdt({ backAfterGiveUp }) });
    expect(played.end).toMatchObject({ status: "done", answer: "out" });
    expect(played.requests).toHaveLength(requests);
  });

  test("ends with the path that got furthest when every way was tried, within its turns", async () => {
    const played = await play(walker("none") as never, { tools: [go], planner: dfsdt({ depth: 6 }) });
    expect(played.end).toMatchObject({
      status: "failed",
      failure: { code: "GAVE_UP", message: expect.stringContaining("a wall") },
    });
    expect(played.steps[played.end.trajectory.leaf!]).toMatchObject({ call: { name: "give_up" } });
    const few = await play(walker("none") as never, { tools: [go], planner: dfsdt({ depth: 6, turns: 6 }) });
    expect(few.requests).toHaveLength(6);
  });

  /** Switches the wrong lamp, gives up, then the right one. */
  const script = [
    { reply: calls(["switch_lamp", { room: "hall", to: "on" }]) },
    { reply: calls(["give_up", { reason: "the wrong lamp" }]) },
    { reply: calls(["switch_lamp", { room: "kitchen", to: "on" }]) },
    { reply: calls(["look_at_lamps", {}]) },
    answer("the kitchen is lit"),
  ];

  test("undoes what a path did before it takes another", async () => {
    const options = { tools: [switchLamp, lookAtLamps], environment: house, planner: dfsdt() };
    const played = await play(script, options);
    expect(played.end).toMatchObject({
      status: "done",
      state: { lamps: { hall: "off", kitchen: "on" }, log: ["kitchen on"] },
    });
    expect(played.events.find(({ type }) => type === "backtrack")).toMatchObject({ reason: "the wrong lamp" });
    expect(played.steps.map(({ parent }) => parent)).toEqual([undefined, 0, 1, 2, undefined, 4, 5, 6, 7]);
  });

  test("does not go back behind what cannot be undone", async () => {
    const state: House = { lamps: { hall: "off", kitchen: "off" }, log: [] };
    const options = { tools: [switchLamp, lookAtLamps], environment: real({ state }), planner: dfsdt() };
    const played = await play(script.slice(0, 2), options);
    expect(played.end).toMatchObject({
      status: "failed",
      failure: { code: "GAVE_UP", message: expect.stringContaining("cannot be undone") },
    });
    expect(state.log).toEqual(["hall on"]);
  });
});

describe("a plan", () => {
  const tools = toolSet([add, go]);
  const plan = (...steps: object[]) => readPlan(JSON.stringify({ steps }), tools);
  const from = (id: string, path?: string) => ({ $from: id, ...(path === undefined ? {} : { path }) });

  test.each([
    ["is no JSON", readPlan("first I add", tools), "one JSON object"],
    ["has a step without an id", plan({ tool: "add" }), "steps[0] has no id"],
    ["has two steps of one id", plan({ id: "a", tool: "add" }, { id: "a", tool: "add" }), 'two steps have the id "a"'],
    ["calls an unknown tool", plan({ id: "a", tool: "ad" }), 'is "add" meant?'],
    [
      "takes a result that is not there",
      plan({ id: "sum", tool: "add", arguments: { a: from("sun") } }, { id: "b", tool: "add" }),
      'is "sum" meant?',
    ],
    ["refers to itself", plan({ id: "a", tool: "add", arguments: { a: from("a") } }), "wait for each other: a → a"],
    [
      "goes in a circle",
      plan(
        { id: "a", tool: "add", arguments: { a: from("c") } },
        { id: "b", tool: "add", arguments: { a: from("a") } },
        { id: "c", tool: "add", arguments: { a: [from("b")] } },
      ),
      "a → c → b → a",
    ],
    ["is too long", plan(...Array.from({ length: 101 }, (_, i) => ({ id: `${i}`, tool: "add" }))), "100 are the most"],
  ])("that %s is refused as a whole", (_, read, problem) => {
    expect(read).toEqual({ problem: expect.stringContaining(problem) });
  });

  test("runs in waves, each after the results it needs", () => {
    const read = plan(
      { id: "c", tool: "add", arguments: { a: from("a"), b: from("b") } },
      { id: "a", tool: "add" },
      { id: "b", tool: "add", arguments: { a: from("a") } },
    );
    if ("problem" in read) throw new Error(read.problem);
    expect(wavesOf(read.steps).map((wave) => wave.map(({ id }) => id))).toEqual([["a"], ["b"], ["c"]]);
  });

  test("takes results by path", () => {
    const results = new Map([["a", { films: [{ name: "M" }] }]]);
    expect(resolve({ x: [from("a", "films[0].name"), 1], y: from("a", "films.0") }, results)).toEqual({
      value: { x: ["M", 1], y: { name: "M" } },
    });
    expect(resolve(from("a", "films.1"), results)).toEqual({ problem: 'the result of "a" has nothing at "films.1"' });
    expect(resolve(from("a", "constructor"), results)).toMatchObject({ problem: expect.anything() });
  });

  test("takes two requests, however many calls it makes", async () => {
    const steps = [
      { id: "a", tool: "add", arguments: { a: 1, b: 2 } },
      { id: "b", tool: "add", arguments: { a: 10, b: 20 } },
      { id: "c", tool: "add", arguments: { a: from("a"), b: from("b") } },
    ];
    const played = await play(
      [
        { when: { stage: "plan" }, reply: JSON.stringify({ steps }) },
        { when: { stage: "answer" }, reply: "33" },
      ],
      { tools: [add], planner: planFirst() },
    );
    expect(played.tools.map(({ value }) => value)).toEqual([3, 30, 33]);
    expect(played.end.answer).toBe("33");
  });

  test("that failed is replaced by another that knows the results, and what needed a lost result is left out", async () => {
    const steps = [
      { id: "a", tool: "add", arguments: { a: 1 } },
      { id: "b", tool: "add", arguments: { a: from("a"), b: 1 } },
    ];
    const better = [{ id: "a", tool: "add", arguments: { a: 1, b: 1 } }];
    const played = await play(
      [
        { reply: JSON.stringify({ steps }) },
        { when: { content: "one JSON object" }, reply: JSON.stringify({ steps: better }) },
        answer("2"),
      ],
      { tools: [add], planner: planFirst() },
    );
    expect(outline(played.steps)).toBe("plan add!INVALID_ARGS plan add answer");
    const told = JSON.stringify(played.requests[1]!.messages);
    expect(told).toContain("not made, for");
  });

  test("that stays none is a failure of its own kind", async () => {
    const played = await play([{ reply: "no plan", times: 3 }], { tools: [add], planner: planFirst() });
    expect(played.end).toMatchObject({ status: "failed", failure: { code: "PLAN_INVALID" } });
  });
});

describe("program", () => {
  let sandbox: Sandbox;
  beforeAll(() => {
    sandbox = quickjs();
  });
  afterAll(() => sandbox.close());
  const js = (code: string) => ({ reply: `\`\`\`js\n${code}\n\`\`\`` });

  test("calls tools from code, each call a step below the run", async () => {
    const played = await play(
      [
        js("let sum = 0;\nfor (const n of [1, 2, 3]) sum = await add({ a: sum, b: n });\nconsole.log(sum);"),
        answer("6"),
      ],
      { tools: [add], planner: program({ sandbox }) },
    );
    expect(outline(played.steps)).toBe(
      "program program add add add program"
        .replace("program program", "program")
        .replace("add add add", "program add add add"),
    );
    const run = played.steps.find(({ kind }) => kind === "run")!;
    expect(run).toMatchObject({ stdout: "6\n" });
    expect(played.tools.map(({ parent, value }) => [parent, value])).toEqual([
      [run.index, 1],
      [run.index, 3],
      [run.index, 6],
    ]);
    expect(played.end.answer).toBe("6");
  });

  test("passes the gate: what is refused throws in the program, which may catch it", async () => {
    const code = 'try { await add({ a: 1, b: "x" }); } catch (error) { console.log(error.message); }';
    const played = await play([js(code), answer("ok")], { tools: [add], planner: program({ sandbox }) });
    expect(played.tools[0]).toMatchObject({ failure: { code: "INVALID_ARGS" } });
    expect(played.steps.find(({ kind }) => kind === "run")).toMatchObject({
      stdout: expect.stringContaining("INVALID_ARGS: add:"),
    });
  });

  test("that needs a decision suspends the run, and resumes within the program", async () => {
    const shred = defineTool({
      name: "shred",
      description: "Shreds.",
      input: z.strictObject({ file: z.string() }),
      run: ({ file }) => `${file} is gone`,
    });
    const code = "const sum = await add({ a: 1, b: 1 });\nreturn [sum, await shred({ file: 'a' })];";
    const options = { tools: [add, shred], planner: program({ sandbox }) };
    const suspended = await play([js(code)], options);
    expect(suspended.end).toMatchObject({ status: "suspended", failure: { code: "APPROVAL_REQUIRED" } });
    const resumed = await play([answer("done")], { ...options, approve: () => true }, undefined, {
      resume: suspended.steps,
    });
    expect(resumed.end.answer).toBe("done");
    expect(resumed.steps.find(({ kind }) => kind === "run")).toMatchObject({ stdout: '=> [2,"a is gone"]\n' });
  });

  test("that fails is shown with its error, and the next one may do better", async () => {
    const played = await play(
      [
        js("return await ad({});"),
        { when: { content: "The program failed." }, reply: js("return 2;").reply },
        answer("2"),
      ],
      { tools: [add], planner: program({ sandbox }) },
    );
    expect(played.steps[1]).toMatchObject({ kind: "run", failure: { code: "GUEST_ERROR" } });
    expect(played.end.answer).toBe("2");
  });
});
