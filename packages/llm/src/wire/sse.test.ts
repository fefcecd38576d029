import { expect, test } from "vitest";
import { readEvents } from "./sse.ts";

/** The data of the events in a text that comes in pieces of so many bytes. */
async function eventsOf(text: string, pieceBytes: number): Promise<string[]> {
  const bytes = new TextEncoder().encode(text);
  async function* body() {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  }
  const events = [];
  for await (const data of readEvents(body())) events.push(data);
  return events;
}

// WHATWG HTML, "Server-sent events", section 9.2.6.
test.each([
  ["a mark at the start of the stream is no part of it", "\uFEFFdata: a\n\n", ["a"]],
  ["lines end by a line feed, a carriage return, or both", "data: a\r\rdata: b\r\n\r\ndata: c\n\n", ["a", "b", "c"]],
  ["several lines of data are one text of several lines", "data: a\ndata:b\ndata:  c\n\n", ["a\nb\n c"]],
  ["a line without a colon is a field without a value", "data\ndata: b\n\n", ["\nb"]],
  ["comments and other fields are left out", ": hello\nevent: x\nid: 1\nretry: 5\ndata: a\n\n", ["a"]],
  ["an event without data is none", "event: x\n\ndata: a\n\n", ["a"]],
  ["what was cut off is dropped", 'data: a\n\ndata: {"b', ["a"]],
  ["a last event without its empty line counts where its JSON is whole", 'data: a\n\ndata: {"b":1}', ["a", '{"b":1}']],
  ["a last mark of the end without its empty line counts", "data: a\n\ndata: [DONE]\n", ["a", "[DONE]"]],
  ["characters may be cut in pieces", "data: ä€😀\n\n", ["ä€😀"]],
])("%s", async (_, text, expected) => {
  expect(await eventsOf(text, 1)).toEqual(expected);
  expect(await eventsOf(text, 1000)).toEqual(expected);
});

test("an event that comes in many pieces comes out whole", async () => {
  expect(await eventsOf(`data: ${"x".repeat(100_000)}\n\n`, 64)).toEqual(["x".repeat(100_000)]);
});
