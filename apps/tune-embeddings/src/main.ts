/** From definitions to words: a sentence embedding model before and after tuning. Read `tune.ts` first. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { countParameters, useBackend } from "@cambium/core";
import { merge, saveAdapter } from "@cambium/delta";
import { type Interval, measureInterval } from "@cambium/experiments";
import { loadModel, loadTokenizer } from "@cambium/models";
import { search } from "./search.ts";
import { HELP, readSettings, type Settings } from "./settings.ts";
import { createTask } from "./task.ts";
import { tune } from "./tune.ts";
import { loadWordnet } from "./wordnet.ts";

const STOPPED = 130;
const WRONG_USE = 2;
const FAILED = 1;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Aborts at the first Ctrl-C; the second one ends the program at once. */
function stopOnInterrupt(): AbortSignal {
  const stop = new AbortController();
  process.on("SIGINT", () => {
    if (stop.signal.aborted) process.exit(STOPPED);
    say("stopping after this step …");
    stop.abort();
  });
  return stop.signal;
}

const points = (value: number): string => (100 * value).toFixed(2);
const show = ({ mean, low, high }: Interval): string =>
  low === undefined ? points(mean) : `${points(mean)} (${points(low)} to ${points(high!)})`;

/** NDCG@10 before and after, and the difference query by query, each with the bootstrap's 95 % interval. */
function compare(before: readonly number[], after: readonly number[]) {
  const gain = after.map((value, i) => value - before[i]!);
  const of = (values: readonly number[]): Interval => measureInterval(values, "bootstrap");
  return { queries: before.length, before: of(before), after: of(after), gain: of(gain) };
}

async function main(settings: Settings): Promise<number> {
  const started = performance.now();
  const runtime = await useBackend(settings.backend);
  const signal = stopOnInterrupt();
  const base = await loadModel(settings.model, { head: { kind: "embedding", symmetric: true } });
  const tokenizer = await loadTokenizer(settings.model);
  const task = createTask(await loadWordnet(), settings.sizes);
  say(`${runtime.backend}, ${runtime.device}; ${task.rows.length} definitions to train on`);
  const looks = [
    ["dev", task.dev],
    ["test", task.test],
  ] as const;
  const before = new Map<string, number[]>();
  for (const [name, look] of looks)
    before.set(name, await search(base, tokenizer, look, (line) => say(`${name}, before: ${line}`)));
  const tuned = await tune(base, tokenizer, task.rows, settings, { signal, report: say });
  if (tuned === undefined) {
    say("stopped with a checkpoint; the same command resumes there");
    return STOPPED;
  }
  const merged = merge(tuned);
  const after = new Map<string, number[]>();
  for (const [name, look] of looks)
    after.set(name, await search(merged, tokenizer, look, (line) => say(`${name}, after: ${line}`)));
  const ofNew = (scores: readonly number[]): number[] => scores.filter((_, i) => task.isNew[i]!);
  const results = {
    dev: compare(before.get("dev")!, after.get("dev")!),
    test: compare(before.get("test")!, after.get("test")!),
    "test, words never trained on": compare(ofNew(before.get("test")!), ofNew(after.get("test")!)),
  };
  say(
    `\nNDCG@10 in points, 95 % intervals over ${task.test.queries.length} definitions, ${task.test.words.length} words to choose from`,
  );
  for (const [name, { queries, ...rows }] of Object.entries(results))
    say(`${name} (${queries}): ${show(rows.before)} before, ${show(rows.after)} after, gain ${show(rows.gain)}`);
  await saveAdapter(tuned, join(settings.out, "adapter"));
  const seconds = (performance.now() - started) / 1000;
  const { model, ...rest } = settings;
  const trained = countParameters(tuned.parameters);
  const facts = { settings: { ...rest, model: model.location }, runtime, trained, seconds, results };
  await writeFile(join(settings.out, "results.json"), `${JSON.stringify(facts, null, 2)}\n`);
  say(`adapter: ${join(settings.out, "adapter")} (a PEFT folder)\ntime:    ${seconds.toFixed(0)} s`);
  return 0;
}

try {
  const settings = readSettings(process.argv.slice(2));
  if (settings === undefined) process.stdout.write(HELP);
  else process.exitCode = await main(settings);
} catch (error) {
  const { message, code } = error as Error & { readonly code?: string };
  process.stderr.write(`tune-embeddings: ${message}\n`);
  process.exitCode = code === "CONFIG" ? WRONG_USE : FAILED;
}
