/** What was typed: checked, with its defaults filled in. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { BackendChoice } from "@cambium/core";
import { type Recipe, recipes } from "./growth/recipes.ts";

export const HELP = `pnpm grow <what> [name] [options]

  text                  reads the corpora and makes the vocabularies
  bert-2x128-v1         taught by MiniLM, on books, speeches, dictionaries and manuals
  bert-3x192-v1         likewise
  bert-4x256-v1         likewise; eight models are kept on the way
  bert-4x256-other-v1   likewise, from another seed
  bert-4x256-v2         from bert-4x256-v1, on e-mail; six models are kept on the way
  bert-4x256-v3         from bert-4x256-v2, on other manuals; six models are kept on the way
  llama-6x256-v1        a decoder, on the same text
  llama-6x256-chat-v1   from llama-6x256-v1, on questions and answers
  t5-3x256-v1           an encoder-decoder, on the same text
  few-shot <name>       a grown encoder against the shipped one and words, from 8 and 32 rows a class
  nats                  how well models guess held-out text, in nats a character, by corpus
  compare               tunes encoders and twins of random weights on spam, and shows the table
  ship <name>           puts a grown model into the package, and prints its line of the catalog
  cards                 writes the shipped models' cards and the package's tables again

  --steps <n>         steps in all (default the recipe's); more than before goes on
  --minutes <n>       ends this sitting with a checkpoint (default no limit)
  --against <name>    few-shot: the shipped model to replace (default the one of the same name, where there is one)
  --only <name>       compare, nats: this model only
  --tasks <list>      compare: few-shot, full or both; few-shot: names of small real tasks (default all)
  --seeds <n>         seeds to compare over (default 5)
  --threads <n>       threads of the onnx backend: 1 is faster on a busy machine (default all cores)
  --backend <name>    auto, onnx, wasm, cpu or tensorflow (default auto)
  --cache <folder>    text, checkpoints and metrics (default .cache/grow)
  --models <folder>   grown models (default .cache/grow/models; of nats, compare and cards packages/saplings/models)
  --teacher <folder>  all-MiniLM-L6-v2 (default models/all-MiniLM-L6-v2, or what CAMBIUM_MINILM names)

A run that was stopped (Ctrl-C) or killed resumes when the same command is given again.
Debian's texts are fetched by apt-get. Example: pnpm grow bert-2x128-v1 --minutes 20`;

const COMMANDS = ["text", "few-shot", "nats", "compare", "ship", "cards"] as const;

type Command = (typeof COMMANDS)[number];

const RUNS = ["threads", "backend", "cache", "models"];

/** Options that each command takes; those of `recipe` are of growing. */
const OPTIONS: Readonly<Record<Command | "recipe", readonly string[]>> = {
  recipe: [...RUNS, "steps", "minutes", "teacher"],
  text: ["cache", "teacher"],
  "few-shot": [...RUNS, "against", "tasks", "seeds", "minutes"],
  nats: [...RUNS, "only", "teacher"],
  compare: ["threads", "backend", "models", "only", "tasks", "seeds"],
  ship: ["cache", "models"],
  cards: ["models"],
};

/** A wrong use of the program. */
export const wrongUse = (message: string): Error => Object.assign(new Error(`grow: ${message}`), { code: "WRONG_USE" });

/** A whole number of at least `least` from the command line. */
function countOf(name: string, given: string | undefined, least: number): number | undefined {
  if (given === undefined) return undefined;
  const count = Number(given);
  if (Number.isInteger(count) && count >= least) return count;
  throw wrongUse(`--${name} must be a whole number of at least ${least}, got "${given}"`);
}

/** A command and its options. */
export interface CommandLine {
  readonly what: string;
  /** What is grown, where that is the command. */
  readonly recipe: Recipe | undefined;
  /** The model that a command names. */
  readonly name: string | undefined;
  readonly steps: number | undefined;
  readonly minutes: number | undefined;
  readonly seeds: number;
  readonly threads: number | undefined;
  readonly backend: BackendChoice;
  readonly cache: string;
  readonly models: string;
  readonly teacher: string;
  readonly only: string | undefined;
  readonly against: string | undefined;
  readonly tasks: readonly string[] | undefined;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** The package's models. */
export const SHIPPED: string = `${root}packages/saplings/models`;

/**
 * Reads the command line; undefined where help is wanted.
 *
 * @throws {Error} For a wrong use, with a code that `isWrongUse` knows.
 */
export function readCommandLine(): CommandLine | undefined {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h" },
      steps: { type: "string" },
      minutes: { type: "string" },
      against: { type: "string" },
      only: { type: "string" },
      tasks: { type: "string" },
      seeds: { type: "string" },
      threads: { type: "string" },
      backend: { type: "string" },
      cache: { type: "string" },
      models: { type: "string" },
      teacher: { type: "string" },
    },
  });
  const { cache = `${root}.cache/grow`, backend = "auto" } = values;
  const { teacher = process.env["CAMBIUM_MINILM"] ?? `${root}models/all-MiniLM-L6-v2` } = values;
  const [what, name, ...more] = positionals;
  if (values.help) return undefined;
  if (what === undefined) throw wrongUse(`say what: ${[...COMMANDS, ...recipes.keys()].join(", ")}`);
  const recipe = recipes.get(what);
  if (recipe === undefined && !COMMANDS.includes(what as Command))
    throw wrongUse(`"${what}" is none of ${[...COMMANDS, ...recipes.keys()].join(", ")}`);
  const isNamed = what === "few-shot" || what === "ship";
  if (isNamed === (name === undefined) || more.length > 0)
    throw wrongUse(isNamed ? `${what} takes the name of one grown model` : `${what} takes no "${name}"`);
  const taken = OPTIONS[recipe === undefined ? (what as Command) : "recipe"];
  const strange = Object.keys(values).find((option) => !taken.includes(option));
  if (strange !== undefined) throw wrongUse(`${what} takes no --${strange}; it takes --${taken.join(", --")}`);
  const steps = countOf("steps", values.steps, 2);
  const minutes = countOf("minutes", values.minutes, 1);
  const seeds = countOf("seeds", values.seeds, 1) ?? 5;
  const threads = countOf("threads", values.threads, 1);
  const isAboutShipped = what === "nats" || what === "compare" || what === "cards";
  const { only, against } = values;
  return {
    ...{ what, recipe, name, cache, teacher, only, against, steps, minutes, seeds, threads },
    models: values.models ?? (isAboutShipped ? SHIPPED : `${cache}/models`),
    backend: backend as BackendChoice,
    tasks: values.tasks?.split(","),
  };
}

/** Whether an error says that the program was used in a wrong way. */
export function isWrongUse(error: unknown): boolean {
  const { code = "" } = error as { readonly code?: string };
  return code === "WRONG_USE" || code.startsWith("ERR_PARSE_ARGS");
}
