import { expect, test } from "vitest";
import { requestFromWire } from "./request-from-wire.ts";

const asked = (more: object, content: unknown = "Hi"): object => ({
  model: "m",
  messages: [{ role: "user", content }],
  ...more,
});

const call = { id: "c", type: "function", function: { name: "f", arguments: "{}" } };
const tool = (name: string): object => ({ type: "function", function: { name } });
const said = (message: object): object => ({ model: "m", messages: [message] });

test.each<[string, unknown, string | undefined, string]>([
  ["a body that is a list", [], undefined, "the body must be a JSON object"],
  ["a body that is null", null, undefined, "the body must be a JSON object"],
  ["no messages", { model: "m", messages: [] }, "messages", "at least one message"],
  ["an unknown role", said({ role: "god", content: "x" }), "messages[0].role", "must be one of system, developer"],
  ["a number for content", asked({}, 42), "messages[0].content", "content must be a text or a list of parts, got 42"],
  ["no content of a user", asked({}, null), "messages[0].content", "a text or a list of parts, got null"],
  ["a part that is no list", asked({}, { type: "text", text: "Hi" }), "messages[0].content", "a list of parts"],
  ["nothing for a part", asked({}, [null]), "messages[0].content[0]", "must be an object, got null"],
  ["an unknown part", asked({}, [{ type: "dance" }]), "messages[0].content[0]", 'unknown type "dance"'],
  ["an image without an address", asked({}, [{ type: "image_url" }]), "messages[0].content[0]", "needs an address"],
  ["a result without a call", said({ role: "tool", content: "x" }), "messages[0].tool_call_id", "the id of its call"],
  [
    "a result of another call",
    {
      model: "m",
      messages: [
        { role: "assistant", tool_calls: [call] },
        { role: "tool", tool_call_id: "d", content: "x" },
      ],
    },
    "messages[1].tool_call_id",
    'no call before it has the id "d"',
  ],
  ["a call without a name", said({ role: "assistant", tool_calls: [{}] }), "messages[0]", "a function with a name"],
  ["calls that are no list", said({ role: "assistant", tool_calls: 3 }), "messages[0]", "tool_calls must be a list"],
  ["an unknown format", asked({ response_format: { type: "foo" } }), "response_format", 'type must be "text"'],
  ["no schema", asked({ response_format: { type: "json_schema" } }), "response_format", "json_schema needs a schema"],
  [
    "a schema in another place",
    asked({ response_format: { type: "json_object", schema: { type: "object" } } }),
    "response_format",
    "a schema stands under json_schema.schema",
  ],
  ["two tools of one name", asked({ tools: [tool("f"), tool("f")] }), "tools[1].function.name", 'called "f"'],
  [
    "a mistyped part of a tool",
    asked({ tools: [{ type: "function", function: { name: "f", paramters: {} } }] }),
    "tools[0].function.paramters",
    'is "parameters" meant?',
  ],
  ["a tool without a name", asked({ tools: [tool("")] }), "tools[0].function.name", "a tool needs a name"],
  [
    "another kind of tool",
    asked({ tools: [{ type: "web_search" }] }),
    "tools[0].type",
    "only tools of the type function",
  ],
  ["a tool that is not there", asked({ tools: [tool("f")], tool_choice: tool("g") }), "tool_choice", 'wants "g"'],
  ["a call of none", asked({ tool_choice: "required" }), "tool_choice", "there is none"],
  ["an unknown choice", asked({ tool_choice: "any" }), "tool_choice", 'must be "auto"'],
  ["no tokens", asked({ max_tokens: 0 }), "max_tokens", "max_tokens"],
  ["no tokens by the newer name", asked({ max_completion_tokens: -1 }), "max_completion_tokens", ">0"],
  ["a temperature below 0", asked({ temperature: -0.1 }), "temperature", ">=0"],
  ["a text for a temperature", asked({ temperature: "hot" }), "temperature", "expected number"],
  ["a share above 1", asked({ top_p: 1.1 }), "top_p", "<=1"],
  ["no tokens to draw from", asked({ top_k: 0 }), "top_k", "leave it out to draw from all"],
  ["a penalty out of range", asked({ presence_penalty: 3 }), "presence_penalty", "<=2"],
  ["an empty stop", asked({ stop: "" }), "stop", "of at least one character"],
  ["half a seed", asked({ seed: 0.5 }), "seed", "int"],
  ["too many alternatives", asked({ top_logprobs: 21 }), "top_logprobs", "<=20"],
  ["two answers", asked({ n: 2 }), "n", "only one choice is given"],
  [
    "the name of who speaks",
    said({ role: "user", content: "Hi", name: "Ana" }),
    "messages[0].name",
    "write the name into",
  ],
  ["a field beside a function", asked({ tools: [{ ...tool("f"), strct: true }] }), "tools[0].strct", "no such field"],
  ["a mistyped wish of a stream", asked({ stream_options: { inclde_usage: true } }), "stream_options", "inclde_usage"],
])("%s is an error that names its field and says so", (_, body, param, message) => {
  const attempt = (): unknown => requestFromWire(body);
  expect(attempt).toThrow(message);
  expect(attempt).toThrow(
    expect.objectContaining({ code: "CONFIG", details: { ...(param !== undefined && { param }) } }),
  );
});

test("what may be left out or be null is read as nothing, and refusals as texts", () => {
  const nothing = ["tools", "tool_choice", "response_format", "max_tokens", "temperature", "stop", "seed", "logprobs"];
  const { request } = requestFromWire(asked(Object.fromEntries(nothing.map((key) => [key, null]))));
  expect(request).toEqual({ messages: [{ role: "user", content: "Hi" }] });
  const assistant = (more: object) =>
    requestFromWire(said({ role: "assistant", ...more })).request.messages[0]!.content;
  expect(assistant({ content: null, tool_calls: [call] })).toMatchObject([{ type: "tool-call", name: "f" }]);
  expect(assistant({ content: [{ type: "refusal", refusal: "No." }] })).toEqual([{ type: "text", text: "No." }]);
});

test("formats that are known are read", () => {
  const schema = { type: "object" };
  const format = (response_format: object): unknown => requestFromWire(asked({ response_format })).request.format;
  expect(format({ type: "text" })).toBeUndefined();
  expect(format({ type: "json_object" })).toEqual({});
  expect(format({ type: "json_schema", json_schema: { name: "n", schema } })).toEqual({ name: "n", schema });
});

test("a tool without parameters takes none", () => {
  const { request } = requestFromWire(asked({ tools: [tool("f")] }));
  expect(request.tools).toEqual([
    { name: "f", parameters: { type: "object", properties: {}, additionalProperties: false } },
  ]);
});
