/** One tool of a server, as a tool of ours. */
import type { Json, JsonObject } from "@cambium/base";
import type { Tool as McpTool } from "@modelcontextprotocol/client";
import type { Inspected } from "../imported/inspect-definition.ts";
import { schemaOfBundle } from "../json-schema/json-schema.ts";
import { defineTool } from "../tools/define-tool.ts";
import { ToolError } from "../tools/failure.ts";
import type { AnyTool, Effects, ToolContext } from "../tools/tool.ts";
import { toolErrorOf } from "./failures.ts";
import type { Link } from "./link.ts";
import type { McpOptions, McpReview } from "./options.ts";
import { type McpResult, readResult } from "./result.ts";

/** What a server's list holds under one name. */
export interface Entry {
  readonly definition: JsonObject;
  readonly hash: string;
  readonly inspected: Inspected;
}

interface Hints {
  readonly readOnlyHint?: unknown;
  readonly destructiveHint?: unknown;
  readonly idempotentHint?: unknown;
  readonly openWorldHint?: unknown;
}

/** What a server claims that a tool does. Hints that are absent count as the worst. */
function claimed({ readOnlyHint, destructiveHint, idempotentHint, openWorldHint }: Hints) {
  const effects: Effects = readOnlyHint === true ? "reads" : destructiveHint === false ? "writes" : "destroys";
  return { effects, idempotent: effects === "reads" || idempotentHint === true, openWorld: openWorldHint !== false };
}

function effectsOf({ definition }: Entry, name: string, { effects = {} }: McpOptions) {
  if (effects === "as claimed") return claimed(Object(definition["annotations"]) as Hints);
  return { effects: Object.hasOwn(effects, name) ? effects[name]! : "destroys" } as const;
}

/**
 * A tool that is called at its server.
 *
 * @param current - Hash of what the server says of the tool now; `undefined` when it has it no more.
 */
export function toolOf(
  link: Link,
  options: McpOptions,
  current: () => string | undefined,
  { name, localName }: McpReview,
  entry: Entry,
): AnyTool {
  const { hash, definition } = entry;
  const { description, inputSchema } = entry.inspected;
  const { name: server, onProgress, limits } = options;
  const told = new WeakMap<object, McpResult>();

  function checkUnchanged(): void {
    const now = current();
    if (now === hash) return;
    if (now === undefined) throw new ToolError({ message: `the server "${server}" has no tool "${name}" any more` });
    throw new ToolError({
      code: "FORBIDDEN",
      message: `the server "${server}" has changed what "${name}" is since it was approved; somebody has to look at it first`,
    });
  }

  async function run(input: JsonObject, { signal, callId }: ToolContext): Promise<Json> {
    const progress =
      onProgress === undefined
        ? {}
        : { onprogress: (told: object) => onProgress({ ...told, server, tool: name, callId } as never) };
    const called = link.request((client) => {
      checkUnchanged();
      return client.callTool(
        { name, arguments: input },
        // The tool's own limit comes first; this one only frees what is left.
        {
          signal,
          timeout: 2 * (limits?.timeoutMs ?? 30_000) + 1000,
          toolDefinition: definition as unknown as McpTool,
          ...progress,
        },
      );
    });
    const answer = await called.catch((thrown: unknown) => {
      throw toolErrorOf(server, thrown);
    });
    const result = readResult(answer);
    if (answer.isError === true) {
      throw new ToolError({ message: result.text === "" ? "it failed, and says no more" : result.text });
    }
    if (typeof result.value === "object" && result.value !== null) told.set(result.value, result);
    return result.value;
  }

  return defineTool<JsonObject, Json>({
    name: localName,
    description,
    input: schemaOfBundle(inputSchema),
    inputSchema,
    ...effectsOf(entry, name, options),
    ...(limits === undefined ? {} : { limits }),
    category: server,
    run,
    text: (value) => (typeof value === "string" ? value : (told.get(Object(value))?.text ?? JSON.stringify(value))),
    files: (value) => told.get(Object(value))?.files ?? [],
  });
}
