import { parseArgs } from "node:util";

/** The command was used wrongly: exit code 2. */
class UsageError extends Error {
  readonly code = "USAGE";
}

const BACKENDS = ["auto", "onnx", "wasm", "cpu", "webgpu", "tensorflow"] as const;

/** What was asked for on the command line. */
export interface Flags {
  readonly help: boolean;
  /** Small sizes that finish in half a minute. */
  readonly quick: boolean;
  /** Adds the runs with 16, 64 and 256 labels. */
  readonly fewShot: boolean;
  readonly seed: number;
  /** Folder for everything that is written. */
  readonly out: string;
  /** A Hugging Face folder instead of the sapling. */
  readonly model?: string;
  readonly backend: (typeof BACKENDS)[number];
  /** Adds LoRA on frozen layers in 8 bits. */
  readonly frozen?: "int8";
  /** Stack traces with errors. */
  readonly verbose: boolean;
}

export const HELP = `Tunes a small pretrained transformer on real e-mail (spam or ham), four ways, and compares them.

Usage: pnpm tune-mail [options]

  --quick            small sizes, a smoke run of under 30 seconds, whose numbers say nothing
  --few-shot         adds runs with 16, 64 and 256 labels, 10 draws each (several minutes more)
  --seed <integer>   seed of weights, order and draws (default 1)
  --out <folder>     where the adapter and report.html go (default runs/tune-mail)
  --model <folder>   a BERT or RoBERTa folder from Hugging Face instead of the sapling
  --backend <name>   ${BACKENDS.join(", ")} (default auto: the fastest that runs here)
  --frozen int8      adds LoRA on frozen layers in 8 bits
  --verbose          stack traces with errors
  --help             this text

Ctrl-C stops with a checkpoint; the same command resumes there.

Example: pnpm tune-mail --seed 2 --out runs/second
`;

/** A wrong value becomes a sentence that says what was expected. */
function parseSeed(text: string): number {
  const seed = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(seed) || seed < 0) {
    throw new UsageError(`--seed: expected an integer from 0 to 2^53 - 1, got "${text}"`);
  }
  return seed;
}

function parseBackend(text: string): Flags["backend"] {
  const backend = BACKENDS.find((name) => name === text);
  if (backend === undefined) throw new UsageError(`--backend: expected one of ${BACKENDS.join(", ")}, got "${text}"`);
  return backend;
}

function parseFrozen(text: string): "int8" {
  if (text !== "int8") throw new UsageError(`--frozen: expected int8, got "${text}"`);
  return text;
}

function parseFolder(flag: string, text: string): string {
  if (text === "") throw new UsageError(`${flag}: expected a folder, got an empty text`);
  return text;
}

function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h", default: false },
        quick: { type: "boolean", default: false },
        "few-shot": { type: "boolean", default: false },
        seed: { type: "string", default: "1" },
        out: { type: "string", default: "runs/tune-mail" },
        model: { type: "string" },
        backend: { type: "string", default: "auto" },
        frozen: { type: "string" },
        verbose: { type: "boolean", default: false },
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
  const values = read(args);
  return {
    help: values.help,
    quick: values.quick,
    fewShot: values["few-shot"],
    seed: parseSeed(values.seed),
    out: parseFolder("--out", values.out),
    ...(values.model === undefined ? {} : { model: parseFolder("--model", values.model) }),
    backend: parseBackend(values.backend),
    ...(values.frozen === undefined ? {} : { frozen: parseFrozen(values.frozen) }),
    verbose: values.verbose,
  };
}
