/** The recipe as a program; see the README. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { configureOnnx } from "@cambium/backend-onnx";
import { type BackendChoice, useBackend } from "@cambium/core";
import { grow } from "./grow.ts";
import { type RecipeName, recipes } from "./recipes.ts";
import { openText } from "./text.ts";

const HELP = `pnpm grow <what> [options]

  text                reads the corpora and trains the vocabulary
${Object.values(recipes)
  .map(
    ({ name, domain, from }) =>
      `  ${name}       ${from === undefined ? "from random weights" : `from ${from}`}, on the ${domain} text`,
  )
  .join("\n")}

  --minutes <n>       time to spend in training steps, all sittings together (default 60)
  --threads <n>       threads of the onnx backend: 1 is faster on a busy machine (default all cores)
  --backend <name>    auto, onnx, wasm, cpu or tensorflow (default auto)
  --cache <folder>    text, checkpoints and metrics (default .cache/grow)
  --models <folder>   where grown models go (default packages/saplings/models)

A run that was stopped (Ctrl-C) or killed goes on when the same command is given again.
Debian's texts are fetched by apt-get. Example: pnpm grow bert-2x128-v1 --minutes 20`;

const root = fileURLToPath(new URL("../../../", import.meta.url));

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h" },
      minutes: { type: "string", default: "60" },
      threads: { type: "string" },
      backend: { type: "string", default: "auto" },
      cache: { type: "string", default: `${root}.cache/grow` },
      models: { type: "string", default: `${root}packages/saplings/models` },
    },
  });
  const [what] = positionals;
  if (values.help || what === undefined) {
    console.log(HELP);
    return values.help ? 0 : 2;
  }
  if (what === "text") {
    await openText(`${values.cache}/text`, console.log);
    return 0;
  }
  if (!Object.hasOwn(recipes, what)) {
    console.error(`grow: "${what}" is none of text, ${Object.keys(recipes).join(", ")}`);
    return 2;
  }
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  if (values.threads !== undefined) configureOnnx({ threads: Number(values.threads) });
  const { backend, reason } = await useBackend(values.backend as BackendChoice);
  console.log(`backend ${backend}: ${reason}`);
  const isDone = await grow(recipes[what as RecipeName], {
    minutes: Number(values.minutes),
    cache: values.cache,
    models: values.models,
    signal: stop.signal,
    report: console.log,
  });
  console.log(isDone ? `grown: ${values.models}/${what}` : `stopped with a checkpoint; "pnpm grow ${what}" goes on`);
  return isDone ? 0 : 130;
}

process.exitCode = await main();
