import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "@cambium/base";
import { quickjs } from "@cambium/sandbox";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { recordCalls, runTests } from "./guest-programs.ts";
import { openLibrary } from "./library.ts";
import { probesFor } from "./probes.ts";
import { schemaOf, schemasFromTests } from "./schemas.ts";
import type { ToolLibrary } from "./tool-library.ts";
import type { ToolCandidate } from "./tool-record.ts";
import { describeTest, equalValues, type ToolTest } from "./tool-test.ts";
import { nextVersion } from "./versions.ts";

const sandbox = quickjs();
afterAll(() => sandbox.close());

let library: ToolLibrary;
let ids = 0;
beforeEach(async () => {
  ids = 0;
  library = await openLibrary(":memory:", { sandbox, clock: { now: () => 1000 }, createId: () => `tool-${++ids}` });
});
afterEach(() => library.close());

const recorded = (args: ToolTest["args"], expected: ToolTest["expected"]): ToolTest => ({
  args,
  ...(expected === undefined ? {} : { expected }),
  origin: "recorded",
});

const area: ToolCandidate = {
  source: "/** Area of a rectangle. */\nfunction area(width, height) { return width * height; }",
  origin: { question: "How large is a field of 3 by 4?", model: "script", promptHash: "p", trajectoryId: "t" },
  tests: [recorded([3, 4], 12)],
};

async function solveOthers(id: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await library.recordUse(id, { question: `Question ${i}`, passed: true });
}

test("a new tool is a draft with schemas read off its tests", async () => {
  const { outcome, tool } = await library.add(area);
  expect(outcome).toBe("new");
  expect(tool).toMatchObject({
    id: "tool-1",
    name: "area",
    version: "1.0.0",
    sourceHash: sha256(area.source),
    documentation: "Area of a rectangle.",
    parameters: ["width", "height"],
    inputSchema: {
      type: "object",
      properties: { width: { type: "integer" }, height: { type: "integer" } },
      required: ["width", "height"],
      additionalProperties: false,
    },
    outputSchema: { type: "integer" },
    capabilities: [],
    status: "draft",
    uses: { total: 0, passed: 0 },
    createdMs: 1000,
  });
});

test("what holds no function is no tool", async () => {
  await expect(library.add({ ...area, source: "const a = 1;" })).rejects.toMatchObject({ code: "CONFIG" });
});

describe("de-duplication", () => {
  test("the same behaviour in other words is kept once, with the tests of both", async () => {
    await library.add(area);
    const source = "const surface = (a, b) => { let s = 0; for (let i = 0; i < b; i++) s += a; return s; };";
    const { outcome, tool } = await library.add({ ...area, source, tests: [recorded([5, 6], 30)] });
    expect(outcome).toBe("duplicate");
    expect(tool).toMatchObject({ id: "tool-1", name: "area" });
    expect(tool.tests).toHaveLength(2);
  });

  test.each([
    ["the same on its first question only", "function area(a, b) { return a + b + 5; }", [recorded([3, 4], 12)]],
    [
      "the same but for other numbers",
      "function area(a, b) { return a * b + (a > 5 ? 1 : 0); }",
      [recorded([3, 4], 12)],
    ],
    ["another number of arguments", "function area(a) { return a * 4; }", [recorded([3], 12)]],
    ["other kinds of arguments", "function area(a, b) { return Number(a) * b; }", [recorded(["3", 4], 12)]],
  ])("%s is another tool", async (_, source, tests) => {
    await library.add(area);
    expect((await library.add({ ...area, source, tests })).outcome).toBe("new");
  });

  test("two tools that fail everywhere are not the same", async () => {
    const broken = (message: string): ToolCandidate => ({
      ...area,
      source: `function f(a, b) { throw new Error("${message}"); }`,
    });
    await library.add(broken("one"));
    expect((await library.add(broken("two"))).outcome).toBe("new");
  });

  test("probes hold what both were tested with, and changes of it", () => {
    const probes = probesFor([recorded([3, [4]], 1)], [recorded([7, [1]], 1)]);
    expect(probes).toContainEqual([3, [4]]);
    expect(probes).toContainEqual([7, [1]]);
    expect(probes).toContainEqual([4, [4]]);
    expect(probes).toContainEqual([7, [2]]);
    expect(probes.length).toBeLessThanOrEqual(24);
  });
});

describe("promotion", () => {
  test("a draft that passes its tests and solved two other questions is verified", async () => {
    const { tool } = await library.add(area);
    await library.recordUse(tool.id, { question: area.origin.question, passed: true });
    await solveOthers(tool.id, 1);
    expect((await library.promote(tool.id)).problems).toEqual(["it solved 1 of the 2 other questions it needs"]);
    await solveOthers(tool.id, 2);
    expect(await library.promote(tool.id)).toMatchObject({ problems: [], tool: { status: "verified" } });
  });

  test.each([
    ["a wrong test", area.source, [recorded([3, 4], 13)], /test 1: returned 12, expected 13/],
    ["no tests", area.source, [], /no tests/],
    [
      "a property that does not hold",
      area.source,
      [{ ...recorded([3, 4], 12), property: "value < 10" }],
      /does not hold: value < 10/,
    ],
    [
      "state between calls",
      "let n = 0;\nfunction area(a, b) { return a * b + n++; }",
      [recorded([3, 4], 12), recorded([1, 1], 1)],
      /test 2/,
    ],
    [
      "a source that does not load",
      "throw new Error('no');\nfunction area(a, b) { return a * b; }",
      [recorded([3, 4], 12)],
      /no/,
    ],
  ])("%s keeps a tool a draft", async (_, source, tests, problem) => {
    const { tool } = await library.add({ ...area, source, tests });
    await solveOthers(tool.id, 3);
    const { tool: after, problems } = await library.promote(tool.id);
    expect(after.status).toBe("draft");
    expect(problems.join()).toMatch(problem);
  });

  test("a loop without end keeps a tool a draft", async () => {
    const hasty = await openLibrary(":memory:", { sandbox, limits: { wallMs: 200 } });
    const source = "function area(a, b) { while (true); }";
    const { tool } = await hasty.add({ ...area, source });
    expect((await hasty.check(tool.id)).problems).toEqual(["test 1: the program ran longer than 200 ms"]);
    await hasty.close();
  });

  test("a sandbox that is gone is no fault of a tool", async () => {
    const gone = quickjs();
    const lost = await openLibrary(":memory:", { sandbox: gone });
    const { tool } = await lost.add(area);
    await lost.setStatus(tool.id, "verified", "by hand");
    await gone.close();
    await expect(lost.check(tool.id)).rejects.toMatchObject({ code: "STATE" });
    expect((await lost.get(tool.id))?.status).toBe("verified");
    await lost.close();
  });

  test("chance is the same in both runs, but a seed is no determinism over calls", async () => {
    const { tool } = await library.add({
      ...area,
      source: "function area(a, b) { return Math.random(); }",
      tests: [recorded([3, 4], undefined)],
    });
    expect((await library.check(tool.id)).passed).toBe(true); // the sandbox seeds chance: two runs are equal
  });
});

describe("quarantine", () => {
  test("a verified tool that fails its tests is quarantined and offered no more", async () => {
    const { tool } = await library.add(area);
    await library.setStatus(tool.id, "verified", "by hand");
    expect(await library.retrieve("area of a rectangle")).toHaveLength(1);
    await library.addTests(tool.id, [recorded([2, 2], 5)]);
    expect((await library.check(tool.id)).passed).toBe(false);
    expect((await library.get(tool.id))?.status).toBe("quarantined");
    expect(await library.retrieve("area of a rectangle")).toHaveLength(0);
  });

  test("a tool that fails most questions is quarantined once that is sure", async () => {
    const { tool } = await library.add(area);
    const statuses = [];
    for (let i = 0; i < 5; i++) {
      statuses.push((await library.recordUse(tool.id, { question: `Q${i}`, passed: false })).status);
    }
    expect(statuses).toEqual(["draft", "draft", "draft", "draft", "quarantined"]);
    expect((await library.promote(tool.id)).problems.join()).toMatch(/quarantined: answered only 0 of 5/);
  });

  test("a question counts once, with its last result", async () => {
    const { tool } = await library.add(area);
    await library.recordUse(tool.id, { question: "Q", passed: false });
    const after = await library.recordUse(tool.id, { question: "Q", passed: true });
    expect(after.uses).toEqual({ total: 1, passed: 1 });
    expect(after.successRate.low).toBeCloseTo(0.2065, 3);
  });
});

describe("versions", () => {
  const before = { version: "1.2.3", name: "f", parameters: ["a", "b"] };
  test.each([
    ["a patch: same parameters and tests", { name: "f", parameters: ["a", "b"], keepsTests: true }, "1.2.4"],
    [
      "a minor version: an optional parameter more",
      { name: "f", parameters: ["a", "b", "c = 1"], keepsTests: true },
      "1.3.0",
    ],
    [
      "a major version: a required parameter more",
      { name: "f", parameters: ["a", "b", "c"], keepsTests: true },
      "2.0.0",
    ],
    ["a major version: another parameter", { name: "f", parameters: ["x", "b"], keepsTests: true }, "2.0.0"],
    ["a major version: a test that fails", { name: "f", parameters: ["a", "b"], keepsTests: false }, "2.0.0"],
    ["a major version: another name", { name: "g", parameters: ["a", "b"], keepsTests: true }, "2.0.0"],
  ])("%s", (_, change, version) => {
    expect(nextVersion(before, change)).toBe(version);
  });

  test("a new source is a new version and a draft again; the old one is deprecated and stays readable", async () => {
    const { tool } = await library.add(area);
    await library.setStatus(tool.id, "trusted", "by hand");
    const { tool: next } = await library.update(tool.id, "function area(width, height) { return height * width; }");
    expect(next).toMatchObject({ id: tool.id, version: "1.0.1", status: "draft", tests: area.tests });
    expect((await library.history(tool.id)).map(({ version, status }) => [version, status])).toEqual([
      ["1.0.1", "draft"],
      ["1.0.0", "deprecated"],
    ]);
    expect(await library.list()).toHaveLength(1);
  });

  test("tools that call a changed tool run their tests again", async () => {
    const { tool: base } = await library.add(area);
    const volume: ToolCandidate = {
      ...area,
      source: "/** Volume of a box. */\nfunction volume(a, b, c) { return area(a, b) * c; }",
      tests: [recorded([2, 3, 4], 24)],
      dependencies: [base.id],
    };
    const { tool: box } = await library.add(volume);
    const weight = {
      ...volume,
      source: "function weight(a, b, c, d) { return volume(a, b, c) * d; }",
      tests: [recorded([2, 3, 4, 2], 48)],
      dependencies: [box.id],
    };
    const { tool: top } = await library.add(weight);
    expect(box).toMatchObject({ level: 1, dependencies: [base.id] });
    expect(await library.sourcesOf(top)).toEqual([base.source, box.source, top.source]);

    expect((await library.update(base.id, "function area(a, b) { return b * a; }")).failed).toEqual([]);
    const { failed, tool } = await library.update(base.id, "function area(a, b) { return a + b; }");
    expect(tool.version).toBe("3.0.0");
    expect(tool.tests).toEqual([]);
    expect(failed.map(({ name, status }) => [name, status])).toEqual([
      ["volume", "quarantined"],
      ["weight", "quarantined"],
    ]);
  });
});

test("tools are found by the words of name, documentation and question, however they are written", async () => {
  const tools = [
    ["function stepsToZero(start, divisor) { return start + divisor; }", "How many turns until it shows 0?"],
    [
      "/** Charge for tiers of usage. */\nfunction tieredCharge(usage, tiers) { return usage - tiers; }",
      "What does a household pay?",
    ],
  ] as const;
  for (const [source, question] of tools) {
    const { tool } = await library.add({ source, origin: { ...area.origin, question }, tests: [] });
    await library.setStatus(tool.id, "verified", "by hand");
  }
  expect((await library.retrieve("how many steps are needed?"))[0]?.name).toBe("stepsToZero");
  expect((await library.retrieve("tier charges of a household", { limit: 1 })).map(({ name }) => name)).toEqual([
    "tieredCharge",
  ]);
  expect(await library.retrieve("the weather in Oslo")).toEqual([]);
  expect(await library.retrieve("steps", { statuses: ["draft"] })).toEqual([]);
});

describe("trials in the sandbox", () => {
  test("calls are recorded with arguments as they were before the call, also numbers that JSON lacks", async () => {
    const source = "function clip(list, most) { list.push(0); return most === Infinity ? -Infinity : list.length; }";
    const tests = await recordCalls(
      { name: "clip", sources: [source] },
      "clip([1], 2); clip([1], Infinity); clip([1], 2);",
      { sandbox },
    );
    expect(tests).toEqual([
      { args: [[1], 2], expected: 2, origin: "recorded" },
      { args: [[1], { $number: "Infinity" }], expected: { $number: "-Infinity" }, origin: "recorded" },
    ]);
    expect(
      (await runTests({ name: "clip", sources: [source] }, tests, { sandbox })).every(({ passed }) => passed),
    ).toBe(true);
  });

  test("arrow functions, helpers, constants and asynchronous tools are recorded too", async () => {
    const source = "const K = 2;\nconst half = (x) => x / K;\nconst tool = async (x) => half(x);";
    const tests = await recordCalls({ name: "tool", sources: [source] }, "await tool(4); half(1);", { sandbox });
    expect(tests).toEqual([{ args: [4], expected: 2, origin: "recorded" }]);
  });

  test("calls with functions among their arguments give no tests, failures none at all", async () => {
    const tool = { name: "map", sources: ["function map(f, x) { return f(x); }"] };
    expect(await recordCalls(tool, "map((x) => x, 1);", { sandbox })).toEqual([]);
    expect(await recordCalls(tool, "map((x) => x, 1); fail();", { sandbox })).toEqual([]);
  });

  test("values are equal within rounding, structures exactly", () => {
    expect(equalValues({ a: [0.1 + 0.2] }, { a: [0.3] })).toBe(true);
    expect(equalValues([1, 2], [1, 2, 3])).toBe(false);
    expect(equalValues({ a: 1 }, { b: 1 })).toBe(false);
    expect(equalValues(null, {})).toBe(false);
    expect(equalValues("1", 1)).toBe(false);
  });
});

test("a test is described in a line", () => {
  const infinite: ToolTest = {
    args: [1, [{ $number: "-Infinity" }]],
    expected: 2,
    property: "value > 0",
    origin: "written",
  };
  expect(describeTest("f", infinite)).toBe("f(1, [-Infinity]) = 2, with value > 0");
  expect(describeTest("f", { args: [], origin: "recorded" })).toBe("f() = anything");
});

test("schemas are as narrow as the values", () => {
  expect(schemaOf([1, 2])).toEqual({ type: "integer" });
  expect(schemaOf([1, 2.5])).toEqual({ type: "number" });
  expect(schemaOf([[1], ["a"]])).toEqual({
    type: "array",
    items: { anyOf: [{ type: "integer" }, { type: "string" }] },
  });
  expect(schemaOf([{ a: 1 }, { a: 2, b: true }])).toEqual({
    type: "object",
    properties: { a: { type: "integer" }, b: { type: "boolean" } },
    required: ["a"],
  });
  const optional = schemasFromTests(["a", "b = 1", "...rest"], [recorded([1], 1), recorded([1, 2, 3], 1)]);
  expect(optional.input).toMatchObject({ required: ["a"], properties: { rest: { type: "integer" } } });
});

describe("the file", () => {
  const folder = mkdtempSync(join(tmpdir(), "library-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("what was kept is there again, for several openers at once", async () => {
    const path = join(folder, "deep", "tools.db");
    const [one, other] = await Promise.all([openLibrary(path, { sandbox }), openLibrary(path, { sandbox })]);
    const { tool } = await one.add(area);
    expect(await other.get("area")).toEqual(tool);
    await one.close();
    await other.close();
    const again = await openLibrary(path, { sandbox });
    expect(await again.list()).toEqual([tool]);
    await again.close();
  });

  test("a file that is no library, and a closed one, are errors", async () => {
    writeFileSync(join(folder, "notes.txt"), "nothing but text, and enough of it to be no database at all ".repeat(20));
    await expect(openLibrary(join(folder, "notes.txt"), { sandbox })).rejects.toMatchObject({ code: "FORMAT" });
    const closed = await openLibrary(":memory:", { sandbox });
    await closed.close();
    await expect(closed.list()).rejects.toMatchObject({ code: "STORE" });
    await expect(openLibrary(":memory:", { sandbox, limit: {} } as never)).rejects.toThrow(/is "limits" meant/);
  });
});
