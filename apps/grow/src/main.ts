/** The recipes as a program; see the README. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { configureOnnx } from "@cambium/backend-onnx";
import { type Files, folder, hasFile } from "@cambium/base";
import { type BackendChoice, useBackend } from "@cambium/core";
import { writeCards } from "./cards/write-cards.ts";
import { grow } from "./growth/grow.ts";
import { recipes } from "./growth/recipes.ts";
import { shipSapling } from "./growth/ship.ts";
import { compare } from "./measures/compare.ts";
import { compareFewShot } from "./measures/few-shot.ts";
import { printNats } from "./measures/print-nats.ts";
import { openBytes, openPieces } from "./text/saplings-text.ts";

const HELP = `pnpm grow <what> [name] [options]

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

const root = fileURLToPath(new URL("../../../", import.meta.url));
const SHIPPED = `${root}packages/saplings/models`;
const COMMANDS = ["text", "few-shot", "nats", "compare", "ship", "cards"] as const;

type Command = (typeof COMMANDS)[number];

/** A wrong use of the program. */
const wrongUse = (message: string): Error => Object.assign(new Error(`grow: ${message}`), { code: "WRONG_USE" });

/** A whole number of at least `least` from the command line. */
function countOf(name: string, given: string | undefined, least: number): number | undefined {
  if (given === undefined) return undefined;
  const count = Number(given);
  if (Number.isInteger(count) && count >= least) return count;
  throw wrongUse(`--${name} must be a whole number of at least ${least}, got "${given}"`);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h" },
      steps: { type: "string" },
      minutes: { type: "string" },
      against: { type: "string" },
      only: { type: "string" },
      tasks: { type: "string" },
      seeds: { type: "string", default: "5" },
      threads: { type: "string" },
      backend: { type: "string", default: "auto" },
      cache: { type: "string", default: `${root}.cache/grow` },
      models: { type: "string" },
      teacher: { type: "string", default: process.env["CAMBIUM_MINILM"] ?? `${root}models/all-MiniLM-L6-v2` },
    },
  });
  const { cache, teacher, only } = values;
  const [what, name, ...more] = positionals;
  if (values.help || what === undefined) {
    console.log(HELP);
    return values.help ? 0 : 2;
  }
  const recipe = recipes.get(what);
  if (recipe === undefined && !COMMANDS.includes(what as Command))
    throw wrongUse(`"${what}" is none of ${[...COMMANDS, ...recipes.keys()].join(", ")}`);
  const isNamed = what === "few-shot" || what === "ship";
  if (isNamed === (name === undefined) || more.length > 0)
    throw wrongUse(isNamed ? `${what} takes the name of one grown model` : `${what} takes no "${name}"`);
  const steps = countOf("steps", values.steps, 2);
  const minutes = countOf("minutes", values.minutes, 1);
  const seeds = countOf("seeds", values.seeds, 1)!;
  const threads = countOf("threads", values.threads, 1);
  const isAboutShipped = what === "nats" || what === "compare" || what === "cards";
  const models = values.models ?? (isAboutShipped ? SHIPPED : `${cache}/models`);
  const where = { cache, report: console.log };

  if (what === "cards") await writeCards(models, console.log);
  if (what === "ship") console.log(await shipSapling(`${models}/${name}`, `${SHIPPED}/${name}`));
  if (what === "text") {
    await openPieces(teacher, where);
    await openBytes(where);
  }
  if (what === "cards" || what === "ship" || what === "text") return 0;

  if (threads !== undefined) configureOnnx({ threads });
  const { backend, reason } = await useBackend(values.backend as BackendChoice);
  console.log(`backend ${backend}: ${reason}`);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const signal =
    minutes === undefined ? stop.signal : AbortSignal.any([stop.signal, AbortSignal.timeout(minutes * 60_000)]);

  if (what === "nats") {
    await printNats(
      { models, only, pieces: () => openPieces(teacher, where), bytes: () => openBytes(where) },
      console.log,
    );
    return 0;
  }
  if (what === "compare") {
    const known = ["few-shot", "full"] as const;
    const asked = values.tasks?.split(",") ?? known;
    const strange = asked.find((task) => !known.some((each) => each === task));
    if (strange !== undefined) throw wrongUse(`compare knows the tasks ${known.join(" and ")}, got "${strange}"`);
    const names = [...recipes.values()].filter(({ kind }) => kind === "encoder").map((each) => each.name);
    const grown = await Promise.all(names.map((each) => hasFile(folder(`${models}/${each}`), "growth.json")));
    await compare({
      names: names.filter((each, i) => grown[i] && each === (only ?? each)),
      tasks: known.filter((task) => asked.includes(task)),
      seeds,
      models,
      report: console.log,
    });
    return 0;
  }
  if (what === "few-shot") {
    const against = values.against ?? name!;
    const shipped: Files = folder(`${SHIPPED}/${against}`);
    const isShipped = await hasFile(shipped, "config.json");
    if (!isShipped && values.against !== undefined) throw wrongUse(`no ${against} is shipped`);
    const compared = await compareFewShot({
      grown: { name: name!, path: `${models}/${name}` },
      ...(isShipped && { shipped: { name: `${against} as shipped`, path: `${SHIPPED}/${against}` } }),
      ...(values.tasks !== undefined && { tasks: values.tasks.split(",") }),
      seeds,
      results: `${cache}/few-shot.jsonl`,
      signal,
      report: console.log,
    });
    return compared === undefined ? 130 : 0;
  }
  const isDone = await grow(recipe!, {
    ...(steps !== undefined && { steps }),
    ...{ cache, models, teacher, signal, report: console.log },
  });
  console.log(isDone ? `grown: ${models}/${what}` : `stopped with a checkpoint; "pnpm grow ${what}" resumes it`);
  return isDone ? 0 : 130;
}

try {
  process.exitCode = await main();
} catch (error) {
  const { code, message } = error as Error & { readonly code?: string };
  const isWrongUse = code === "WRONG_USE" || code?.startsWith("ERR_PARSE_ARGS");
  console.error(isWrongUse ? `${message}\n"pnpm grow --help" shows all` : error);
  process.exitCode = isWrongUse ? 2 : 1;
}
