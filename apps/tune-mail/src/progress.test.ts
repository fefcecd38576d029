import { expect, test } from "vitest";
import { createProgress } from "./progress.ts";

function record(isTTY: boolean, columns?: number) {
  const written: string[] = [];
  const output = { write: (text: string) => written.push(text), isTTY, ...(columns === undefined ? {} : { columns }) };
  return { written, output };
}

test("on a terminal a new line replaces the old one, and the same line is written once", () => {
  const { written, output } = record(true);
  const progress = createProgress(output, () => 0);
  progress.update("one");
  progress.update("one");
  progress.update("two");
  progress.line("done");
  expect(written).toEqual(["\r\u001b[2Kone", "\r\u001b[2Ktwo", "\r\u001b[2Kdone\n"]);
});

test("a line longer than the terminal is cut, so that it can be replaced", () => {
  const { written, output } = record(true, 10);
  createProgress(output, () => 0).update("0123456789abcdef");
  expect(written).toEqual(["\r\u001b[2K012345678"]);
});

test("elsewhere progress is plain lines, at most one in five seconds", () => {
  const { written, output } = record(false);
  let ms = 0;
  const progress = createProgress(output, () => ms);
  for (ms = 0; ms <= 12_000; ms += 1000) progress.update(`at ${ms}`);
  progress.line("done");
  expect(written).toEqual(["at 0\n", "at 5000\n", "at 10000\n", "done\n"]);
});
