/**
 * Tools in text, for models whose chat template does not write them: as the Hermes models have it, which Qwen's took over. Declarations
 * stand in the system message between `<tools>` and `</tools>`, one JSON object or signature a line; a call is a JSON object with `name` and
 * `arguments` between `<tool_call>` and `</tool_call>`; results come as a turn of the user, each between `<tool_response>` and
 * `</tool_response>`.
 *
 * @see https://github.com/NousResearch/Hermes-Function-Calling
 */
import type { Json, JsonObject } from "@cambium/base";
import type { ChatMessage } from "@cambium/models";
import { parseArguments, type ToolCallPart } from "../../messages/message.ts";
import type { ToolDeclaration } from "../../messages/request.ts";
import { signatureOf } from "./signature.ts";

export const OPEN = "<tool_call>";
export const CLOSE = "</tool_call>";

/** A call as a model writes it. */
export function writeCall(call: ToolCallPart): string {
  const parsed = parseArguments(call);
  const given = parsed.ok ? parsed.value : call.arguments;
  return `${OPEN}\n${JSON.stringify({ name: call.name, arguments: given })}\n${CLOSE}`;
}

/** A tool as templates and models read it. */
export function declarationOf({ name, description, parameters }: ToolDeclaration): JsonObject {
  return { type: "function", function: { name, ...(description !== undefined && { description }), parameters } };
}

/** Keywords whose members have names of the schema's writer, each with a schema. */
const NAMED: ReadonlySet<string> = new Set([
  "properties",
  "patternProperties",
  "$defs",
  "definitions",
  "dependentSchemas",
]);

/**
 * A schema that stands at another place in a whole: places that it refers to are there.
 *
 * @param isNamed - Whether its keys are names, such as those of properties, and no keywords.
 */
function movedTo(place: string, value: Json | undefined, isNamed = false): Json {
  if (Array.isArray(value)) return value.map((each) => movedTo(place, each as Json));
  if (typeof value !== "object" || value === null) return value ?? null;
  const moved = Object.entries(value).map(([key, each]): [string, Json] => {
    if (isNamed) return [key, movedTo(place, each)];
    if (key === "const" || key === "enum") return [key, each ?? null];
    if (key === "$ref" && typeof each === "string") return [key, each.replace(/^#/, place)];
    return [key, movedTo(place, each, NAMED.has(key))];
  });
  return Object.fromEntries(moved);
}

/** Keywords by which a schema without a type may still say which values there are. */
const TELLING = ["$ref", "anyOf", "oneOf", "allOf", "const", "enum"];

/** A schema of arguments: of objects, whatever else it lets pass. */
function ofObjects(parameters: JsonObject): JsonObject {
  const { type } = parameters;
  if (type === undefined && TELLING.some((key) => Object.hasOwn(parameters, key))) return parameters;
  return type === undefined || [type].flat().includes("object") ? { ...parameters, type: "object" } : parameters;
}

/** The JSON schema of a call of one of some tools. */
export function callSchema(tools: readonly ToolDeclaration[]): JsonObject {
  const calls = tools.map(({ name, parameters }, index) => {
    const place = `#${tools.length === 1 ? "" : `/anyOf/${index}`}/properties/arguments`;
    const given = movedTo(place, ofObjects(parameters));
    return {
      type: "object",
      properties: { name: { const: name }, arguments: given },
      required: ["name", "arguments"],
      additionalProperties: false,
    };
  });
  return calls.length === 1 ? calls[0]! : { anyOf: calls };
}

/** A conversation with the declarations in its system message. */
export function withTools(
  messages: readonly ChatMessage[],
  tools: readonly ToolDeclaration[],
  form: "json" | "signatures" = "json",
): ChatMessage[] {
  const told = [
    "You may call tools. Their declarations are:",
    "<tools>",
    ...tools.map((tool) => (form === "json" ? JSON.stringify(declarationOf(tool)) : signatureOf(tool))),
    "</tools>",
    "To call one, write its name and its arguments as a JSON object, like this, and nothing behind it:",
    `${OPEN}\n{"name": "the tool's name", "arguments": {}}\n${CLOSE}`,
  ].join("\n");
  const [first, ...rest] = messages;
  if (first?.role !== "system") return [{ role: "system", content: told }, ...messages];
  return [{ role: "system", content: `${String(first.content)}\n\n${told}` }, ...rest];
}

/** What comes out of a model's text. */
export type Said =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "call"; readonly name: string; readonly arguments: string };

/** Takes a text in parts, and gives texts and calls. */
export interface CallReader {
  push(text: string): Said[];
  end(): Said[];
}

/** The length of the longest end of a text that a mark begins with. */
function heldLength(text: string, mark: string): number {
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(mark.slice(0, length))) return length;
  }
  return 0;
}

/** The call that a text is, if it is one of a tool that there is. */
function readCall(text: string, names: ReadonlySet<string>): Said | undefined {
  try {
    const { name, arguments: given, parameters } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (typeof name !== "string" || !names.has(name)) return undefined;
    const values = given ?? parameters ?? {};
    if (typeof values !== "object" || Array.isArray(values)) return undefined;
    return { type: "call", name, arguments: JSON.stringify(values) };
  } catch {
    return undefined;
  }
}

/**
 * Where the closing mark is that is not within a JSON string; −1 where there is none yet. Strings of JSON have no line breaks, so that
 * each line begins outside of them.
 */
function closeOf(text: string): number {
  let isInString = false;
  for (let i = text.indexOf(CLOSE) === -1 ? text.length : 0; i < text.length; i++) {
    const char = text[i];
    if (char === "\n") isInString = false;
    else if (isInString && char === "\\") i++;
    else if (char === '"') isInString = !isInString;
    else if (!isInString && text.startsWith(CLOSE, i)) return i;
  }
  return -1;
}

/** A reader of calls of these tools. What looks like a call and is none stays text, so that nothing is lost. */
export function callReader(names: ReadonlySet<string>): CallReader {
  let held = "";
  let isInside = false;

  /** Text but for blanks at its end, which may stand before a call. */
  function text(all: string, isLast: boolean): Said[] {
    const mark = isLast ? 0 : heldLength(all, OPEN);
    const blanks = isLast ? 0 : /\s*$/.exec(all.slice(0, all.length - mark))![0].length;
    const end = all.length - mark - blanks;
    held = all.slice(end);
    return end === 0 ? [] : [{ type: "text", text: all.slice(0, end) }];
  }

  function read(isLast: boolean): Said[] {
    const said: Said[] = [];
    for (;;) {
      let at = isInside ? closeOf(held) : held.indexOf(OPEN);
      if (isInside && at < 0 && !isLast) return said;
      if (isInside) {
        let call = readCall(held.slice(0, at < 0 ? held.length : at), names);
        if (call === undefined) {
          at = held.indexOf(CLOSE); // no JSON: a quote in it means nothing
          call = readCall(held.slice(0, at < 0 ? held.length : at), names);
        }
        const end = at < 0 ? held.length : at;
        const rest = held.slice(at < 0 ? end : end + CLOSE.length);
        said.push(call ?? { type: "text", text: `${OPEN}${held.slice(0, held.length - rest.length)}` });
        isInside = false;
        held = rest;
        continue;
      }
      if (at < 0) return [...said, ...text(held, isLast)];
      const before = held.slice(0, at).trimEnd();
      if (before !== "") said.push({ type: "text", text: before });
      held = held.slice(at + OPEN.length);
      isInside = true;
    }
  }

  return {
    push(part) {
      held += part;
      return read(false);
    },
    end() {
      const said = read(true);
      held = "";
      return said;
    },
  };
}
