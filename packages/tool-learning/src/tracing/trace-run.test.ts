import { SpanStatusCode } from "@opentelemetry/api";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { describe, expect, test } from "vitest";
import { add, calls, scriptedModel } from "../agent/agent.fixture.ts";
import { runAgent } from "../agent/run-agent.ts";
import { type TraceRunOptions, traceRun } from "./trace-run.ts";

function recorder() {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const tracer = provider.getTracer("test");
  const spans = () =>
    exporter.getFinishedSpans().map((span) => {
      const { name, attributes, status, startTime, endTime } = span;
      const [id, parent] = [span.spanContext().spanId, span.parentSpanContext?.spanId];
      return { name, attributes, status, startTime, endTime, id, parent };
    });
  return { tracer, spans };
}

async function traced(options: Omit<TraceRunOptions, "tracer">) {
  const { tracer, spans } = recorder();
  const { model } = await scriptedModel([
    { reply: calls(["add", { a: 1, b: 2 }], ["add", { a: "forty" }]) },
    { reply: "3" },
  ]);
  const types: string[] = [];
  for await (const event of traceRun(runAgent({ model, tools: [add] }, { instruction: "Zebra." }), {
    tracer,
    ...options,
  }))
    types.push(event.type);
  return { spans: spans(), types, model };
}

const isTold = (span: object): boolean => /forty|Zebra/.test(JSON.stringify(span));

describe("a run as spans", () => {
  test("has one for the run, and below it one for each request and call, in their order", async () => {
    const { spans, types } = await traced({ name: "sums", model: { provider: "acme", model: "small" } });
    expect(types.at(0)).toBe("start");
    expect(types.at(-1)).toBe("end");
    expect(spans.map(({ name }) => name)).toEqual([
      "chat small",
      "execute_tool add",
      "execute_tool add",
      "chat small",
      "invoke_agent sums",
    ]);
    const root = spans.at(-1)!;
    expect(root.parent).toBeUndefined();
    expect(spans.slice(0, -1).every(({ parent }) => parent === root.id)).toBe(true);
    expect(root.attributes).toMatchObject({
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": "sums",
      "gen_ai.provider.name": "acme",
      "cambium.status": "done",
    });
    expect(spans[0]!.attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "small",
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.usage.input_tokens": expect.any(Number),
      "gen_ai.usage.output_tokens": expect.any(Number),
      "cambium.stage": expect.any(String),
    });
    expect(spans[1]!.attributes).toMatchObject({
      "gen_ai.tool.name": "add",
      "gen_ai.tool.call.id": expect.any(String),
    });
    for (const { startTime, endTime } of spans)
      expect(startTime[0] * 1e9 + startTime[1]).toBeLessThanOrEqual(endTime[0] * 1e9 + endTime[1]);
  });

  test("says what failed, and nothing of what was said unless that is asked for", async () => {
    const { spans } = await traced({});
    expect(spans[2]).toMatchObject({
      attributes: { "error.type": expect.any(String) },
      status: { code: SpanStatusCode.ERROR },
    });
    expect(spans[1]!.status.code).toBe(SpanStatusCode.UNSET);
    expect(spans.filter(isTold)).toEqual([]);
    const whole = (await traced({ content: true })).spans;
    expect(whole.filter(isTold)).toHaveLength(2); // the request, and the call that failed
    expect(whole[1]!.attributes).toMatchObject({
      "gen_ai.tool.call.arguments": expect.stringContaining('"b":2'),
      "gen_ai.tool.call.result": "3",
    });
    expect(whole[3]!.attributes["gen_ai.output.messages"]).toBe(
      JSON.stringify([{ role: "assistant", parts: [{ type: "text", content: "3" }] }]),
    );
  });

  test("ends where the run throws or its reader leaves, and has no steps of an earlier process", async () => {
    const { tracer, spans } = recorder();
    const step = {
      kind: "query",
      index: 0,
      stage: "search",
      attempt: 0,
      durationMs: 5,
      query: "q",
      reply: "r",
    } as const;
    async function* broken() {
      yield { type: "step", step, resumed: true } as const;
      yield { type: "step", step, resumed: false } as const;
      throw Object.assign(new Error("no"), { code: "MODEL_ERROR" });
    }
    const read = async () => {
      for await (const _ of traceRun(broken(), { tracer }));
    };
    await expect(read()).rejects.toThrow("no");
    expect(spans().map(({ name, status }) => [name, status.code])).toEqual([
      ["query", SpanStatusCode.UNSET],
      ["invoke_agent", SpanStatusCode.ERROR],
    ]);
    expect(spans()[1]).toMatchObject({
      attributes: { "error.type": "MODEL_ERROR" },
      status: { message: "MODEL_ERROR" },
    });
    for await (const _ of traceRun(broken(), { tracer })) break;
    expect(spans().at(-1)).toMatchObject({ name: "invoke_agent", status: { code: SpanStatusCode.UNSET } });
  });

  test("needs a tracer, and knows its options", async () => {
    const { tracer } = recorder();
    const first = (options: object) => traceRun((async function* () {})(), options as never).next();
    await expect(first({})).rejects.toMatchObject({ code: "CONFIG", message: expect.stringContaining("tracer") });
    await expect(first({ tracer, contents: true })).rejects.toThrow("content");
  });
});
