import fc from "fast-check";
import { expect, test } from "vitest";
import { callReader, callSchema, type Said } from "./tool-text.ts";

const names = new Set(["f", "g"]);

function read(text: string, cuts: readonly number[] = []): Said[] {
  const reader = callReader(names);
  const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
  const said = places.slice(1).flatMap((to, i) => reader.push(text.slice(places[i], to)));
  const all = [...said, ...reader.end()];
  const joined: Said[] = []; // neighbouring texts are one
  for (const each of all) {
    const last = joined.at(-1);
    if (last?.type !== "text" || each.type !== "text") joined.push(each);
    else joined[joined.length - 1] = { type: "text", text: last.text + each.text };
  }
  return joined;
}

const call = (name: string, given: object = {}): string =>
  `<tool_call>\n${JSON.stringify({ name, arguments: given })}\n</tool_call>`;

test.each<[string, string, Said[]]>([
  ["text alone", "Hello <tool> there", [{ type: "text", text: "Hello <tool> there" }]],
  ["blanks at the end", "Hello \n", [{ type: "text", text: "Hello \n" }]],
  ["a call", call("f", { a: 1 }), [{ type: "call", name: "f", arguments: '{"a":1}' }]],
  [
    "text and two calls",
    `Let me see.\n${call("f")}\n${call("g", { b: "<tool_call>" })}`,
    [
      { type: "text", text: "Let me see." },
      { type: "call", name: "f", arguments: "{}" },
      { type: "call", name: "g", arguments: '{"b":"<tool_call>"}' },
    ],
  ],
  ["a call without its end", '<tool_call>{"name": "f"}', [{ type: "call", name: "f", arguments: "{}" }]],
  ["a tool that there is not", call("h"), [{ type: "text", text: call("h") }]],
  ["no JSON", "<tool_call>f()</tool_call>!", [{ type: "text", text: "<tool_call>f()</tool_call>!" }]],
  [
    "a list of arguments",
    '<tool_call>{"name":"f","arguments":[1]}</tool_call>',
    [{ type: "text", text: '<tool_call>{"name":"f","arguments":[1]}</tool_call>' }],
  ],
  [
    "a closing mark within an argument",
    `${call("f", { a: 'say "</tool_call>\\' })} ${call("g")}`,
    [
      { type: "call", name: "f", arguments: '{"a":"say \\"</tool_call>\\\\"}' },
      { type: "call", name: "g", arguments: "{}" },
    ],
  ],
  [
    "no JSON with one quote, and a call",
    `<tool_call>6" long</tool_call>${call("f")}`,
    [
      { type: "text", text: '<tool_call>6" long</tool_call>' },
      { type: "call", name: "f", arguments: "{}" },
    ],
  ],
  ["a mark that is begun", "a <tool_ca", [{ type: "text", text: "a <tool_ca" }]],
])("%s is read as what it is, however it is cut", (_, text, said) => {
  expect(read(text)).toEqual(said);
  fc.assert(
    fc.property(fc.array(fc.nat(200), { maxLength: 8 }), (cuts) => {
      expect(read(text, cuts)).toEqual(said);
    }),
    { seed: 1, numRuns: 50 },
  );
});

const argumentsIn = (...parameters: object[]): unknown => {
  const schema = callSchema(parameters.map((each, i) => ({ name: `f${i}`, parameters: each as never })));
  const calls = (schema["anyOf"] ?? [schema]) as { properties: { arguments: unknown } }[];
  return calls[0]!.properties.arguments;
};

test.each<[object, object]>([
  [{}, { type: "object" }],
  [{ description: "none" }, { description: "none", type: "object" }],
  [{ properties: { a: {} } }, { properties: { a: {} }, type: "object" }],
  [{ type: ["object", "null"] }, { type: "object" }],
  [{ anyOf: [{ type: "object" }] }, { anyOf: [{ type: "object" }] }],
])("arguments are objects: %j", (parameters, schema) => {
  expect(argumentsIn(parameters)).toEqual(schema);
});

test("references move with their schema, names of properties are no keywords, and values stay", () => {
  const parameters = {
    type: "object",
    properties: {
      enum: { $ref: "#/$defs/const" },
      $ref: { type: "string" },
      properties: { enum: [{ $ref: "#" }] },
    },
    $defs: { const: { $ref: "#/$defs/a" }, a: { const: { $ref: "#" } } },
  };
  const place = "#/anyOf/0/properties/arguments";
  expect(argumentsIn(parameters, {})).toEqual({
    type: "object",
    properties: {
      enum: { $ref: `${place}/$defs/const` },
      $ref: { type: "string" },
      properties: { enum: [{ $ref: "#" }] },
    },
    $defs: { const: { $ref: `${place}/$defs/a` }, a: { const: { $ref: "#" } } },
  });
});
