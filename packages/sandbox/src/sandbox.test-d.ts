import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import type { HostFunction, SandboxFailure, SandboxOutcome } from "./sandbox.ts";

test("a host function takes what its schema gives", () => {
  const typed: HostFunction<{ from: string }> = {
    input: z.strictObject({ from: z.string() }),
    run: ({ from }) => from.length,
  };
  expectTypeOf(typed).toExtend<HostFunction>();
  // @ts-expect-error: the schema gives a number
  const wrong: HostFunction<string> = { input: z.number(), run: (text) => text };
  expectTypeOf(wrong).toExtend<HostFunction>();
});

test("an outcome is a value or a failure, told apart by ok", () => {
  expectTypeOf<Extract<SandboxOutcome, { ok: false }>["failure"]>().toEqualTypeOf<SandboxFailure>();
  expectTypeOf<Extract<SandboxOutcome, { ok: true }>>().not.toHaveProperty("failure");
  expectTypeOf<Extract<SandboxFailure, { code: "GUEST_TIMEOUT" }>["limit"]>().toBeNumber();
});
