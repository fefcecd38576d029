import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { python, quickjs } from "@cambium/sandbox";
import { hasPython } from "@cambium/sandbox/testing";
import { afterAll, describe, expect, test } from "vitest";
import { recordCalls, runTests } from "./guest-programs.ts";
import { openLibrary } from "./library.ts";
import type { ToolTest } from "./tool-test.ts";

const sandbox = python();
const javascript = quickjs();
afterAll(() => Promise.all([sandbox.close(), javascript.close()]));

const record = (name: string, source: string, call: string): Promise<readonly ToolTest[]> =>
  recordCalls({ name, sources: [source] }, call, { sandbox });
const recorded = (args: ToolTest["args"], expected: NonNullable<ToolTest["expected"]>): ToolTest => ({
  args,
  expected,
  origin: "recorded",
});

const origin = { question: "How large is 3 by 4?", model: "script", promptHash: "p", trajectoryId: "t" };
const source =
  'def area(width: float, height: float = 1) -> float:\n    """Area of a rectangle."""\n    return width * height';

describe.runIf(hasPython)("calls of a Python tool", () => {
  test("are recorded however they are written, with defaults and arguments as they were before the call", async () => {
    const source = "def total(values, scale=2, shift=0):\n    values.append(1)\n    return sum(values) * scale + shift";
    const tests = await record("total", source, "total([1, 2])\ntotal(scale=3, values=[4])\ntotal([5], shift=1.5)");
    expect(tests).toEqual([recorded([[1, 2], 2, 0], 8), recorded([[4], 3, 0], 15), recorded([[5], 2, 1.5], 13.5)]);
    expect(
      (await runTests({ name: "total", sources: [source] }, tests, { sandbox })).every(({ passed }) => passed),
    ).toBe(true);
  });

  test("of itself are not recorded, numbers that JSON lacks are", async () => {
    const source =
      "import math\ndef factorial(n):\n    return math.inf if n < 0 else n * factorial(n - 1) if n > 1 else 1";
    const tests = await record("factorial", source, "factorial(22)\nfactorial(-1)\nfactorial(2)");
    expect(tests).toEqual([
      recorded([22], { $number: "1124000727777607680000" }),
      recorded([-1], { $number: "Infinity" }),
      recorded([2], 2),
    ]);
    const tried = await runTests({ name: "factorial", sources: [source] }, tests, { sandbox });
    expect(tried.map(({ passed }) => passed)).toEqual([true, true, true]);
  });

  test("give no tests where JSON cannot carry arguments or value, and failures none at all", async () => {
    const source = "def apply(f, x, *, n=1):\n    return f(x) if callable(f) else {1: f} if x is None else f + n";
    expect(
      await record("apply", source, "apply(abs, 1)\napply({1: 2}, None)\napply(1, None)\napply(1, 2, n=3)"),
    ).toEqual([]);
    expect(await record("apply", source, "apply(")).toEqual([]);
  });
});

describe.runIf(hasPython)("a library of Python tools", () => {
  test("keeps, compares and verifies them", async () => {
    const library = await openLibrary(":memory:", { sandbox });
    const { tool } = await library.add({ source, origin, tests: [recorded([3, 4], 12)] });
    expect(tool).toMatchObject({
      name: "area",
      language: "python",
      documentation: "Area of a rectangle.",
      inputSchema: { properties: { width: { type: "integer" }, height: { type: "integer" } } },
      level: 0,
    });
    const same = "def field(a, b):\n    return sum(b for _ in range(int(a)))";
    const added = await library.add({ source: same, origin, tests: [recorded([2, 5], 10)] });
    expect(added).toMatchObject({ outcome: "duplicate", tool: { name: "area", tests: { length: 2 } } });
    for (const question of ["One?", "Two?"]) await library.recordUse(tool.id, { question, passed: true });
    expect(await library.promote(tool.id)).toMatchObject({ tool: { status: "verified" }, problems: [] });
    await library.close();
  });
});

test("a tool is not judged by a sandbox for another language", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cambium-library-"));
  const path = join(folder, "tools.db");
  const library = await openLibrary(path, { sandbox });
  const { tool } = await library.add({ source, origin, tests: [recorded([3, 4], 12)] });
  await library.setStatus(tool.id, "trusted", "read it");
  await library.close();
  const other = await openLibrary(path, { sandbox: javascript });
  await expect(other.check(tool.id)).rejects.toMatchObject({
    code: "CONFIG",
    message: expect.stringContaining('"area" is written in python'),
  });
  await expect(other.update(tool.id, "def area(a):\n    return a")).rejects.toMatchObject({ code: "CONFIG" });
  expect(await other.get("area")).toMatchObject({ status: "trusted", version: "1.0.0" });
  await other.close();
  rmSync(folder, { recursive: true });
});
