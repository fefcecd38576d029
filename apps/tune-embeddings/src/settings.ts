import { parseArgs } from "node:util";
import { ConfigError, type Files, openFiles } from "@cambium/base";
import { sapling } from "@cambium/saplings";
import type { TaskSizes } from "./task.ts";

const BACKENDS = ["auto", "onnx", "wasm", "cpu", "webgpu", "tensorflow"] as const;

export const HELP = `Tunes a sentence embedding model on definitions and words of WordNet, through LoRA, and measures how much better it finds words by definitions that it has not seen.

Usage: pnpm tune-embeddings --model <folder> [options]

  --model <folder>        a BERT, RoBERTa, GPT-2 or LLaMA folder from Hugging Face, such as all-MiniLM-L6-v2
  --quick                 a sapling and little data, under a minute: does everything work here?
  --steps <integer>       training steps of 64 pairs (default 400)
  --rank <integer>        rank of LoRA on every linear layer (default 16)
  --learning-rate <number> the highest rate, of AdamW with warm-up and linear decay (default 1e-3)
  --seed <integer>        seed of the delta's start and the order of the rows (default 1)
  --out <folder>          where results.json, the adapter and checkpoints go (default runs/tune-embeddings)
  --backend <name>        ${BACKENDS.join(", ")} (default auto: the fastest that runs here)
  --help                  this text

Ctrl-C stops with a checkpoint; the same command resumes there.

Example: pnpm tune-embeddings --model models/all-MiniLM-L6-v2
`;

/** What a run does. */
export interface Settings {
  readonly model: Files;
  readonly sizes: TaskSizes;
  readonly batchSize: number;
  readonly maxLength: number;
  readonly steps: number;
  readonly rank: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly out: string;
  readonly backend: (typeof BACKENDS)[number];
}

function wrong(message: string, cause?: unknown): ConfigError {
  return new ConfigError({ message: `${message}; --help lists the options`, cause });
}

function numberOf(flag: string, text: string, isRight: (value: number) => boolean, expected: string): number {
  const value = Number(text);
  if (text.trim() !== "" && isRight(value)) return value;
  throw wrong(`--${flag}: expected ${expected}, got "${text}"`);
}

const count = (flag: string, text: string, least = 1): number =>
  numberOf(flag, text, (value) => Number.isSafeInteger(value) && value >= least, `an integer from ${least}`);

function read(args: readonly string[]) {
  const text = { type: "string" } as const;
  const withDefault = <Usual extends string>(usual: Usual) => ({ ...text, default: usual });
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h", default: false },
        quick: { type: "boolean", default: false },
        model: text,
        steps: text,
        rank: withDefault("16"),
        "learning-rate": withDefault("1e-3"),
        seed: withDefault("1"),
        out: withDefault("runs/tune-embeddings"),
        backend: withDefault("auto"),
      },
    }).values;
  } catch (cause) {
    throw wrong((cause as Error).message.split(". ")[0]!, cause);
  }
}

/**
 * Reads the command line; nothing where help was asked for.
 *
 * @throws {ConfigError} When an option is unknown or its value cannot be meant.
 */
export function readSettings(args: readonly string[]): Settings | undefined {
  const values = read(args);
  if (values.help) return undefined;
  const { quick, model, out } = values;
  if (model === undefined && !quick) throw wrong("--model: expected a folder, or --quick for a sapling");
  const backend = BACKENDS.find((name) => name === values.backend);
  if (backend === undefined) throw wrong(`--backend: expected one of ${BACKENDS.join(", ")}, got "${values.backend}"`);
  const steps = count("steps", values.steps ?? (quick ? "40" : "400"));
  const batchSize = quick ? 16 : 64;
  return {
    model: model === undefined ? sapling("bert-2x128") : openFiles(model),
    sizes: {
      rows: steps * batchSize,
      dev: quick ? { queries: 50, searched: 200 } : { queries: 500, searched: 3000 },
      test: quick ? { queries: 100, searched: 400 } : { queries: 2000, searched: 100_000 },
    },
    batchSize,
    maxLength: quick ? 16 : 32,
    steps,
    rank: count("rank", values.rank),
    learningRate: numberOf(
      "learning-rate",
      values["learning-rate"],
      (value) => value > 0 && value < 1,
      "a number from 0 to 1",
    ),
    seed: count("seed", values.seed, 0),
    out,
    backend,
  };
}
