import { expect, test } from "vitest";
import type { Piece } from "../chat-model.ts";
import { parseArguments, type ToolCallPart } from "../messages/message.ts";
import { ask, testClock, testContext } from "../open-models.fixture.ts";
import { scripted } from "./scripted.ts";

test("a request gets the first step that is for it and not used up", async () => {
  const script = scripted([
    { when: { stage: "creation", content: /add/ }, reply: "creation of add", times: 2 },
    { when: { stage: "creation" }, reply: "creation" },
    { when: ({ temperature }) => temperature === 0, reply: "cold" },
    { reply: "any", times: Number.POSITIVE_INFINITY },
  ]);
  const say = async (content: string, more: object = {}) =>
    ((await script.generate({ ...ask(content), ...more }, testContext())).content[0] as { text: string }).text;
  expect(await say("subtract", { stage: "creation" })).toBe("creation");
  expect(await say("add", { stage: "creation" })).toBe("creation of add");
  expect(await say("x", { temperature: 0 })).toBe("cold");
  expect(await say("x", { temperature: 0 })).toBe("any");
  expect(() => script.finish()).toThrow('scripted: not used: step 0, 1 times ({"content":"/add/","stage":"creation"})');
  expect(await say("add", { stage: "creation" })).toBe("creation of add");
  script.finish();
});

test("a request without a step is an error that shows both", async () => {
  const script = scripted([{ when: { content: "sum" }, reply: "6" }]);
  await expect(script.generate({ ...ask("product?"), stage: "decision" }, testContext())).rejects.toMatchObject({
    code: "NO_REPLY",
    message: 'scripted: no step is for stage "decision", last message "product?"; left are step 0: {"content":"sum"}',
  });
});

test("tool calls may be malformed, and come with ids", async () => {
  const script = scripted([
    {
      reply: {
        toolCalls: [
          { name: "f", arguments: { b: 1, a: [true] } },
          { name: "g", arguments: '{"x": ' },
        ],
      },
    },
  ]);
  const { content, finish } = await script.generate(ask("?"), testContext());
  const [good, bad] = content as ToolCallPart[];
  expect(finish).toBe("tool-calls");
  expect(good).toEqual({ type: "tool-call", id: "call-0", name: "f", arguments: '{"a":[true],"b":1}' });
  expect(parseArguments(good!)).toEqual({ ok: true, value: { a: [true], b: 1 } });
  expect(parseArguments(bad!)).toMatchObject({ ok: false, problem: expect.stringContaining('"g" are no JSON') });
});

test("pieces of a stream have the lengths asked for, and join to the text", async () => {
  const pieces: Piece[] = [];
  const context = testContext({ onPiece: (piece) => pieces.push(piece) });
  const script = scripted([{ reply: { text: "abcdef", pieces: [1, 2] } }, { reply: "  two words\n" }]);
  await script.generate(ask("?"), context);
  expect(pieces.splice(0).map((piece) => "text" in piece && piece.text)).toEqual(["a", "bc", "def"]);
  await script.generate(ask("?"), context);
  expect(pieces.map((piece) => "text" in piece && piece.text)).toEqual(["  two", " words\n"]);
});

test("delays take the clock's time, and failures are those of a provider", async () => {
  const clock = testClock();
  const script = scripted([
    { reply: { text: "x", delayMs: 250 } },
    { reply: { error: { status: 529, message: "busy" } } },
  ]);
  await script.generate(ask("?"), testContext({ clock }));
  expect(clock.elapsed()).toBe(250);
  const busy = { code: "UNAVAILABLE", details: { status: 529, charged: false } };
  await expect(script.generate(ask("?"), testContext())).rejects.toMatchObject(busy);
});

test("a script that cannot be meant is refused", () => {
  expect(() => scripted([{ reply: "x", times: 0 }])).toThrow('scripted: "[0].times": must be a positive integer');
});
