import { parseArgs } from "node:util";

/** The command was used wrongly: exit code 2. */
class UsageError extends Error {
  readonly code = "USAGE";
}

/** Ways of holding a model's layers, as the command and as `loadModel` name them. */
const FORMS = { float32: "float32", int8: "int8", int4: "int4", "as-stored": "as stored" } as const;

/** What was asked for on the command line. */
export interface Flags {
  readonly help: boolean;
  /** Four problems instead of ten. */
  readonly quick: boolean;
  readonly seed: number;
  /** A folder or a GGUF file. */
  readonly model: string | undefined;
  /** How the layers of that model are held. */
  readonly frozen: (typeof FORMS)[keyof typeof FORMS];
  /** Folder for everything that is written. */
  readonly out: string;
}

export const HELP = `Lets a model solve ten problems with tools that it writes itself, runs them in a sandbox, and reports.

Usage: pnpm creator-demo [options]

  --model <path>     a model of this machine answers: a folder or a .gguf file
  --frozen <form>    how its layers are held: float32 (default), int8, int4, or as-stored in a .gguf file, which is fastest there
  --quick            four problems instead of ten
  --seed <integer>   seed of the problems, and of what goes wrong on purpose (default 1)
  --out <folder>     where results, tools and report.html go (default runs/creator-demo)
  --help             this text

Without a key or a model, rules answer in the model's place, from a server on this machine: everything but the model is real.
With a key, a model answers; it costs a few cents at most:

  OPENAI_API_KEY     the key
  OPENAI_BASE_URL    another endpoint that speaks OpenAI's format, such as http://localhost:11434/v1
  CAMBIUM_MODEL      the model's name (default gpt-4o-mini)

Ctrl-C stops; the same command resumes from there, and no reply is paid for twice.

Example: pnpm creator-demo --model model.gguf --frozen as-stored --quick
Example: pnpm creator-demo --seed 2 --out runs/second
`;

function parseSeed(text: string): number {
  const seed = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(seed) && seed >= 0 && seed < 1_000_000) return seed;
  throw new UsageError(`--seed: expected an integer from 0 to 999999, got "${text}"`);
}

function parseForm(text = "float32"): Flags["frozen"] {
  if (Object.hasOwn(FORMS, text)) return FORMS[text as keyof typeof FORMS];
  throw new UsageError(`--frozen: expected ${Object.keys(FORMS).join(", ")}, got "${text}"`);
}

function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h", default: false },
        model: { type: "string" },
        frozen: { type: "string" },
        quick: { type: "boolean", default: false },
        seed: { type: "string", default: "1" },
        out: { type: "string", default: "runs/creator-demo" },
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
  const { help, quick, seed, out, model, frozen } = read(args);
  if (out === "") throw new UsageError("--out: expected a folder, got an empty text");
  if (frozen !== undefined && model === undefined) throw new UsageError("--frozen is of a --model, and there is none");
  return { help, quick, seed: parseSeed(seed), out, model, frozen: parseForm(frozen) };
}
