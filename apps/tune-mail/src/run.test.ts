import { expect, test } from "vitest";
import { commandLine, formatSmall, largestDifference } from "./run.ts";

test("the command is repeated so that a shell reads the same words", () => {
  expect(commandLine([])).toBe("pnpm tune-mail");
  expect(commandLine(["--out", "runs/a b", "--seed", "1"])).toBe("pnpm tune-mail --out 'runs/a b' --seed 1");
  expect(commandLine(["--out", "it's"])).toBe("pnpm tune-mail --out 'it'\\''s'");
});

test("scores that differ, lack or are no numbers are found", () => {
  expect(largestDifference([1, -2], [1, -2.5])).toBe(0.5);
  expect(largestDifference([1], [1, 2])).toBe(Number.POSITIVE_INFINITY);
  expect(largestDifference([1, Number.NaN], [1, 1])).toBeNaN();
});

test("small numbers are written with two digits, and 0 as 0", () => {
  expect(formatSmall(0)).toBe("0");
  expect(formatSmall(2.16e-7)).toBe("2.2e-7");
});
