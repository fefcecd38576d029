import type { FailureCode } from "@cambium/evaluation";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { describeFailure } from "./error-text.ts";

const program = [
  { name: "tool", source: "function f(x) {\n  return x.y.z;\n}" },
  { name: "call", source: "f({});" },
];

test("a thrown error is shown with the program's frames, each with its source line", () => {
  const stack = "TypeError: cannot read property 'z' of undefined\n    at f (tool:2:14)\n    at call:1:1";
  expect(describeFailure({ code: "GUEST_ERROR", message: "TypeError: …", stack }, program)).toBe(
    "TypeError: cannot read property 'z' of undefined\n    at f (tool:2:14)\n        return x.y.z;\n    at call:1:1\n        f({});",
  );
});

test("a reply without code and a failure without words have their own sentences", () => {
  expect(describeFailure({ code: "NO_CODE", message: "whatever" }, [])).toBe("No code block was found in the reply.");
  expect(describeFailure({ code: "SANDBOX_CRASH", message: "" }, [])).toBe("The program failed for an unknown reason.");
  expect(describeFailure({ code: "GUEST_TIMEOUT", message: "the program ran longer than 2000 ms" }, [])).toBe(
    "the program ran longer than 2000 ms",
  );
});

test("paths of the host and keys do not get into a prompt", () => {
  const message =
    "Error: /home/user/app/node_modules/x/tool.js failed with sk-abcdefghijklmnopqrst at file:///srv/a/b.mjs";
  expect(describeFailure({ code: "GUEST_ERROR", message }, [])).toBe("Error: tool.js failed with [secret] at b.mjs");
});

test("whatever a guest throws, the text stays near 1,500 characters", () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 5000 }),
      fc.array(fc.string({ maxLength: 300 }), { maxLength: 60 }),
      (message, frames) => {
        const stack = [message, ...frames.map((frame) => `    at ${frame} (tool:2:1)`)].join("\n");
        expect(describeFailure({ code: "GUEST_ERROR" as FailureCode, message, stack }, program).length).toBeLessThan(
          2000,
        );
      },
    ),
    { numRuns: 200, seed: 3 },
  );
});
