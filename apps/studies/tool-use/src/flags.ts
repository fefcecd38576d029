import { parseArgs } from "node:util";
import { ConfigError, nearest } from "@cambium/base";
import { type Extent, FULL, SMOKE } from "./plan.ts";

export const HELP = `Tests what a small model makes of eighteen kits of tools, before and after it learnt from scripted experts.

Usage: pnpm study:tool-use <plan|run|status|report> [options]

  plan               shows the runs, the tests, the claims and what is learnt from; starts nothing
  run                does all runs without a result; the same command resumes
  status             how far the study is, and where its claims stand
  report             writes the page and its figures from the results that there are

  --minutes <count>  stops after so many minutes, with exit code 130; the same command resumes
  --out <folder>     where results are (default runs/tool-use)
  --page <file>      the page (default docs/results/tool-use.md; of --smoke, page.md in the folder)
  --smoke            a tiny model of random weights and hardly any steps, under a minute: does everything work here?
  --help             this text

The model is SmolLM2-135M-Instruct, from models/smollm2-135m-instruct.gguf or the path that CAMBIUM_SMOLLM2 names.

Example: pnpm study:tool-use run --minutes 5
`;

const VERBS = ["plan", "run", "status", "report"] as const;

/** What a call does. */
export interface Settings {
  readonly verb: (typeof VERBS)[number];
  readonly extent: Extent;
  readonly minutes?: number;
  readonly out: string;
  readonly page?: string;
}

const wrong = (message: string, cause?: unknown): ConfigError =>
  new ConfigError({ message: `${message}; --help lists the options`, cause });

function read(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const options = { minutes: text, out: text, page: text, smoke: flag, help: flag };
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (cause) {
    throw wrong((cause as Error).message.split(". ")[0]!, cause);
  }
}

/**
 * Reads the command line; nothing where help was asked for.
 *
 * @throws {ConfigError} When a verb or an option is unknown, or a value cannot be meant.
 */
export function readSettings(args: readonly string[]): Settings | undefined {
  const { values, positionals } = read(args);
  if (values.help) return undefined;
  const [given = "", ...more] = positionals;
  const verb = VERBS.find((name) => name === given);
  if (verb === undefined || more.length > 0) {
    const close = nearest(given, VERBS);
    const hint = close === undefined || more.length > 0 ? "" : `, is ${close} meant?`;
    throw wrong(`expected one of ${VERBS.join(", ")}, got "${positionals.join(" ")}"${hint}`);
  }
  if (values.minutes !== undefined && verb !== "run") throw wrong(`--minutes is of run, and this is ${verb}`);
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
  if (minutes !== undefined && !(minutes > 0 && minutes < 10_000))
    throw wrong(`--minutes: expected a number above 0, got "${values.minutes}"`);
  return {
    verb,
    extent: values.smoke ? SMOKE : FULL,
    out: values.out ?? (values.smoke ? "runs/tool-use-smoke" : "runs/tool-use"),
    ...(minutes !== undefined && { minutes }),
    ...(values.page !== undefined && { page: values.page }),
  };
}
