/** The recipes as a program; see the README. */
import { configureOnnx } from "@cambium/backend-onnx";
import { folder, hasFile } from "@cambium/base";
import { useBackend } from "@cambium/core";
import { writeCards } from "./cards/write-cards.ts";
import { type CommandLine, HELP, isWrongUse, readCommandLine, SHIPPED, wrongUse } from "./command-line.ts";
import { grow } from "./growth/grow.ts";
import { recipes } from "./growth/recipes.ts";
import { shipSapling } from "./growth/ship.ts";
import { compare } from "./measures/compare.ts";
import { compareFewShot } from "./measures/few-shot.ts";
import { printNats } from "./measures/print-nats.ts";
import { openBytes, openPieces } from "./text/saplings-text.ts";

const report = console.log;

/** Encoders that are grown, in a folder. */
async function grownEncoders(models: string): Promise<readonly string[]> {
  const names = [...recipes.values()].flatMap(({ kind, name }) => (kind === "encoder" ? [name] : []));
  const grown = await Promise.all(names.map((name) => hasFile(folder(`${models}/${name}`), "growth.json")));
  return names.filter((_, i) => grown[i]);
}

async function runCompare({ models, only, seeds, tasks: asked }: CommandLine): Promise<number> {
  const known = ["few-shot", "full"] as const;
  const strange = asked?.find((task) => !known.some((each) => each === task));
  if (strange !== undefined) throw wrongUse(`compare knows the tasks ${known.join(" and ")}, got "${strange}"`);
  await compare({
    names: (await grownEncoders(models)).filter((name) => name === (only ?? name)),
    tasks: known.filter((task) => asked?.includes(task) ?? true),
    ...{ seeds, models, report },
  });
  return 0;
}

async function runFewShot(
  { name, models, against, cache, ...rest }: CommandLine,
  signal: AbortSignal,
): Promise<number> {
  const other = against ?? name!;
  const isShipped = await hasFile(folder(`${SHIPPED}/${other}`), "config.json");
  if (!isShipped && against !== undefined) throw wrongUse(`no ${against} is shipped`);
  const { tasks, seeds } = rest;
  const compared = await compareFewShot({
    grown: { name: name!, path: `${models}/${name}` },
    ...(isShipped && { shipped: { name: `${other} as shipped`, path: `${SHIPPED}/${other}` } }),
    ...(tasks !== undefined && { tasks }),
    ...{ seeds, signal, report, results: `${cache}/few-shot.jsonl` },
  });
  return compared === undefined ? 130 : 0;
}

/** Commands that compute nothing; undefined for others. */
async function runPlain(line: CommandLine): Promise<number | undefined> {
  const { what, name, models, teacher, cache } = line;
  if (what === "cards") await writeCards(models, report);
  else if (what === "ship") report(await shipSapling(`${models}/${name}`, `${SHIPPED}/${name}`));
  else if (what === "text") {
    await openPieces(teacher, { cache, report });
    await openBytes({ cache, report });
  } else return undefined;
  return 0;
}

async function run(line: CommandLine): Promise<number> {
  const { what, recipe, threads, minutes, cache, models, teacher, only, steps } = line;
  const plain = await runPlain(line);
  if (plain !== undefined) return plain;

  if (threads !== undefined) configureOnnx({ threads });
  const { backend, reason } = await useBackend(line.backend);
  report(`backend ${backend}: ${reason}`);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const signal =
    minutes === undefined ? stop.signal : AbortSignal.any([stop.signal, AbortSignal.timeout(minutes * 60_000)]);

  if (what === "nats") {
    const text = { pieces: () => openPieces(teacher, { cache, report }), bytes: () => openBytes({ cache, report }) };
    await printNats({ models, only, ...text }, report);
    return 0;
  }
  if (what === "compare") return runCompare(line);
  if (what === "few-shot") return runFewShot(line, signal);
  const isDone = await grow(recipe!, {
    ...(steps !== undefined && { steps }),
    ...{ cache, models, teacher, signal, report },
  });
  report(isDone ? `grown: ${models}/${what}` : `stopped with a checkpoint; "pnpm grow ${what}" resumes it`);
  return isDone ? 0 : 130;
}

try {
  const line = readCommandLine();
  if (line === undefined) report(HELP);
  else process.exitCode = await run(line);
} catch (error) {
  console.error(isWrongUse(error) ? `${(error as Error).message}\n"pnpm grow --help" shows all` : error);
  process.exitCode = isWrongUse(error) ? 2 : 1;
}
