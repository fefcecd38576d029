import { expect, test } from "vitest";
import { readSettings } from "./settings.ts";

test("the command line says what to try", () => {
  const { counts, rates, steps, task } = readSettings(["--counts", "16,256", "--task", "spam"])!;
  expect({ counts, rates, steps, task }).toEqual({
    counts: [16, 256],
    rates: [1e-3, 1e-2, 1e-1],
    steps: 60,
    task: "spam",
  });
  expect(readSettings(["--quick"])).toMatchObject({ counts: [1000], rates: [1e-2], steps: 5, task: "emoji-group" });
  expect(readSettings(["--help"])).toBeUndefined();
});

test.each([
  [["--cuonts", "3"], "Unknown option '--cuonts'; --help lists the options"],
  [["--counts", "10,many"], '--counts: expected a whole number from 1, got "many"; --help lists the options'],
  [["--counts", ""], '--counts: expected a whole number from 1, got ""; --help lists the options'],
  [["--steps", "0"], '--steps: expected a whole number from 1, got "0"; --help lists the options'],
])("wrong use is an error that says what was expected: %j", (args, message) => {
  expect(() => readSettings(args)).toThrow(
    expect.objectContaining({ code: "CONFIG", message: expect.stringContaining(message) }),
  );
});
