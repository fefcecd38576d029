/** Runs as OpenTelemetry spans: one for the run, and one below it for each request, call of a tool and run of a program. */
import { ConfigError, checkOptions, StateError } from "@cambium/base";
import type { Failure, Step } from "@cambium/evaluation";
import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";

/** What is read of the events of a run; `runAgent` and `createTools` yield such. */
type TracedEvent =
  | { readonly type: "step"; readonly step: Step; readonly resumed?: boolean }
  | { readonly type: "end"; readonly status: string; readonly failure?: Failure }
  | { readonly type: string; readonly step?: unknown; readonly status?: unknown };

/** Settings of `traceRun`. */
export interface TraceRunOptions {
  /** Of OpenTelemetry, such as `trace.getTracer("my-app")`. */
  readonly tracer: Tracer;
  /** What the run is called, in the span's name. @default no name */
  readonly name?: string;
  /** The model that is asked, for the attributes of its spans. */
  readonly model?: { readonly provider: string; readonly model: string };
  /** Whether spans hold what was said, called and returned, and messages of failures, which quote it. It may be private. @default false */
  readonly content?: boolean;
}

type Api = typeof import("@opentelemetry/api");

/**
 * Passes on the events of a run and makes spans of them, with the names that OpenTelemetry gives to generative AI:
 * `invoke_agent` for the run, `chat` for each request to the model, `execute_tool` for each call, `run_program` for each run in the
 * sandbox, `query` for each query. They stand below the span that is active when the first event is asked for. A failure is the
 * status of its span and its `error.type`; tokens are `gen_ai.usage.*`; `cambium.stage` and `cambium.attempt` say what a step was for,
 * such as the round of a repair. Steps of an earlier process have no spans here.
 *
 * @param run - Events as `runAgent` or `createTools` yields them.
 * @throws {ConfigError} When an option cannot be meant. @throws {StateError} When `@opentelemetry/api` is not installed.
 * @see OpenTelemetry, Semantic conventions for generative AI systems.
 * @example
 * const run = runAgent({ model, tools, planner: react() }, { instruction });
 * for await (const event of traceRun(run, { tracer: trace.getTracer("shop"), model })) show(event);
 */
export async function* traceRun<Event extends { readonly type: string }>(
  run: AsyncIterable<Event>,
  options: TraceRunOptions,
): AsyncGenerator<Event, void, undefined> {
  checkOptions("traceRun", options, ["tracer", "name", "model", "content"]);
  const { tracer, name, model, content = false } = options;
  if (typeof (tracer as Tracer | undefined)?.startSpan !== "function")
    throw new ConfigError({ message: "traceRun: tracer must be a tracer of OpenTelemetry" });
  const api = await loadApi();
  const operation = "invoke_agent";
  const root = tracer.startSpan(name === undefined ? operation : `${operation} ${name}`, {
    attributes: {
      "gen_ai.operation.name": operation,
      ...(name !== undefined && { "gen_ai.agent.name": name }),
      ...modelAttributes(model),
    },
  });
  const below = api.trace.setSpan(api.context.active(), root);
  try {
    for await (const event of run) {
      const told = event as TracedEvent;
      if (isStep(told) && told.resumed !== true) traceStep(api, below, told.step, options);
      if (isEnd(told)) {
        root.setAttribute("cambium.status", told.status);
        fail(api, root, told.failure, content);
      }
      yield event;
    }
  } catch (error) {
    const { code = "_OTHER", message } = error as Error & { readonly code?: string };
    if (content) root.recordException(error as Error);
    fail(api, root, { code, message }, content);
    throw error;
  } finally {
    root.end();
  }
}

const isStep = (event: TracedEvent): event is Extract<TracedEvent, { readonly type: "step"; readonly step: Step }> =>
  event.type === "step" && typeof event.step === "object";

const isEnd = (event: TracedEvent): event is Extract<TracedEvent, { readonly type: "end"; readonly status: string }> =>
  event.type === "end" && typeof event.status === "string";

async function loadApi(): Promise<Api> {
  try {
    return await import("@opentelemetry/api");
  } catch (cause) {
    throw new StateError({ message: "traceRun: spans need the package @opentelemetry/api; install it", cause });
  }
}

const modelAttributes = (model: TraceRunOptions["model"]): Attributes =>
  model === undefined ? {} : { "gen_ai.provider.name": model.provider, "gen_ai.request.model": model.model };

function fail({ SpanStatusCode }: Api, span: Span, failure: Failure | undefined, content: boolean): void {
  if (failure === undefined) return;
  span.setAttribute("error.type", failure.code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: content ? failure.message : failure.code });
}

/** A span that ends now and began as long ago as the step took; a stored reply took no time now. */
function traceStep(api: Api, parent: Context, step: Step, { tracer, model, content = false }: TraceRunOptions): void {
  const { name, attributes } = describe(step, model, content);
  const end = Date.now();
  const took = step.kind === "model" && step.cached ? 0 : step.durationMs;
  const common = { "cambium.stage": step.stage, "cambium.attempt": step.attempt, "cambium.step": step.index };
  const span = tracer.startSpan(name, { startTime: end - took, attributes: { ...attributes, ...common } }, parent);
  fail(api, span, step.failure, content);
  span.end(end);
}

function describe(
  step: Step,
  model: TraceRunOptions["model"],
  content: boolean,
): { readonly name: string; readonly attributes: Attributes } {
  switch (step.kind) {
    case "model": {
      const { usage, finish = "stop", cached, prompt, reply } = step;
      return {
        name: model === undefined ? "chat" : `chat ${model.model}`,
        attributes: {
          "gen_ai.operation.name": "chat",
          ...modelAttributes(model),
          ...(usage !== undefined && {
            "gen_ai.usage.input_tokens": usage.inputTokens,
            "gen_ai.usage.output_tokens": usage.outputTokens,
          }),
          ...(step.failure === undefined && { "gen_ai.response.finish_reasons": [finish] }),
          "cambium.cached": cached,
          ...(content && {
            "gen_ai.input.messages": messageText("user", prompt),
            "gen_ai.output.messages": messageText("assistant", reply),
          }),
        },
      };
    }
    case "tool": {
      const { call, text } = step;
      return {
        name: `execute_tool ${call.name}`,
        attributes: {
          "gen_ai.operation.name": "execute_tool",
          "gen_ai.tool.name": call.name,
          "gen_ai.tool.call.id": call.id,
          "gen_ai.tool.type": "function",
          ...(content && { "gen_ai.tool.call.arguments": call.arguments, "gen_ai.tool.call.result": text }),
        },
      };
    }
    case "run":
      return {
        name: "run_program",
        attributes: {
          "cambium.program.sha256": step.sourceHash,
          ...(content && { "cambium.program.stdout": step.stdout }),
        },
      };
    case "query":
      return {
        name: "query",
        attributes: content ? { "cambium.query": step.query, "cambium.reply": step.reply } : {},
      };
  }
}

const messageText = (role: string, text: string): string =>
  JSON.stringify([{ role, parts: [{ type: "text", content: text }] }]);
