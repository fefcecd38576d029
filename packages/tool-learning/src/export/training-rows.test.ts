import { describe, expect, test } from "vitest";
import { add, calls, house, play, switchLamp } from "../agent/agent.fixture.ts";
import { dfsdt } from "../agent/planners/dfsdt.ts";
import { preferenceRows, trainingRow } from "./training-rows.ts";

const linear = () =>
  play(
    [
      { reply: calls(["add", { a: 1 }]) },
      { reply: { text: "Now both.", ...calls(["add", { a: 1, b: 2 }, "x"], ["add", { a: 3, b: 4 }, "x"]) } },
      { reply: "3 and 7." },
    ],
    { tools: [add] },
    "Add 1 and 2, and 3 and 4.",
  );

const search = () =>
  play(
    [
      { reply: calls(["switch_lamp", { room: "hall", to: "on" }]) },
      { reply: calls(["give_up", { reason: "the wrong lamp" }]) },
      { reply: calls(["switch_lamp", { room: "kitchen", to: "on" }]) },
      { reply: "The kitchen is lit." },
    ],
    { tools: [switchLamp], environment: house, planner: dfsdt() },
    "Light the kitchen.",
  );

describe("a row", () => {
  test("has what was said, call by call, and learns what the model said and what went well", async () => {
    const { end } = await linear();
    const row = trainingRow(end.trajectory, { tools: [add], system: "You add." })!;
    const outline = row.messages.map(({ role, content, train, tool_calls, tool_call_id }) => [
      role,
      content.slice(0, 12),
      train,
      tool_call_id ?? tool_calls?.map(({ id }) => id),
    ]);
    expect(outline).toEqual([
      ["system", "You add.", false, undefined],
      ["user", "Add 1 and 2,", false, undefined],
      ["assistant", "", false, ["call_0_0"]],
      ["tool", "INVALID_ARGS", false, "call_0_0"],
      ["assistant", "Now both.", true, ["call_2_0", "call_2_1"]],
      ["tool", "3", false, "call_2_0"],
      ["tool", expect.any(String), false, "call_2_1"],
      ["assistant", "3 and 7.", true, undefined],
    ]);
    expect(row.tools).toEqual([
      { type: "function", function: { name: "add", description: add.description, parameters: add.inputSchema } },
    ]);
    expect(row.messages[4]!.tool_calls![0]!.function).toEqual({ name: "add", arguments: '{"a":1,"b":2}' });
  });

  test("may learn failures, and has every text redacted", async () => {
    const { end } = await linear();
    const row = trainingRow(end.trajectory, { failures: true, redact: (text) => text.replaceAll(/\d/g, "#") })!;
    expect(row.messages.filter(({ role }) => role === "assistant").every(({ train }) => train)).toBe(true);
    expect(
      JSON.stringify(
        row.messages.map(({ content, tool_calls }) => [content, tool_calls?.map((call) => call.function.arguments)]),
      ),
    ).not.toMatch(/\d/);
  });

  test("of a search holds the path to the answer only", async () => {
    const { end } = await search();
    const row = trainingRow(end.trajectory)!;
    expect(row.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant"]);
    expect(JSON.stringify(row)).not.toContain("hall");
  });

  test("for the runs of an agent has their system message, commands and tools", async () => {
    const { end, requests } = await linear();
    const agent = { model: { outcome: () => {} } as never, tools: [add] };
    const row = trainingRow(end.trajectory, { agent })!;
    const asked = requests[0]!;
    expect(row.messages[0]).toEqual({ role: "system", content: asked.messages[0]!.content, train: false });
    expect(row.tools.map((tool) => ({ ...tool.function }))).toEqual(asked.tools);
    const told = trainingRow(end.trajectory, {
      agent: { ...agent, system: "Be brief.", words: { role: "You add." } },
    })!;
    expect(told.messages[0]!.content).toMatch(/^You add\.[\s\S]*Be brief\.$/);
    expect(() => trainingRow(end.trajectory, { agent, system: "x" })).toThrow("leave out system");
    expect(() => trainingRow(end.trajectory, { agent: { ...agent, planner: dfsdt() } })).toThrow(
      'the planner is "dfsdt"',
    );
    expect(() => trainingRow(end.trajectory, { agent: { ...agent, calling: "text" } })).toThrow("leave out calling");
    expect(() => trainingRow(end.trajectory, { agent: { ...agent, planer: 1 } as never })).toThrow(
      'is "planner" meant?',
    );
  });

  test("is none for a run without an answer", async () => {
    const { end } = await play([{ reply: calls(["give_up", { reason: "no" }]) }], { tools: [add], planner: dfsdt() });
    expect(trainingRow(end.trajectory)).toBeUndefined();
    expect(preferenceRows(end.trajectory)).toEqual([]);
  });
});

describe("pairs", () => {
  test("prefer the way that led to the answer to those that were left", async () => {
    const { end } = await search();
    const pairs = preferenceRows(end.trajectory, { system: "x" });
    expect(pairs).toHaveLength(1);
    const [pair] = pairs;
    expect(pair!.prompt.map(({ role, content }) => [role, content])).toEqual([
      ["system", "x"],
      ["user", "Light the kitchen."],
    ]);
    expect(pair!.chosen.tool_calls![0]!.function.arguments).toContain("kitchen");
    expect(pair!.rejected.tool_calls![0]!.function.arguments).toContain("hall");
  });

  test("are none where a run never went back", async () => {
    expect(preferenceRows((await linear()).end.trajectory)).toEqual([]);
  });
});

test("options that do not exist are refused", async () => {
  const { end } = await linear();
  expect(() => trainingRow(end.trajectory, { sytem: "x" } as never)).toThrow('is "system" meant?');
});
