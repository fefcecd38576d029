import { expect, test } from "vitest";
import { parseFlags } from "./flags.ts";

const options = {
  steps: { type: "string", default: "10" },
  size: { type: "string", default: "minilm" },
  minutes: { type: "string" },
  only: { type: "string", default: "" },
  check: { type: "boolean", default: false },
} as const;

test("flags are read, defaults included", () => {
  const { values } = parseFlags({ options, args: ["--steps", "3", "--minutes", "0.5", "--only", "lora", "--check"] });
  expect(values).toEqual({ steps: "3", size: "minilm", minutes: "0.5", only: "lora", check: true });
});

test.each([
  [["--steps", "abc"], '--steps is a number of 0 or more, got "abc"'],
  [["--steps", ""], '--steps is a number of 0 or more, got ""'],
  [["--steps=-1"], '--steps is a number of 0 or more, got "-1"'],
  [["--minutes", "5m"], '--minutes is a number of 0 or more, got "5m"'],
  [["--step", "3"], "Unknown option '--step'"],
])("%j is refused", (args, message) => {
  expect(() => parseFlags({ options, args })).toThrow(message);
});
