/** Replies as servers write them, whole and streamed: each is read, or refused before it is stored. */
import { canonicalJson, type JsonObject } from "@cambium/base";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Reply } from "../messages/request.ts";
import { countingIds } from "../open-models.fixture.ts";
import { createAssembler } from "./assemble.ts";
import { replyFromWire } from "./reply-from-wire.ts";

const whole = (message: unknown, reason: unknown = "stop"): Reply =>
  replyFromWire({ choices: [{ message, finish_reason: reason }] } as unknown as JsonObject, countingIds("fresh"));

function streamed(...deltas: readonly unknown[]): Reply {
  const assembler = createAssembler(countingIds("fresh"), undefined);
  for (const delta of deltas) assembler.push({ choices: [{ delta }] } as unknown as JsonObject);
  assembler.push({ choices: [{ delta: {}, finish_reason: "stop" }] });
  return assembler.finish();
}

/** The calls of a stream whose deltas each have these tool calls. */
const calls = (...deltas: readonly (readonly unknown[])[]): unknown[] =>
  streamed(...deltas.map((tool_calls) => ({ tool_calls }))).content.map((part) =>
    part.type === "tool-call" ? [part.id, part.name, part.arguments] : part,
  );

const called = (name: unknown, given: unknown): object => ({ function: { name, arguments: given } });
const more = (given: string): object => ({ function: { arguments: given } });
const A = ["a", "f", '{"x":1}'];
const B = ["b", "f", '{"x":2}'];

test("parallel calls that all have index 0 are told apart by their ids", () => {
  const [a, b] = [
    { index: 0, id: "a", ...called("f", '{"x":1}') },
    { index: 0, id: "b", ...called("f", '{"x":2}') },
  ];
  expect(calls([a], [b])).toEqual([A, B]);
  expect(calls([a, b])).toEqual([A, B]);
});

test("pieces after a new id belong to the new call", () => {
  const open = (id: string): object => ({ index: 0, id, ...called("f", '{"x":') });
  expect(calls([open("a")], [{ index: 0, ...more("1}") }], [open("b")], [{ index: 0, ...more("2}") }])).toEqual([A, B]);
});

test("pieces that carry their id belong to its call, in whatever order they come", () => {
  const open = (id: string): object => ({ index: 0, id, ...called("f", '{"x":') });
  expect(calls([open("a")], [open("b")], [{ id: "b", ...more("2}") }], [{ id: "a", ...more("1}") }])).toEqual([A, B]);
});

test.each([[{ index: 0, id: "" }], [{ index: 0 }], [{}]])("whole calls without ids are told apart (%j)", (head) => {
  const found = calls([{ ...head, ...called("f", '{"x":1}') }], [{ ...head, ...called("f", '{"x":2}') }]);
  expect(found).toEqual([
    ["fresh-0", "f", '{"x":1}'],
    ["fresh-1", "f", '{"x":2}'],
  ]);
});

test("another name after arguments opens a call", () => {
  const found = calls([{ index: 0, ...called("f", '{"x":1}') }], [{ index: 0, ...called("g", "{}") }]);
  expect(found).toMatchObject(
    [
      [{}, "f", '{"x":1}'],
      [{}, "g", "{}"],
    ].map(([, ...rest]) => [expect.any(String), ...rest]),
  );
});

test("a name that is repeated in later pieces is one name, and one in pieces is joined", () => {
  const piece = (given: string): object => ({ index: 0, id: "a", ...called("f", given) });
  expect(calls([piece("")], [piece('{"x"')], [piece(":1}")], [piece("")])).toEqual([A]);
  const names = [
    { index: 0, id: "a", ...called("get_", "") },
    { index: 0, ...called("it", "") },
  ];
  expect(calls([names[0]], [names[1]], [{ index: 0, ...more("{}") }])).toEqual([["a", "get_it", "{}"]]);
});

test("a call that is given again as a whole, under another index too, is one call", () => {
  const whole = { id: "a", ...called("f", '{"x":1}') };
  expect(calls([{ index: 0, ...whole }], [{ index: 0, ...whole }])).toEqual([A]);
  expect(calls([{ index: 0, ...whole }], [{ index: 1, ...whole }])).toEqual([A]);
  expect(calls([{ index: 0, id: "a", ...called("f", '{"x"') }], [{ index: 0, ...whole }])).toEqual([A]);
});

test("a reason that is empty is none: a stream that was cut is no reply, and a reason that was given stays", () => {
  const piece = (content: string, reason: string | null): JsonObject => ({
    choices: [{ delta: { content }, finish_reason: reason }],
  });
  const assembler = createAssembler(countingIds(), undefined);
  assembler.push(piece("half", ""));
  expect(() => assembler.finish()).toThrow(expect.objectContaining({ code: "MODEL_FORMAT" }));
  for (const reason of ["stop", "", null]) assembler.push(piece("", reason));
  expect(assembler.finish().finish).toBe("stop");
});

test("an id that changes with every piece opens no call", () => {
  const found = calls([{ index: 0, id: "a", ...called("f", '{"x"') }], [{ index: 0, id: "b", ...called(null, ":1}") }]);
  expect(found).toEqual([A]);
});

test("arguments that come as an object are a whole call", () => {
  expect(
    calls([{ index: 0, id: "a", ...called("f", { x: 1 }) }], [{ index: 0, id: "b", ...called("f", { x: 2 }) }]),
  ).toEqual([A, B]);
});

test.each([
  [
    "text",
    [
      { type: "text", text: "one " },
      { type: "text", text: "two" },
    ],
    [{ type: "text", text: "one two" }],
  ],
  ["a plain text", ["one"], [{ type: "text", text: "one" }]],
  [
    "thoughts",
    [
      { type: "thinking", thinking: [{ type: "text", text: "hm" }] },
      { type: "text", text: "one" },
    ],
    [
      { type: "reasoning", text: "hm" },
      { type: "text", text: "one" },
    ],
  ],
  [
    "references to what was given",
    [
      { type: "text", text: "one" },
      { type: "reference", reference_ids: [1] },
    ],
    [
      { type: "text", text: "one" },
      { type: "other", kind: "reference", value: { type: "reference", reference_ids: [1] } },
    ],
  ],
])("content as a list holds %s", (_, content, expected) => {
  expect(whole({ content }).content).toEqual(expected);
  expect(streamed({ content }).content).toEqual(expected);
});

test.each([
  ["content that is a number", { content: 5 }],
  ["content that is an object", { content: { text: "x" } }],
  ["a part that nobody knows", { content: [{ type: "hologram", data: 1 }] }],
  ["calls that are no list", { tool_calls: { function: { name: "f" } } }],
  ["a call that is a text", { tool_calls: ["f"] }],
  ["a call without a name", { tool_calls: [{ index: 0, id: "a", function: { arguments: "{}" } }] }],
])("%s is refused", (_, message) => {
  expect(() => whole(message)).toThrow(expect.objectContaining({ code: "MODEL_FORMAT" }));
  expect(() => streamed(message)).toThrow(expect.objectContaining({ code: "MODEL_FORMAT" }));
});

test("calls that are null are none", () => {
  expect(whole({ content: "x", tool_calls: [null] }).content).toEqual([{ type: "text", text: "x" }]);
  expect(streamed({ content: "x", tool_calls: [null] }).content).toEqual([{ type: "text", text: "x" }]);
});

test("a call in the old form is a call", () => {
  const content = [{ type: "tool-call", id: "fresh-0", name: "f", arguments: "{}" }];
  expect(whole({ content: null, function_call: { name: "f", arguments: "{}" } }).content).toEqual(content);
  const [head, tail] = [{ function_call: { name: "f", arguments: "{" } }, { function_call: { arguments: "}" } }];
  expect(streamed(head, tail).content).toEqual(content);
});

test.each(["constructor", "toString", "__proto__", "eos", 5, null, {}])(
  "a reply that ended by %j has a reason",
  (reason) => {
    expect(whole({ content: "x" }, reason).finish).toBe("other");
  },
);

test("whatever JSON comes, whole or in pieces, is a reply that can be stored, or MODEL_FORMAT", () => {
  const known = fc.constantFrom(
    "content",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "id",
    "index",
    "type",
    "text",
    "role",
    "reasoning",
    "refusal",
    "annotations",
    "function_call",
    "thinking",
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom(null, 0, 1, "", "f", "{}", "text", true),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(known, tie("value"), { maxKeys: 4 }),
    ),
  }));
  const check = (make: () => Reply): void => {
    try {
      const reply = make();
      expect(JSON.parse(canonicalJson(reply))).toEqual(reply);
    } catch (error) {
      expect(error).toMatchObject({ code: "MODEL_FORMAT" });
    }
  };
  fc.assert(
    fc.property(value, fc.array(value, { maxLength: 4 }), (message, deltas) => {
      check(() => whole(message, message));
      check(() => streamed(...deltas));
      check(() => replyFromWire({ choices: message } as JsonObject, () => "id"));
    }),
    { seed: 1, numRuns: 2000 },
  );
});
