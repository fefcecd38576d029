import { isOutside } from "@cambium/evaluation";
import type { SandboxFailure } from "@cambium/sandbox";
import { expect, test } from "vitest";

/** Whether the host, not the program, is the reason. The type makes a new code choose. */
const OUTSIDE: Readonly<Record<SandboxFailure["code"], boolean>> = {
  LOAD_FAILED: false,
  GUEST_ERROR: false,
  GUEST_TIMEOUT: false,
  GUEST_MEMORY: false,
  GUEST_STACK: false,
  GUEST_OUTPUT_LIMIT: false,
  GUEST_CRASH: false,
  CALL_LIMIT: false,
  RESULT_TOO_LARGE: false,
  RESULT_INVALID: false,
  CANCELLED: true,
  UNAVAILABLE: true,
  SANDBOX_CRASH: true,
};

test.each(Object.entries(OUTSIDE))("a run that ended as %s is outside: %s", (code, outside) => {
  expect(isOutside({ code, message: "" })).toBe(outside);
});
