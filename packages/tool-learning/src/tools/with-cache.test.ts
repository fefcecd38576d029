import { type Clock, systemClock } from "@cambium/llm";
import { expect, test } from "vitest";
import * as z from "zod";
import { callTool } from "./call-tool.ts";
import { defineTool } from "./define-tool.ts";
import { ToolError } from "./failure.ts";
import type { Effects } from "./tool.ts";
import { withCache } from "./with-cache.ts";

/** A tool that counts its calls, and tells what it was given. */
function counting(effects: Effects, input: z.ZodType = z.looseObject({})) {
  const asked: unknown[] = [];
  const tool = defineTool({
    ...{ name: "look_up", description: "Looks a word up.", inputSchema: { type: "object" }, effects },
    input: input as z.ZodType<object>,
    run: (given) => {
      asked.push(given);
      if ("fail" in given) throw new ToolError({ message: "no" });
      return { given: Object.keys(given), list: [asked.length] };
    },
  });
  return { tool, asked };
}

const at = (ms: number): Clock => ({ ...systemClock, elapsed: () => ms });

test("equal arguments get the earlier result, whatever their order, and results are copies", async () => {
  const { tool, asked } = counting("none");
  const kept = withCache(tool);
  const first = await callTool(kept, { a: 1, b: [2] });
  const context = { ...{ signal: new AbortController().signal, clock: systemClock, random: () => 0 } };
  const value = await kept.run({ b: [2], a: 1 }, { ...context, state: undefined, callId: "x" });
  (value as { list: number[] }).list.push(9);
  expect(await callTool(kept, { b: [2], a: 1 })).toEqual(first);
  expect(asked).toHaveLength(1);
  await callTool(kept, { a: 1, b: [3] });
  expect(asked).toHaveLength(2);
});

test("failures are not kept, nor are calls whose arguments are more than JSON told apart by it", async () => {
  const { tool, asked } = counting("none");
  const kept = withCache(tool);
  for (let i = 0; i < 2; i++) expect(await callTool(kept, { fail: true })).toMatchObject({ ok: false });
  expect(asked).toHaveLength(2);
  const dates = counting(
    "none",
    z.object({ day: z.string() }).transform(({ day }) => ({ day: new Date(day) })),
  );
  const ofDates = withCache(dates.tool);
  for (const day of ["2026-01-01", "2026-01-02"]) await callTool(ofDates, { day });
  expect(dates.asked).toEqual([{ day: new Date("2026-01-01") }, { day: new Date("2026-01-02") }]);
});

test("a result grows old, and the least used one goes when there is no room", async () => {
  const reading = counting("reads");
  const rates = withCache(reading.tool, { maxAgeMs: 100 });
  for (const ms of [0, 99, 100, 150]) await callTool(rates, { of: "EUR" }, { clock: at(ms) });
  expect(reading.asked).toHaveLength(2);
  for (const world of [{}, {}]) await callTool(rates, { of: "EUR" }, { clock: at(151), state: world });
  expect(reading.asked).toHaveLength(4); // what one world holds is not told of another
  const { tool, asked } = counting("none");
  const small = withCache(tool, { most: 2 });
  for (const of of ["a", "b", "a", "c", "a", "b"]) await callTool(small, { of });
  expect(asked.map((given) => (given as { of: string }).of)).toEqual(["a", "b", "c", "b"]);
});

test("a tool that changes the world, or reads it at any age, is refused", () => {
  for (const effects of ["writes", "destroys"] as const)
    expect(() => withCache(counting(effects).tool, { maxAgeMs: 5 })).toThrow("each call has to be made");
  expect(() => withCache(counting("reads").tool)).toThrow("say by maxAgeMs how old a result may be");
});
