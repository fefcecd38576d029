import type { CallResult, ChatModel, ModelRequest, ToolCallPart } from "@cambium/llm";
import type { ExpertRun } from "./run-expert.ts";

const USAGE = { inputTokens: 0, outputTokens: 0 };

function resultOf(text: string, toolCalls: readonly ToolCallPart[]): CallResult {
  const content = toolCalls.length > 0 ? toolCalls : [{ type: "text" as const, text }];
  const finish = toolCalls.length > 0 ? "tool-calls" : "stop";
  return {
    ...{ text, reasoning: "", toolCalls, files: [], finish, usage: USAGE, usageKnown: true, usd: 0, cached: false },
    ...{ key: "", attempts: 1, durationMs: 0 },
    message: { role: "assistant", content },
    reply: { content, finish, usage: USAGE },
  };
}

/** The scripted expert in a model's place: makes its calls one after the other, then gives its answer. */
export function expertModel({ task, steps, answer }: ExpertRun): ChatModel {
  function reply({ messages }: ModelRequest): CallResult {
    const said = messages.filter(({ role }) => role === "assistant").length;
    const step = steps[said];
    if (step === undefined) return resultOf(answer, []);
    const { tool: name, input } = step;
    return resultOf("", [{ type: "tool-call", id: `call-${said}`, name, arguments: JSON.stringify(input) }]);
  }
  return {
    provider: "expert",
    model: task,
    call: async (options) => reply(options),
    outcome: async (options) => ({ ok: true, result: reply(options) }),
    async *stream(options) {
      yield { type: "end", result: reply(options) };
    },
  };
}
