import type { Clock } from "@cambium/llm";
import { describe, expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import { callTool } from "./call-tool.ts";
import { defineTool } from "./define-tool.ts";
import { ToolError } from "./failure.ts";
import type { ToolContext, ToolDefinition } from "./tool.ts";
import { toolSet } from "./tool-set.ts";

const input = z.strictObject({ city: z.string().describe("Where"), days: z.int().min(1).default(1) });
const base = { name: "forecast", description: "Tells the weather.", input } as const;
const forecast = (run: ToolDefinition<z.output<typeof input>, unknown>["run"], more: object = {}) =>
  defineTool<z.output<typeof input>, unknown>({ ...base, run, ...more });

/** Time that passes only when it is told to. */
function handClock(): Clock & { readonly fire: () => void } {
  const waiting = new Set<() => void>();
  return {
    now: () => 0,
    elapsed: () => 0,
    after(_, callback) {
      waiting.add(callback);
      return () => waiting.delete(callback);
    },
    wait: () => new Promise(() => {}),
    fire() {
      for (const callback of waiting) callback();
    },
  };
}

describe("a definition", () => {
  test("gets the JSON Schema of its input and the cautious defaults", () => {
    const tool = defineTool({ ...base, run: ({ city, days }) => ({ city, days }) });
    expect(tool.inputSchema).toMatchObject({ type: "object", required: ["city"], additionalProperties: false });
    expect(tool).toMatchObject({ effects: "destroys", idempotent: false, openWorld: true });
    expect(tool.limits).toEqual({ timeoutMs: 30_000, outputBytes: 262_144, calls: Number.POSITIVE_INFINITY });
  });

  test("types its function by the schema, and its state by what the function says", () => {
    interface House {
      lamps: number;
    }
    defineTool({
      ...base,
      run(given, context: ToolContext<House>) {
        expectTypeOf(given).toEqualTypeOf<{ city: string; days: number }>();
        return context.state.lamps;
      },
    });
  });

  test.each([
    ["a name that providers refuse", { name: "get weather" }, "letters"],
    ["no description", { description: " " }, "must say what the tool does"],
    ["a misspelt key", { effect: "none" }, 'is "effects" meant?'],
    ["an input that is no schema", { input: {} }, "Standard Schema"],
    ["an input that is no object", { input: z.string() }, "schema of an object"],
    ["an input without a JSON form", { input: z.strictObject({ at: z.date() }) }, "no JSON form"],
    ["reads that are not idempotent", { effects: "reads", idempotent: false }, "leave idempotent out"],
    ["an argument to be given that it does not have", { given: ["citi"] }, 'is "city" meant?'],
    ["an example that does not fit", { examples: [{ input: { city: 3 } }] }, "examples[0].input"],
  ])("is refused with %s", (_, more, message) => {
    expect(() => forecast(() => 1, more)).toThrow(expect.objectContaining({ code: "CONFIG" }));
    expect(() => forecast(() => 1, more)).toThrow(message);
  });

  test("of a library that writes no JSON Schema needs one of its own", () => {
    const bare = { "~standard": { version: 1, vendor: "bare", validate: (value: unknown) => ({ value }) } } as const;
    const definition = { ...base, input: bare, run: () => 1 };
    expect(() => defineTool(definition)).toThrow(
      "bare does not write its schemas as JSON Schema here; pass inputSchema",
    );
    expect(defineTool({ ...definition, inputSchema: { type: "object" } }).inputSchema).toEqual({ type: "object" });
  });
});

describe("a call", () => {
  test("gives a copy of the value, which the tool cannot change later", async () => {
    const kept = { temperatures: [1, 2] };
    const outcome = await callTool(
      forecast(() => kept),
      { city: "Oslo" },
    );
    kept.temperatures.push(3);
    expect(outcome).toMatchObject({ ok: true, value: { temperatures: [1, 2] }, text: '{"temperatures":[1,2]}' });
  });

  test("is told to the model in the tool's own words, with its files and claims", async () => {
    const tool = defineTool({
      ...base,
      run: ({ city }) => ({ city, degrees: 7 }),
      text: ({ city, degrees }) => `${degrees} °C in ${city}`,
      files: () => [{ type: "file", mediaType: "image/png", data: new Uint8Array(3) }],
      facts: ({ city, degrees }) => ({ [`temperature ${city}`]: degrees }),
    });
    expect(await callTool(tool, { city: "Oslo" })).toMatchObject({
      text: "7 °C in Oslo",
      isTold: true,
      files: [{ mediaType: "image/png" }],
      facts: { "temperature Oslo": 7 },
    });
  });

  test.each([
    ["arguments that do not fit", () => forecast(() => 1), { town: "Oslo" }, "INVALID_ARGS", "city"],
    [
      "an error of its own kind",
      () =>
        forecast(() => {
          throw new ToolError({ message: "no such city; see list_cities" });
        }),
      { city: "x" },
      "TOOL_ERROR",
      "see list_cities",
    ],
    [
      "a service that asks to wait",
      () =>
        forecast(() => {
          throw new ToolError({ message: "slow down", code: "RATE_LIMITED", retryAfterMs: 5 });
        }),
      { city: "x" },
      "RATE_LIMITED",
      "slow down",
    ],
    [
      "nothing worth throwing",
      () =>
        forecast(() => {
          throw undefined;
        }),
      { city: "x" },
      "TOOL_ERROR",
      "undefined",
    ],
    [
      "a cycle",
      () =>
        forecast(() => {
          const a: { a?: object } = {};
          a.a = a;
          return a;
        }),
      { city: "x" },
      "OUTPUT_INVALID",
      'contains itself at "a"',
    ],
    [
      "bytes",
      () => forecast(() => ({ image: new Uint8Array(9) })),
      { city: "x" },
      "OUTPUT_INVALID",
      'binary data (a Uint8Array); return it by "files" at "image"',
    ],
    [
      "a number that JSON lacks",
      () => forecast(() => [1, Number.NaN]),
      { city: "x" },
      "OUTPUT_INVALID",
      'NaN at "[1]"',
    ],
    [
      "too much text",
      () => forecast(() => "x".repeat(300_000)),
      { city: "x" },
      "OUTPUT_TOO_LARGE",
      "longer than 262144 bytes",
    ],
    [
      "a list that is small in memory and endless as text",
      () =>
        forecast(() => {
          const list: number[] = [];
          list.length = 1e8;
          return list.fill(0, 0, 10);
        }),
      { city: "x" },
      "OUTPUT_INVALID",
      "undefined",
    ],
    [
      "doubled references",
      () =>
        forecast(() => {
          let o: unknown = "x";
          for (let i = 0; i < 40; i++) o = [o, o];
          return o;
        }),
      { city: "x" },
      "OUTPUT_TOO_LARGE",
      "longer than",
    ],
    [
      "a result that its schema refuses",
      () => forecast(() => "warm", { output: z.number() }),
      { city: "x" },
      "OUTPUT_INVALID",
      "own schema",
    ],
    [
      "a file that is too large",
      () =>
        forecast(() => 1, { files: () => [{ type: "file", mediaType: "image/png", data: new Uint8Array(300_000) }] }),
      { city: "x" },
      "OUTPUT_TOO_LARGE",
      "image/png",
    ],
  ])("with %s is a failure of its own kind", async (_, tool, given, code, message) => {
    expect(await callTool(tool(), given)).toMatchObject({
      ok: false,
      failure: { code, message: expect.stringContaining(message) },
    });
  });

  test("names the field that was meant", async () => {
    const outcome = await callTool(
      forecast(() => 1),
      { citi: "Oslo" },
    );
    expect(outcome).toMatchObject({
      failure: { message: expect.stringContaining('is "city" meant instead of "citi"?') },
    });
  });

  test("that never settles ends when its time is up, and its signal is aborted", async () => {
    const clock = handClock();
    let stopped = false;
    const tool = forecast((_, { signal }) => {
      signal.addEventListener("abort", () => {
        stopped = true;
      });
      return new Promise(() => {});
    });
    const called = callTool(tool, { city: "Oslo" }, { clock });
    await Promise.resolve();
    clock.fire();
    expect(await called).toMatchObject({ failure: { code: "TOOL_TIMEOUT" } });
    expect(stopped).toBe(true);
  });

  test("of a run that is stopped ends as cancelled, at once", async () => {
    const stop = new AbortController();
    const called = callTool(
      forecast(() => new Promise(() => {})),
      { city: "Oslo" },
      { signal: stop.signal },
    );
    stop.abort();
    expect(await called).toMatchObject({ failure: { code: "CANCELLED" } });
  });

  test("draws the same numbers whenever it is made", async () => {
    const tool = forecast((_, { random }) => [random(), random()]);
    const call = async (callId: string) => callTool(tool, { city: "Oslo" }, { callId });
    expect(await call("a")).toEqual(await call("a"));
    expect(await call("a")).not.toEqual(await call("b"));
  });
});

describe("a set of tools", () => {
  const named = (name: string) => defineTool({ ...base, name, run: () => 1 });

  test.each([
    ["get_weather", "getWeather"],
    ["a", "a"],
    ["Find-It", "find_it"],
  ])("refuses %s beside %s", (a, b) => {
    expect(() => toolSet([named(a), named(b)])).toThrow(expect.objectContaining({ code: "CONFIG" }));
  });

  test("keeps its order when tools are added, and finds near names", () => {
    const set = toolSet([named("search_films"), named("weather")]).with([named("search_film_by_id")]);
    expect(set.names).toEqual(["search_films", "weather", "search_film_by_id"]);
    expect(set.nearest("searchfilm")).toEqual(["search_films", "search_film_by_id"]);
    expect(set.get("Weather")).toBeUndefined();
  });
});
