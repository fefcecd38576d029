import { parseConfig } from "@cambium/base";
import * as z from "zod";
import { ToolError } from "./failure.ts";
import type { Tool, ToolContext } from "./tool.ts";

/** Settings of `withBreaker`. */
export interface WithBreakerOptions {
  /** Failures in a row of the service behind the tool after which it is left alone. @default 5 */
  readonly failures?: number;
  /** How long it is left alone. Ms. @default 30000 */
  readonly coolDownMs?: number;
}

const schema = z.strictObject({
  failures: z.int().positive().optional(),
  coolDownMs: z.number().positive().optional(),
});

/**
 * The tool with a circuit breaker: after some failures in a row of the service behind it, calls fail at once with `UNAVAILABLE` and the
 * time to wait, in all runs that the tool is given to. Then one call is let through: when it succeeds all are, else the time begins
 * again.
 *
 * What counts as a failure of the service is `UNAVAILABLE`, `RATE_LIMITED`, and a call that was stopped before it settled, by its
 * `timeoutMs` or with its run; a tool that refuses arguments works.
 *
 * @throws {ConfigError} For options that cannot be meant.
 * @example
 * const weather = withBreaker(forecast, { failures: 3, coolDownMs: 60_000 });
 */
export function withBreaker<Input, Output, State>(
  tool: Tool<Input, Output, State>,
  options: WithBreakerOptions = {},
): Tool<Input, Output, State> {
  const { failures = 5, coolDownMs = 30_000 } = parseConfig("withBreaker", schema, options);
  let inRow = 0;
  /** From when on a call may try again, by the clock. Ms. */
  let closedUntil = 0;
  let isTrying = false;
  return {
    ...tool,
    async run(input: Input, context: ToolContext<State>): Promise<Output> {
      const { clock, signal } = context;
      const isOpen = inRow >= failures;
      const waitMs = closedUntil - clock.elapsed();
      if (isOpen && (waitMs > 0 || isTrying)) {
        const retryAfterMs = Math.max(0, waitMs);
        throw new ToolError({
          code: "UNAVAILABLE",
          message: `the service behind it failed ${inRow} times in a row and is left alone for ${Math.ceil(retryAfterMs / 1000)} s; go on without it`,
          retryAfterMs,
        });
      }
      if (isOpen) isTrying = true;
      let isSettled = false;
      const settle = (hasFailed: boolean): void => {
        if (isSettled) return;
        isSettled = true;
        if (isOpen) isTrying = false;
        inRow = hasFailed ? inRow + 1 : 0;
        if (inRow >= failures) closedUntil = clock.elapsed() + coolDownMs;
      };
      const stopped = (): void => settle(true);
      signal.addEventListener("abort", stopped, { once: true });
      try {
        const value = await tool.run(input, context);
        settle(false);
        return value;
      } catch (error) {
        const { code } = Object(error) as { readonly code?: unknown };
        settle(code === "UNAVAILABLE" || code === "RATE_LIMITED");
        throw error;
      } finally {
        signal.removeEventListener("abort", stopped);
      }
    },
  };
}
