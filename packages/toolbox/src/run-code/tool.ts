import { checkOptions } from "@cambium/base";
import { mathsKitGuide, quickjs, type Sandbox } from "@cambium/sandbox";
import { ToolError } from "@cambium/tool-learning";
import * as z from "zod";
import { makeToolkit, type Toolkit } from "../toolkit.ts";

/** Options of `runCode`. */
export interface RunCodeOptions {
  /** Where programs run; the kit does not close it. @default a QuickJS of its own */
  readonly sandbox?: Sandbox;
}

/**
 * Runs JavaScript in a sandbox that has no files, no network, no clock and no other tools. Programs that call tools are the
 * `program` planner's, where each call goes through the run's policy.
 */
export function runCode(options: RunCodeOptions = {}): Toolkit<null> {
  checkOptions("runCode", options, ["sandbox"]);
  const given = options.sandbox;
  let own: Sandbox | undefined;
  const open = (): Sandbox => {
    own ??= quickjs();
    return given ?? own;
  };
  const isPython = given?.language === "python";
  const how = isPython
    ? "Runs a Python program of the standard library. The variable result is its result"
    : "Runs a JavaScript program. What it returns at the top is its result";
  return makeToolkit({
    id: "runCode",
    about: "Runs a program and gives its result.",
    state: null,
    schema: z.null(),
    tools: (define) => [
      define({
        verb: "program",
        description: `${how}, and must be JSON; what it prints is given too. It has neither files nor network.${isPython ? "" : ` ${mathsKitGuide}`}`,
        input: z.strictObject({
          source: z
            .string()
            .min(1)
            .max(64 * 1024)
            .describe(
              isPython
                ? 'For example "result = sum(range(10))".'
                : 'For example "let sum = 0; for (let i = 0; i < 10; i++) sum += i; return sum;".',
            ),
          input: z.json().optional().describe("A value that the program reads as the variable input."),
        }),
        effects: "none",
        async run({ source, input }, _, { signal }) {
          const outcome = await open().run(source, {
            signal,
            ...(isPython ? {} : { kit: true }),
            ...(input === undefined ? {} : { input: input as never }),
          });
          if (outcome.ok) return { result: outcome.value ?? null, printed: outcome.stdout };
          const { code, message } = outcome.failure;
          const printed = outcome.stdout === "" ? "" : `\nIt had printed:\n${outcome.stdout.slice(-500)}`;
          const stack = "stack" in outcome.failure && outcome.failure.stack !== "" ? `\n${outcome.failure.stack}` : "";
          throw new ToolError({
            message: `${code}: ${message}${stack}${printed}`,
            code: code === "UNAVAILABLE" ? "UNAVAILABLE" : "TOOL_ERROR",
          });
        },
      }),
    ],
    async close() {
      const mine = own;
      own = undefined;
      await mine?.close();
    },
  });
}
