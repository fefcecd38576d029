import fc from "fast-check";
import { expect, test } from "vitest";
import { callReader, type Said } from "./tool-text.ts";

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
