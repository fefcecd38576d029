import { parseArgs } from "node:util";

/** The command was used wrongly: exit code 2. */
class UsageError extends Error {
  readonly code = "USAGE";
}

/** What was asked for on the command line. */
export interface Flags {
  readonly help: boolean;
  /** Three kits instead of eighteen. */
  readonly quick: boolean;
  /** Of the worlds that the kits work in. */
  readonly seed: number;
  /** A folder or a GGUF file. */
  readonly model: string | undefined;
  /** Folder for everything that is written. */
  readonly out: string;
}

export const HELP = `Puts eighteen kits of tools before a model: without tools, with their descriptions, with worked examples; and reports.

Usage: pnpm tool-tour [options]

  --model <path>     a model of this machine answers: a folder or a .gguf file
  --quick            three kits instead of eighteen
  --seed <integer>   seed of the simulated worlds, and of the tasks in them (default 1)
  --out <folder>     where results and report.html go (default runs/tool-tour)
  --help             this text

Whoever answers does so from a server on this machine that speaks OpenAI's format. Without --model it is the scripted experts that know each
task: everything but the model is real.

Ctrl-C stops; the same command resumes from there, and no reply is asked for twice.

Example: pnpm tool-tour
Example: pnpm tool-tour --model model.gguf --quick
`;

function parseSeed(text: string): number {
  const seed = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(seed) && seed >= 0 && seed < 1_000_000) return seed;
  throw new UsageError(`--seed: expected an integer from 0 to 999999, got "${text}"`);
}

function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h", default: false },
        model: { type: "string" },
        quick: { type: "boolean", default: false },
        seed: { type: "string", default: "1" },
        out: { type: "string", default: "runs/tool-tour" },
      },
    }).values;
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message.split(". ")[0]}; --help lists the options`, { cause });
  }
}

/**
 * Reads the command line.
 *
 * @throws {UsageError} When an option is unknown or its value cannot be meant.
 */
export function parseFlags(args: readonly string[]): Flags {
  const { help, quick, seed, out, model } = read(args);
  if (out === "") throw new UsageError("--out: expected a folder, got an empty text");
  return { help, quick, seed: parseSeed(seed), out, model };
}
