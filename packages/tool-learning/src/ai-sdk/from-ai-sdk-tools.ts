import { ConfigError, type Json, type JsonObject, nearest, parseConfig } from "@cambium/base";
import type { FilePart } from "@cambium/llm";
import * as z from "zod";
import { inspectDefinition, isUsable } from "../imported/inspect-definition.ts";
import { schemaOfBundle } from "../json-schema/json-schema.ts";
import { isObject } from "../json-schema/keywords.ts";
import { defineTool } from "../tools/define-tool.ts";
import { ToolError } from "../tools/failure.ts";
import { messageOf } from "../tools/hostile.ts";
import { isSchema, jsonSchemaOf, type Schema } from "../tools/schema.ts";
import type { AnyTool, Effects, ToolLimits } from "../tools/tool.ts";
import { AI_SDK_SCHEMA, type AiSdkOutput, type AiSdkSchema, type AiSdkTool } from "./ai-sdk-tool.ts";

/** Settings of `fromAiSdkTools`. */
export interface FromAiSdkOptions {
  /** What calls do to the world, by the name of the tool. @default every tool may destroy something, so that it asks first */
  readonly effects?: Readonly<Record<string, Effects>>;
  /** Bounds on the calls of every tool. */
  readonly limits?: Partial<ToolLimits>;
}

const schema = z.strictObject({
  effects: z.record(z.string(), z.enum(["none", "reads", "writes", "destroys"])).optional(),
  limits: z.looseObject({}).optional(),
});

/** What is told to the model of a result, where the tool has its own way. */
interface Told {
  readonly text: string;
  readonly files: readonly FilePart[];
}

/** The schema of a tool, whichever library it is of. */
async function readSchema(
  name: string,
  given: unknown,
): Promise<{ readonly input: Schema; readonly json: JsonObject }> {
  const made: unknown = typeof given === "function" && !isSchema(given) ? (given as () => unknown)() : given;
  if (isObject(made) && (made as unknown as Record<symbol, unknown>)[AI_SDK_SCHEMA] === true) {
    const { jsonSchema, validate } = made as unknown as AiSdkSchema;
    const { inputSchema: json, findings } = inspectDefinition({ name, inputSchema: await jsonSchema });
    const worst = findings.find(({ kind }) => kind === "unusable");
    if (!isUsable(findings)) throw new ConfigError({ message: `fromAiSdkTools: "${name}": ${worst?.message}` });
    if (validate === undefined) return { input: schemaOfBundle(json), json };
    const check = async (value: unknown) => {
      const checked = await validate(value);
      return checked.success ? { value: checked.value } : { issues: [{ message: messageOf(checked.error) }] };
    };
    return { input: { "~standard": { version: 1, vendor: "ai", validate: check } }, json };
  }
  if (isSchema(made))
    return {
      input: made,
      json: jsonSchemaOf(`fromAiSdkTools: "${name}"`, made, "a schema of zod 4, or jsonSchema(…)"),
    };
  throw new ConfigError({
    message: `fromAiSdkTools: "${name}" has no schema that can be read: pass one of zod 4, or jsonSchema(…)`,
  });
}

/** The last of what a tool gives, where it gives results piece by piece. */
async function lastOf(given: unknown): Promise<unknown> {
  const value = await given;
  if (!isObject(value) || !(Symbol.asyncIterator in value)) return value;
  let last: unknown;
  for await (const piece of value as unknown as AsyncIterable<unknown>) last = piece;
  return last;
}

function fileOf(part: Readonly<Record<string, unknown>>): FilePart | undefined {
  const { mediaType, data, url, filename } = part;
  const inner = isObject(data) ? (data["data"] ?? data["url"]) : (data ?? url);
  if (typeof inner !== "string") return undefined;
  const isUrl = URL.canParse(inner);
  return {
    type: "file",
    mediaType: typeof mediaType === "string" ? mediaType : "application/octet-stream",
    data: isUrl ? new URL(inner) : new Uint8Array(Buffer.from(inner, "base64")),
    ...(typeof filename === "string" ? { name: filename } : {}),
  };
}

/** @throws {ToolError} When the tool says that it failed. */
function toldOf(output: AiSdkOutput): Told {
  switch (output.type) {
    case "text":
      return { text: output.value, files: [] };
    case "json":
      return { text: JSON.stringify(output.value), files: [] };
    case "content": {
      const parts = output.value.filter(isObject);
      const texts = parts.map(({ text, type }) => (typeof text === "string" ? text : `[${String(type)}]`));
      return { text: texts.join("\n"), files: parts.map(fileOf).filter((file) => file !== undefined) };
    }
    case "execution-denied":
      throw new ToolError({ code: "FORBIDDEN", message: output.reason ?? "the call was not allowed" });
    default:
      throw new ToolError({ message: typeof output.value === "string" ? output.value : JSON.stringify(output.value) });
  }
}

/**
 * Tools of the AI SDK, 6 or 7, for `runAgent`: of `tool()`, `dynamicTool()`, and those of its MCP client.
 *
 * @param tools - By name, as `generateText` takes them.
 * @throws {ConfigError} When a tool has no `execute` here (those that a provider or a browser runs), no schema that can be read,
 *   or a name that providers refuse; and when `effects` names a tool that is not there.
 * @example
 * const run = runAgent({ model: chat, tools: await fromAiSdkTools({ weather }, { effects: { weather: "reads" } }) }, { instruction });
 */
export async function fromAiSdkTools(
  tools: Readonly<Record<string, AiSdkTool>>,
  options: FromAiSdkOptions = {},
): Promise<readonly AnyTool[]> {
  parseConfig("fromAiSdkTools", schema, options);
  const { effects = {}, limits } = options;
  const names = Object.keys(tools);
  const unknown = Object.keys(effects).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const near = nearest(unknown, names);
    throw new ConfigError({
      message: `fromAiSdkTools: effects names "${unknown}", which is no tool${near === undefined ? "" : `; is "${near}" meant?`}`,
      key: unknown,
    });
  }
  return Promise.all(
    Object.entries(tools).map(async ([name, { description, inputSchema, execute, toModelOutput, type }]) => {
      if (execute === undefined) {
        const who = type === "provider" ? "its provider runs it" : "it has no execute";
        throw new ConfigError({
          message: `fromAiSdkTools: "${name}" cannot be called here: ${who}; leave it out`,
          name,
        });
      }
      const { input, json } = await readSchema(name, inputSchema);
      const told = new WeakMap<object, Told>();
      return defineTool<unknown, unknown>({
        name,
        description: description?.trim() ? description : name,
        input,
        inputSchema: json,
        effects: effects[name] ?? "destroys",
        ...(limits === undefined ? {} : { limits }),
        async run(given, { signal, callId }) {
          const value = await lastOf(execute(given, { toolCallId: callId, messages: [], abortSignal: signal }));
          if (toModelOutput === undefined) return value as Json;
          const output = toldOf(
            (await toModelOutput({ toolCallId: callId, input: given, output: value })) as AiSdkOutput,
          );
          const kept = { value };
          told.set(kept, output);
          return kept;
        },
        ...(toModelOutput === undefined
          ? {}
          : {
              text: (value) => told.get(Object(value))?.text ?? JSON.stringify(value),
              files: (value) => told.get(Object(value))?.files ?? [],
            }),
      });
    }),
  );
}
