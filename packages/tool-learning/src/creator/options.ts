import { ConfigError, parseConfig } from "@cambium/base";
import * as z from "zod";
import type { ToolLibrary } from "../library/tool-library.ts";
import { type Setup, setupFields } from "../solving/setup.ts";
import type { DemonstrationSet } from "./demonstrations/demonstration.ts";
import { demonstrationsFor } from "./demonstrations/for-language.ts";
import type { Guards } from "./machine.ts";
import { type CreatorPrompts, defaultPrompts } from "./prompts/prompts.ts";

/** Settings of `createTools`. */
export interface CreatorOptions extends Setup {
  /**
   * `faithful` does what the publication describes and nothing else; `extended` adds what the next four options say.
   *
   * @default "extended"
   */
  readonly mode?: "faithful" | "extended";
  /** Repairs also programs that ran but did not answer: no marker, nothing printed, no value, no number where one is asked for. @default true; false when faithful */
  readonly repairAnswers?: boolean;
  /** Shows the errors of earlier attempts beside the newest. @default true; false when faithful */
  readonly showAttempts?: boolean;
  /** Lets a repair return only the tool or only the call. @default true; false when faithful */
  readonly partialRepair?: boolean;
  /**
   * Where tools of answered questions are kept, and from where verified ones are offered to new tools: a path, or an open
   * library. Not when faithful.
   *
   * @default none
   */
  readonly library?: string | ToolLibrary;
  /** Repairs at most. @default 3 (the released code) */
  readonly rounds?: number;
  /** Worked examples in the prompts. @default `creationDemonstrations`, or `pythonDemonstrations` for a sandbox for Python */
  readonly demonstrations?: DemonstrationSet;
  /** Reasoning before the code. It hurt on MATH and helped on TabMWP (Qian et al. 2023, tables 2 and 3). @default false */
  readonly thought?: boolean;
  /** Words of the prompts. @default this package's own, in English */
  readonly prompts?: Partial<CreatorPrompts>;
}

/** Options with their defaults filled in. */
export interface CreatorPlan {
  readonly setup: Setup;
  readonly mode: "faithful" | "extended";
  readonly repairAnswers: boolean;
  readonly showAttempts: boolean;
  readonly partialRepair: boolean;
  readonly library: string | ToolLibrary | undefined;
  readonly guards: Guards;
  readonly demonstrations: DemonstrationSet;
  readonly thought: boolean;
  readonly prompts: CreatorPrompts;
}

/** Tries of the creation after the first one. @see Qian et al. 2023, released code */
const CREATION_RETRIES = 3;

const isFunction = z.custom<(input: never) => unknown>((value) => typeof value === "function", "must be a function");

const schema = z.strictObject({
  ...setupFields,
  mode: z.enum(["faithful", "extended"]).optional(),
  repairAnswers: z.boolean().optional(),
  showAttempts: z.boolean().optional(),
  partialRepair: z.boolean().optional(),
  library: z
    .union(
      [
        z.string().min(1),
        z.custom<ToolLibrary>((value) => typeof (value as ToolLibrary | undefined)?.retrieve === "function"),
      ],
      {
        message: "must be a path or an open library",
      },
    )
    .optional(),
  rounds: z.int().min(0).max(100).optional(),
  demonstrations: z.looseObject({ name: z.string(), examples: z.array(z.looseObject({})) }).optional(),
  thought: z.boolean().optional(),
  prompts: z
    .strictObject({ creation: isFunction, decision: isFunction, rectification: isFunction })
    .partial()
    .optional(),
});

/** Checks options and fills in defaults. */
export function planCreation(caller: string, options: CreatorOptions): CreatorPlan {
  parseConfig(caller, schema, options);
  const { mode = "extended", model, sandbox, sampling, limits } = options;
  const extensions = {
    repairAnswers: options.repairAnswers,
    showAttempts: options.showAttempts,
    partialRepair: options.partialRepair,
  };
  const refused = Object.entries({ ...extensions, library: options.library }).filter(
    ([, value]) => value !== undefined && value !== false,
  );
  if (mode === "faithful" && refused.length > 0) {
    throw new ConfigError({
      message: `${caller}: mode "faithful" goes without ${refused.map(([key]) => `"${key}"`).join(", ")}; leave them out, or use mode "extended"`,
      refused: refused.map(([key]) => key),
    });
  }
  const isExtended = mode === "extended";
  return {
    setup: {
      model,
      sandbox,
      ...(sampling === undefined ? {} : { sampling }),
      ...(limits === undefined ? {} : { limits }),
    },
    mode,
    repairAnswers: extensions.repairAnswers ?? isExtended,
    showAttempts: extensions.showAttempts ?? isExtended,
    partialRepair: extensions.partialRepair ?? isExtended,
    library: options.library,
    guards: { creationRetries: CREATION_RETRIES, rounds: options.rounds ?? 3 },
    demonstrations: demonstrationsFor(caller, sandbox.language, options.demonstrations),
    thought: options.thought ?? false,
    prompts: { ...defaultPrompts, ...options.prompts },
  };
}
