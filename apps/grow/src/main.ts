/** The recipe as a program; see the README. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { configureOnnx } from "@cambium/backend-onnx";
import { type Files, folder } from "@cambium/base";
import { type BackendChoice, disposeParameters, useBackend } from "@cambium/core";
import { type BertConfig, loadModel, loadTokenizer } from "@cambium/models";
import { modelCard } from "./card.ts";
import { compare, readComparison } from "./compare.ts";
import { grow } from "./grow.ts";
import type { Growth } from "./growth.ts";
import { natsPerCharacter } from "./nats.ts";
import { writePackageTables } from "./package-table.ts";
import { type RecipeName, recipes } from "./recipes.ts";
import { openText, type Text } from "./text.ts";

const names = Object.keys(recipes) as RecipeName[];

const HELP = `pnpm grow <what> [options]

  text             reads the corpora and takes the vocabulary
  bert-2x128-v1    taught by MiniLM, on books, speeches, dictionaries and manuals
  bert-3x192-v1    likewise
  bert-4x256-v1    likewise
  bert-4x256-v2    from bert-4x256-v1, on e-mail
  bert-4x256-v3    from bert-4x256-v2, on other manuals
  compare          tunes grown models and twins of random weights on spam, and shows the table
  nats             how well grown models guess hidden words, in nats a character, by corpus
  cards            writes model cards and the package's tables again, with the comparison

  --minutes <n>       time to spend in training steps, all sittings together (default 60)
  --only <name>       compare this model only
  --tasks <list>      compare on few-shot, full or both (default few-shot,full)
  --seeds <n>         seeds to compare over (default 5)
  --threads <n>       threads of the onnx backend: 1 is faster on a busy machine (default all cores)
  --backend <name>    auto, onnx, wasm, cpu or tensorflow (default auto)
  --cache <folder>    text, checkpoints and metrics (default .cache/grow)
  --models <folder>   grown models (default packages/saplings/models)
  --teacher <folder>  all-MiniLM-L6-v2 (default models/all-MiniLM-L6-v2, or what CAMBIUM_MINILM names)

A run that was stopped (Ctrl-C) or killed goes on when the same command is given again.
Debian's texts are fetched by apt-get. Example: pnpm grow bert-2x128-v1 --minutes 20`;

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Those that are grown, with their folders. */
async function grownModels(models: string): Promise<readonly { readonly name: RecipeName; readonly files: Files }[]> {
  const all = names.map((name) => ({ name, files: folder(`${models}/${name}`) }));
  const isGrown = await Promise.all(
    all.map(async ({ files }) => (await files.list()).some((file) => file.name === "growth.json")),
  );
  return all.filter((_, i) => isGrown[i]);
}

/** Writes every model's card, and the tables in the README of the package. */
async function writeCards(models: string): Promise<void> {
  const rows = await readComparison(models);
  const growths: Growth[] = [];
  for (const { name, files } of await grownModels(models)) {
    const growth = JSON.parse(new TextDecoder().decode(await files.read("growth.json"))) as Growth;
    growths.push(growth);
    const own = rows.filter(({ model }) => model === name);
    await files.write("README.md", modelCard(growth, own));
    console.log(`written: ${files.location}/README.md`);
  }
  const saplings = folder(`${models}/..`);
  const readme = new TextDecoder().decode(await saplings.read("README.md"));
  await saplings.write("README.md", writePackageTables(readme, growths, rows));
  console.log(`written: ${saplings.location}/README.md`);
}

/** Prints a line of JSON for each grown model. */
async function printNats(models: string, text: Text): Promise<void> {
  for (const { name, files } of await grownModels(models)) {
    const model = await loadModel<BertConfig>(files, { head: { kind: "masked-lm" } });
    const tokenizer = await loadTokenizer(files);
    const nats: Record<string, number> = {};
    for (const { name: corpus } of text.corpora) {
      const value = await natsPerCharacter(model, tokenizer, await text.heldDocuments(corpus));
      nats[corpus] = Number(value.toFixed(4));
    }
    disposeParameters(model.parameters);
    console.log(JSON.stringify({ models, name, nats }));
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h" },
      minutes: { type: "string", default: "60" },
      only: { type: "string" },
      tasks: { type: "string", default: "few-shot,full" },
      seeds: { type: "string", default: "5" },
      threads: { type: "string" },
      backend: { type: "string", default: "auto" },
      cache: { type: "string", default: `${root}.cache/grow` },
      models: { type: "string", default: `${root}packages/saplings/models` },
      teacher: { type: "string", default: process.env["CAMBIUM_MINILM"] ?? `${root}models/all-MiniLM-L6-v2` },
    },
  });
  const { cache, models, teacher } = values;
  const [what] = positionals;
  if (values.help || what === undefined) {
    console.log(HELP);
    return values.help ? 0 : 2;
  }
  if (what === "text") await openText(`${cache}/text`, teacher, console.log);
  if (what === "cards") await writeCards(models);
  if (what === "text" || what === "cards") return 0;
  if (what !== "compare" && what !== "nats" && !Object.hasOwn(recipes, what)) {
    console.error(`grow: "${what}" is none of text, ${names.join(", ")}, compare, nats, cards`);
    return 2;
  }

  if (values.threads !== undefined) configureOnnx({ threads: Number(values.threads) });
  const { backend, reason } = await useBackend(values.backend as BackendChoice);
  console.log(`backend ${backend}: ${reason}`);
  if (what === "nats") {
    await printNats(models, await openText(`${cache}/text`, teacher, console.log));
    return 0;
  }
  if (what === "compare") {
    const tasks = (["few-shot", "full"] as const).filter((task) => values.tasks.split(",").includes(task));
    await compare({
      names: (await grownModels(models)).map(({ name }) => name).filter((name) => name === (values.only ?? name)),
      tasks,
      seeds: Number(values.seeds),
      models,
      report: console.log,
    });
    return 0;
  }
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const isDone = await grow(recipes[what as RecipeName], {
    minutes: Number(values.minutes),
    cache,
    models,
    teacher,
    signal: stop.signal,
    report: console.log,
  });
  console.log(isDone ? `grown: ${models}/${what}` : `stopped with a checkpoint; "pnpm grow ${what}" goes on`);
  return isDone ? 0 : 130;
}

process.exitCode = await main();
