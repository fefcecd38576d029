import * as z from "zod";
import { makeToolkit, type Toolkit } from "../toolkit.ts";
import { evaluate } from "./evaluate.ts";
import { FUNCTIONS } from "./functions.ts";
import { show } from "./number.ts";

const inputSchema = z.strictObject({
  expression: z
    .string()
    .min(1)
    .max(2000)
    .describe('The expression, for example "(3/4 + 1.5) * 2^10" or "round(sqrt(2), 4)".'),
});

/**
 * Exact arithmetic: fractions stay fractions however large, and roots are exact where they are rational; logarithms and the
 * like have 34 digits and say that they are rounded.
 */
export function calculator(): Toolkit<null> {
  return makeToolkit({
    id: "calculator",
    about: "Evaluates arithmetic expressions exactly.",
    state: null,
    schema: z.null(),
    tools: (define) => [
      define({
        verb: "evaluate",
        description:
          "Evaluates an arithmetic expression exactly. Knows + - * / ^ % (remainder) ! and brackets, pi and e, and the functions " +
          `${[...FUNCTIONS.keys()].join(", ")}. Angles are in radians. Returns the decimal value, the exact fraction where it is no integer, ` +
          "and whether the decimal is exact.",
        input: inputSchema,
        effects: "none",
        run: ({ expression }) => show(evaluate(expression)),
      }),
    ],
  });
}
