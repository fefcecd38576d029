import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { readLines } from "./lines.ts";

test("lines arrive whole, however the stream cuts them", () => {
  const text = "first\nsecond é\n\nlast\n";
  for (let size = 1; size <= text.length; size++) {
    const stream = new PassThrough();
    const lines: string[] = [];
    readLines(stream, 100, (line) => lines.push(line), expect.unreachable);
    const bytes = Buffer.from(text);
    for (let i = 0; i < bytes.length; i += size) stream.emit("data", bytes.subarray(i, i + size));
    expect(lines).toEqual(["first", "second é", "", "last"]);
  }
});

test("a line past the limit ends the stream", () => {
  const stream = new PassThrough();
  const lines: string[] = [];
  let isTooLong = false;
  readLines(
    stream,
    10,
    (line) => lines.push(line),
    () => {
      isTooLong = true;
    },
  );
  stream.emit("data", Buffer.from("short\n12345"));
  expect(isTooLong).toBe(false);
  stream.emit("data", Buffer.from("67890x"));
  expect(isTooLong).toBe(true);
  expect(stream.destroyed).toBe(true);
  expect(lines).toEqual(["short"]);
});
