import { type Json, type JsonObject, result } from "@cambium/base";
import { runEvaluation, type Solved, type Step } from "@cambium/evaluation";
import { describe, expect, test } from "vitest";
import { calls, scriptedModel } from "../../agent/agent.fixture.ts";
import { read } from "../benchmarks.fixture.ts";
import { goldTurns, judgeTurns, multiTurnGrader } from "./judge-turns.ts";
import { readPythonCall } from "./python-calls.ts";
import { type MultiTurnExpected, type MultiTurnTask, parseMultiTurn } from "./row.ts";
import { multiTurn } from "./solver.ts";
import { callWorld, createWorld } from "./world.ts";

const documents = Object.fromEntries(
  ["gorilla_file_system", "math_api", "message_api", "posting_api"].map((name) => [
    name,
    read(`multi_turn_func_doc/${name}.jsonl`),
  ]),
);
const rows = parseMultiTurn(read("multi_turn_base.jsonl", "multi_turn_base-sample.jsonl"), documents);
/** Time that stands still, so that ends can be compared. */
const still = { now: () => 0, elapsed: () => 0, after: () => () => {}, wait: async () => {} };
const expectedOf = (row: (typeof rows)[number]) => JSON.parse(row.answer) as MultiTurnExpected;

test("the right calls of every row work on the services here, but where the row means them to fail", () => {
  const failed = rows.flatMap((row) =>
    goldTurns(expectedOf(row)).flatMap(({ results }, turn) =>
      results.flatMap((told) =>
        told !== null && typeof told === "object" && "error" in told
          ? [`${row.id} ${turn}: ${JSON.stringify(told)}`]
          : [],
      ),
    ),
  );
  expect(failed).toEqual([]);
});

test("right turns pass; without the last call that changes or tells something, they do not", () => {
  for (const row of rows) {
    const expected = expectedOf(row);
    const right = goldTurns(expected);
    expect(judgeTurns(expected, right), row.id).toBeUndefined();
    const lazy = expected.gold.map((turn, i) => (i === expected.gold.length - 1 ? turn.slice(0, -1) : turn));
    expect(judgeTurns(expected, goldTurns({ ...expected, gold: lazy })), row.id).toMatchObject({
      turn: expected.gold.length - 1,
    });
    expect(judgeTurns(expected, right.slice(0, -1))).toMatchObject({ code: "missing_turn" });
  }
});

test("more calls than needed that only look are right, and changes are not", () => {
  const row = rows.find(({ id }) => id === "multi_turn_base_0")!;
  const expected = expectedOf(row);
  const more = (call: { name: string; input: JsonObject }) =>
    goldTurns({ ...expected, gold: [[...expected.gold[0]!, call], ...expected.gold.slice(1)] });
  expect(judgeTurns(expected, more({ name: "ls", input: {} }))).toBeUndefined();
  expect(judgeTurns(expected, more({ name: "touch", input: { file_name: "x" } }))).toMatchObject({
    code: "wrong_state",
    turn: 0,
  });
});

describe("an evaluation", () => {
  const some = rows.slice(0, 4);

  /** Plays the right calls of a row: one reply for each turn, then an answer. */
  const player = (row: (typeof rows)[number], turns = expectedOf(row).gold) =>
    turns.flatMap((turn) => [
      ...(turn.length === 0 ? [] : [{ reply: calls(...turn.map(({ name, input }) => [name, input] as const)) }]),
      { reply: "Done." },
    ]);

  test.each(some)("of the right calls is right, with the history of all turns: $id", async (row) => {
    const { model, requests } = await scriptedModel(player(row));
    const { summary } = await result(
      runEvaluation<MultiTurnTask>(multiTurn({ model }), [row], { grader: multiTurnGrader }),
    );
    expect(summary.accuracy["multi-turn"]).toMatchObject({ count: 1 });
    const said = requests
      .at(-1)!
      .messages.filter(({ role }) => role === "user")
      .map(({ content }) => content);
    expect(said).toEqual(row.turns);
  });

  test("of a model that does nothing is wrong", async () => {
    const { model } = await scriptedModel(() => "Done.");
    const { summary } = await result(
      runEvaluation<MultiTurnTask>(multiTurn({ model }), rows, { grader: multiTurnGrader }),
    );
    expect(summary).toMatchObject({ total: rows.length, accuracy: { "multi-turn": { count: 0 } } });
  });

  test("leaves a row open when the provider fails in the middle of it", async () => {
    const script = player(some[0]!).slice(0, 2);
    const { model } = await scriptedModel([...script, { reply: { error: { status: 503, message: "down" } } }]);
    expect(
      await result(runEvaluation<MultiTurnTask>(multiTurn({ model }), [some[0]!], { grader: multiTurnGrader })),
    ).toMatchObject({ open: 1 });
  });

  test("that was stopped anywhere resumes with its steps, asks nothing twice, and ends the same", async () => {
    const row = some.find(({ turns }) => turns.length > 1)!;
    const solve = async (script: Parameters<typeof scriptedModel>[0], resume: readonly Step[] = []) => {
      const { model, requests } = await scriptedModel(script);
      const steps: Step[] = [];
      const { question, turns, functions, state } = row;
      const solved = multiTurn({ model, clock: still }).solve({ question, turns, functions, state }, { resume });
      const end = await result(solved, (event) => event.type === "step" && steps.push(event.step));
      return { end: end as Solved, steps, asked: requests.length };
    };
    const script = player(row);
    const whole = await solve(script);
    const bare = (steps: readonly Step[]) =>
      steps.map((step) => [step.index, step.parent, step.kind === "tool" ? [step.call.name, step.text] : step.kind]);
    for (let count = 0; count <= whole.steps.length; count++) {
      const kept = whole.steps.slice(0, count);
      const replies = kept.filter(({ kind }) => kind === "model").length;
      const resumed = await solve(script.slice(replies), kept);
      expect(resumed.asked, `after ${count} steps`).toBe(script.length - replies);
      expect(resumed.end.answer).toBe(whole.end.answer);
      expect(bare(resumed.end.trajectory.steps)).toEqual(bare(whole.end.trajectory.steps));
    }
    const other = whole.steps.map((step) => (step.kind === "model" ? { ...step, promptHash: "x" } : step));
    await expect(solve(script, other)).rejects.toMatchObject({ code: "STATE" });
  });

  test("is not given what each row brings", () => {
    expect(() => multiTurn({ tools: [] } as never)).toThrow('its own "tools"');
  });
});

describe("the services", () => {
  const world = (services: string[], config: JsonObject = {}) => {
    const state = createWorld(services, config);
    return (name: string, input: object = {}) => callWorld(state, name, input as JsonObject);
  };
  const disk = {
    GorillaFileSystem: {
      root: {
        home: {
          type: "directory",
          contents: { "a.txt": { type: "file", content: "b\na\nc" }, sub: { type: "directory", contents: {} } },
        },
      },
    },
  };

  test("have files of one folder at a time, and no way out of it", () => {
    const call = world(["GorillaFileSystem"], disk);
    expect(call("pwd")).toEqual({ current_working_directory: "/home" });
    expect(call("sort", { file_name: "a.txt" })).toEqual({ sorted_content: "a\nb\nc" });
    expect(call("wc", { file_name: "a.txt", mode: "c" })).toEqual({ count: 5, type: "characters" });
    expect(call("cp", { source: "a.txt", destination: "sub" })).toEqual({ result: "'a.txt' copied to 'sub/a.txt'" });
    expect(call("find", { path: ".", name: "a.t" })).toEqual({ matches: ["./a.txt", "./sub/a.txt"] });
    expect(call("rmdir", { dir_name: "sub" })).toHaveProperty("error");
    for (const file_name of ["../x", "/etc/passwd", "__proto__", "constructor", ""]) {
      expect(call("cat", { file_name })).toHaveProperty("error");
    }
    expect(call("touch", { file_name: "../x" })).toHaveProperty("error");
    expect(call("cd", { folder: ".." })).toHaveProperty("error");
    expect(call("mv", { source: "sub", destination: "sub" })).toHaveProperty("error");
  });

  test("need a login before anything is sent or posted", () => {
    const call = world(["MessageAPI", "TwitterAPI"], { MessageAPI: {}, TwitterAPI: { username: "u", password: "p" } });
    expect(call("send_message", { receiver_id: "USR002", message: "x" })).toHaveProperty("error");
    expect(call("message_login", { user_id: "USR001" })).toMatchObject({ login_status: true });
    expect(call("send_message", { receiver_id: "USR002", message: "x" })).toMatchObject({ sent_status: true });
    expect(call("add_contact", { user_name: "Kelly" })).toMatchObject({ user_id: "USR005" });
    expect(call("view_messages_sent")).toEqual({ messages: { USR002: ["x"] } });
    expect(call("post_tweet", { content: "x" })).toHaveProperty("error");
    expect(call("authenticate_twitter", { username: "u", password: "wrong" })).toEqual({
      authentication_status: false,
    });
    expect(call("authenticate_twitter", { username: "u", password: "p" })).toEqual({ authentication_status: true });
    expect(call("post_tweet", { content: "Hi" })).toMatchObject({ id: 0, username: "u" });
    expect(call("comment", { tweet_id: 0, comment_content: "c" })).toHaveProperty("comment_status");
    expect(call("get_tweet_comments", { tweet_id: 0 })).toEqual({ comments: [{ username: "u", content: "c" }] });
  });

  test.each<[name: string, input: object, told: Json]>([
    ["logarithm", { value: 36, base: 6, precision: 4 }, { result: 2 }],
    ["standard_deviation", { numbers: [2, 4, 4, 4, 5, 5, 7, 9] }, { result: 2 }],
    ["si_unit_conversion", { value: 3, unit_in: "km", unit_out: "cm" }, { result: 300_000 }],
    ["imperial_si_conversion", { value: 2, unit_in: "ft", unit_out: "m" }, { result: 0.6096 }],
    ["square_root", { number: 2, precision: 3 }, { result: 1.41 }],
    ["percentage", { part: 1, whole: 8 }, { result: 12.5 }],
  ])("calculate: %s", (name, input, told) => {
    expect(world(["MathAPI"])(name, input)).toEqual(told);
  });

  test("tell what they cannot do", () => {
    const call = world(["MathAPI"]);
    for (const [name, input] of [
      ["divide", { a: 1, b: 0 }],
      ["mean", { numbers: [] }],
      ["mean", {}],
      ["logarithm", { value: -1, base: 2, precision: 3 }],
      ["no_such", {}],
    ] as const) {
      expect(call(name, input), name).toHaveProperty("error");
    }
    expect(() => createWorld(["GorilaFileSystem"], {})).toThrow('is "GorillaFileSystem" meant?');
  });
});

describe("calls of Python", () => {
  test("are read with literals of all kinds", () => {
    expect(readPythonCall(`f('it\\'s\\n', x=[1, -2.5e3, (True, None)], y={"a": 'b'}, )`)).toEqual({
      name: "f",
      positional: ["it's\n"],
      named: { x: [1, -2500, [true, null]], y: { a: "b" } },
    });
  });

  test.each(["f(", "f(x)", "f(1) + g(2)", "f(__import__('os'))", "", "f('a", "f(x=1"])("%j is none", (text) => {
    expect(() => readPythonCall(text)).toThrow(expect.objectContaining({ code: "FORMAT" }));
  });
});
