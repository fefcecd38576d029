import { expect, test } from "vitest";
import { defaultLimits } from "./limits.ts";
import { type Frame, readResult } from "./outcome.ts";
import { joinParts, positionOf } from "./program.ts";
import { checkRequest } from "./request.ts";

const request = checkRequest("test", defaultLimits, "x\n".repeat(30_000), {});

test("the place of a line is found without reading the source", () => {
  const { parts, lineCount } = joinParts("a\nb\nc");
  const program = {
    parts,
    lineCount,
    get source(): string {
      throw new Error("the source was read");
    },
  };
  expect(positionOf(program, 3)).toEqual({ part: "program", line: 3 });
  expect(positionOf(program, 4)).toBeUndefined();
});

test("of a stack that a guest wrote some thousand characters are read and some frames looked at", () => {
  let length = 0;
  const frames = (stack: string): readonly Frame[] => {
    length = stack.length;
    const looked: Frame[] = Array.from({ length: 5000 }, () => ({ name: "f", line: 1 }));
    Object.defineProperty(looked, 100, {
      get() {
        throw new Error("too many frames were looked at");
      },
    });
    return looked;
  };
  const text = `e${JSON.stringify({ name: "N".repeat(1e6), message: "m".repeat(1e6), stack: "f 1\n".repeat(1e6) })}`;
  const verdict = readResult(request, text, "run", frames);
  expect(length).toBeLessThanOrEqual(8000);
  expect(JSON.stringify(verdict).length).toBeLessThan(5000);
});
