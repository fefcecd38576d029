import type { Json, JsonObject } from "@cambium/base";
import { parseConfig } from "@cambium/base";
import * as z from "zod";
import { defaultPolicy, type Policy } from "../agent/policy.ts";
import { type CallToolOptions, callTool } from "../tools/call-tool.ts";
import { type ThrownToolCode, ToolError } from "../tools/failure.ts";
import { describeIssues } from "../tools/schema.ts";
import type { AnyTool, ToolOutcome } from "../tools/tool.ts";
import { toolSet } from "../tools/tool-set.ts";
import {
  AI_SDK_SCHEMA,
  type AiSdkCallOptions,
  type AiSdkChecked,
  type AiSdkOutput,
  type AiSdkSchema,
} from "./ai-sdk-tool.ts";

/** Settings of `toAiSdkTools`. */
export interface ToAiSdkOptions {
  /** What tools get as `state`. */
  readonly state?: unknown;
  /** Rules that every call passes: what asks needs the approval of the AI SDK's user. @default what destroys asks first */
  readonly policy?: Policy;
}

/** A tool of ours, as the AI SDK takes it. */
export interface OurAiSdkTool {
  readonly description: string;
  // biome-ignore lint/suspicious/noExplicitAny: the AI SDK's own type differs between its versions
  readonly inputSchema: any;
  /** Whether a person must agree to a call first, as the policy says. */
  needsApproval(input: unknown): Promise<boolean>;
  /** Runs a call. @throws {ToolError} Where it fails or is denied. */
  execute(input: unknown, options: AiSdkCallOptions): Promise<Json>;
  /** What a model reads of a result. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  toModelOutput(options: { readonly output: unknown; readonly toolCallId: string }): any;
}

const schema = z.strictObject({
  state: z.unknown().optional(),
  policy: z.custom<Policy>((value) => typeof value === "function", "must be a function").optional(),
});

function schemaOf({ input, inputSchema }: AnyTool): AiSdkSchema {
  async function validate(value: unknown): Promise<AiSdkChecked> {
    const checked = await input["~standard"].validate(value);
    if (checked.issues === undefined) return { success: true, value };
    return { success: false, error: new Error(describeIssues(checked.issues, value as Json, inputSchema)) };
  }
  return { [AI_SDK_SCHEMA]: true, _type: undefined, jsonSchema: inputSchema, validate } as AiSdkSchema;
}

type Done = Extract<ToolOutcome, { ok: true }>;

/** What the model is told of a result. */
function outputOf({ value, text, isTold, files }: Done): AiSdkOutput {
  if (files.length === 0) {
    return isTold || typeof value === "string" ? { type: "text", value: text } : { type: "json", value: value ?? null };
  }
  const parts = files.map(({ data, mediaType }) =>
    data instanceof URL
      ? { type: "text", text: `[${mediaType}: ${data.href}]` }
      : { type: "media", mediaType, data: Buffer.from(data).toString("base64") },
  );
  return { type: "content", value: [{ type: "text", text }, ...parts] };
}

/**
 * Tools of ours for the AI SDK, 6 or 7: for `generateText({ model, tools })`, `streamText` and its agents. Calls are checked,
 * bounded and answered as in a run of our own. A failure is thrown, as the AI SDK expects, with its code in front.
 *
 * @throws {ConfigError} When the options cannot be meant, or two tools have one name.
 * @example
 * const { text } = await generateText({ model, tools: toAiSdkTools([convert]), prompt: "How many feet are 3 m?" });
 */
export function toAiSdkTools(tools: Iterable<AnyTool>, options: ToAiSdkOptions = {}): Record<string, OurAiSdkTool> {
  parseConfig("toAiSdkTools", schema, options);
  const { state, policy = defaultPolicy } = options;
  const adapt = (tool: AnyTool): OurAiSdkTool => {
    const done = new Map<string, Done>(); // results that have files or words of their own, until the model is told
    return {
      description: tool.description,
      inputSchema: schemaOf(tool),
      needsApproval: async (input) => (await policy({ tool, input: input as Json })) === "ask",
      async execute(input, { toolCallId, abortSignal }) {
        const verdict = await policy({ tool, input: input as Json });
        if (typeof verdict === "object")
          throw new ToolError({ code: "FORBIDDEN", message: `FORBIDDEN: ${verdict.deny}` });
        const calling: CallToolOptions = {
          state,
          callId: toolCallId,
          ...(abortSignal == null ? {} : { signal: abortSignal }),
        };
        const outcome = await callTool(tool, input as JsonObject, calling);
        if (!outcome.ok) {
          const { code, message } = outcome.failure;
          throw new ToolError({ code: code as ThrownToolCode, message: `${code}: ${message}` });
        }
        done.set(toolCallId, outcome);
        return outcome.value ?? null;
      },
      toModelOutput({ output, toolCallId }) {
        const outcome = done.get(toolCallId);
        done.delete(toolCallId);
        if (outcome !== undefined) return outputOf(outcome);
        return typeof output === "string"
          ? { type: "text", value: output }
          : { type: "json", value: (output ?? null) as Json };
      },
    };
  };
  return Object.fromEntries([...toolSet(tools)].map((tool) => [tool.name, adapt(tool)]));
}
