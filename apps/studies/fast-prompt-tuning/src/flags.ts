import { parseArgs } from "node:util";
import { ConfigError, nearest } from "@cambium/base";
import { type Extent, FULL, SMOKE } from "./plan.ts";

export const HELP = `Tests whether prompts learn as well on a model that grows, and what that saves.

Usage: pnpm study:fast-prompt-tuning <plan|run|status|report> [options]

  plan               measures one step of each kind of run, and shows runs, hours and claims; starts nothing
  run                does all runs without a result, part after part; the same command resumes
  status             how far each part is, and where its claims stand
  report             writes the page and its figures from the results that there are

  --only <parts>     some parts, with commas between them
  --workers <count>  runs at once, each on one core (default 1)
  --out <folder>     where results are (default runs/fast-prompt-tuning)
  --page <file>      the page (default docs/results/fast-prompt-tuning.md; of --smoke, page.md in the folder)
  --smoke            the smallest sapling and hardly any steps, under a minute: does everything work here?
  --help             this text

Example: pnpm study:fast-prompt-tuning run --only encoder --workers 2
`;

const VERBS = ["plan", "run", "status", "report"] as const;

/** What a call does. */
export interface Settings {
  readonly verb: (typeof VERBS)[number];
  readonly extent: Extent;
  readonly only?: readonly string[];
  readonly workers: number;
  readonly out: string;
  readonly page?: string;
}

const wrong = (message: string, cause?: unknown): ConfigError =>
  new ConfigError({ message: `${message}; --help lists the options`, cause });

function read(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const options = { only: text, workers: text, out: text, page: text, smoke: flag, help: flag };
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
  const workers = Number(values.workers ?? "1");
  if (!Number.isSafeInteger(workers) || workers < 1)
    throw wrong(`--workers: expected a whole number from 1, got "${values.workers}"`);
  const only = values.only?.split(",");
  return {
    verb,
    extent: values.smoke ? SMOKE : FULL,
    workers,
    out: values.out ?? (values.smoke ? "runs/fast-prompt-tuning-smoke" : "runs/fast-prompt-tuning"),
    ...(only !== undefined && { only }),
    ...(values.page !== undefined && { page: values.page }),
  };
}
