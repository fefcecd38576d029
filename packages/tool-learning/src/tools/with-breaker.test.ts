import { type Clock, systemClock } from "@cambium/llm";
import { expect, test } from "vitest";
import * as z from "zod";
import { callTool } from "./call-tool.ts";
import { defineTool } from "./define-tool.ts";
import { type ThrownToolCode, ToolError } from "./failure.ts";
import { withBreaker } from "./with-breaker.ts";

const at = (ms: number): Clock => ({ ...systemClock, elapsed: () => ms });

/** A tool whose service does what it is told to: answers, fails with a code, or never answers. */
function service() {
  const asked: string[] = [];
  const tool = defineTool({
    name: "ask",
    description: "Asks a service.",
    input: z.strictObject({ to: z.string() }),
    effects: "reads",
    limits: { timeoutMs: 5 },
    run: ({ to }) => {
      asked.push(to);
      if (to === "hang") return new Promise<string>(() => {});
      if (to !== "answer") throw new ToolError({ code: to as ThrownToolCode, message: "no" });
      return "yes";
    },
  });
  return { tool: withBreaker(tool, { failures: 2, coolDownMs: 1000 }), asked };
}

test("after some failures in a row a service is left alone, then one call tries it", async () => {
  const { tool, asked } = service();
  const call = (to: string, ms: number) => callTool(tool, { to }, { clock: at(ms) });
  await call("UNAVAILABLE", 0);
  await call("answer", 0); // not in a row
  await call("UNAVAILABLE", 0);
  await call("RATE_LIMITED", 10);
  expect(await call("answer", 500)).toMatchObject({
    failure: { code: "UNAVAILABLE", retryAfterMs: 510, message: expect.stringContaining("failed 2 times in a row") },
  });
  expect(asked).toHaveLength(4);
  await call("UNAVAILABLE", 1010); // tries, and fails
  expect(await call("answer", 2000)).toMatchObject({ failure: { code: "UNAVAILABLE", retryAfterMs: 10 } });
  expect(await call("answer", 2010)).toMatchObject({ ok: true });
  expect(await call("answer", 2010)).toMatchObject({ ok: true });
  expect(asked).toHaveLength(7);
});

test("while one call tries the service, others do not", async () => {
  const { tool, asked } = service();
  for (let i = 0; i < 2; i++) await callTool(tool, { to: "UNAVAILABLE" }, { clock: at(0) });
  const both = await Promise.all([1, 2].map(() => callTool(tool, { to: "answer" }, { clock: at(1000) })));
  expect(both.map(({ ok }) => ok)).toEqual([true, false]);
  expect(asked).toHaveLength(3);
});

test("a call that never answers counts, and one that refuses its arguments does not", async () => {
  const { tool, asked } = service();
  const now = { clock: at(0) };
  for (let i = 0; i < 3; i++) await callTool(tool, { to: "TOOL_ERROR" }, now);
  expect(asked).toHaveLength(3);
  for (let i = 0; i < 2; i++)
    expect(await callTool(tool, { to: "hang" }, now)).toMatchObject({ failure: { code: "TOOL_TIMEOUT" } });
  expect(await callTool(tool, { to: "answer" }, now)).toMatchObject({ failure: { code: "UNAVAILABLE" } });
});
