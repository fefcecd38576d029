import { parseArgs } from "node:util";
import { ConfigError, type Files, openFiles } from "@cambium/base";
import { sapling } from "@cambium/saplings";

export const HELP = `Shows how many parameters it takes to tune a model on a small task, and whether it matters where they lie.

Usage: pnpm choose-parameters [options]

  --model <folder>    a folder that loadModel reads (default: the sapling bert-2x128)
  --task <name>       one of the small real tasks (default emoji-group)
  --counts <list>     numbers of scalars to try anywhere, with commas (default 100,1000,10000)
  --steps <integer>   training steps of each try (default 60)
  --seed <integer>    seed of heads, choices and the order of the rows (default 1)
  --quick             one count, one learning rate and few steps: does everything work here?
  --help              this text

Example: pnpm choose-parameters --task wordnet-part-of-speech --counts 16,256,4096
`;

/** What a call tries. */
export interface Settings {
  readonly model: Files;
  readonly task: string;
  readonly counts: readonly number[];
  readonly rates: readonly number[];
  readonly steps: number;
  readonly seed: number;
}

const wrong = (message: string, cause?: unknown): ConfigError =>
  new ConfigError({ message: `${message}; --help lists the options`, cause });

function count(flag: string, text: string, least = 1): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least) return value;
  throw wrong(`--${flag}: expected a whole number from ${least}, got "${text}"`);
}

function read(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const options = { model: text, task: text, counts: text, steps: text, seed: text, quick: flag, help: flag };
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw wrong((cause as Error).message.split(". ")[0]!, cause);
  }
}

/**
 * Reads the command line; nothing where help was asked for.
 *
 * @throws {ConfigError} When an option is unknown, or a value cannot be meant.
 */
export function readSettings(args: readonly string[]): Settings | undefined {
  const { help, quick, model, task = "emoji-group", counts, steps, seed = "1" } = read(args);
  if (help) return undefined;
  return {
    model: model === undefined ? sapling("bert-2x128") : openFiles(model),
    task,
    counts: (counts ?? (quick ? "1000" : "100,1000,10000")).split(",").map((text) => count("counts", text)),
    rates: quick ? [1e-2] : [1e-3, 1e-2, 1e-1],
    steps: count("steps", steps ?? (quick ? "5" : "60")),
    seed: count("seed", seed, 0),
  };
}
