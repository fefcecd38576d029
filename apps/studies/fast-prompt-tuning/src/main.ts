/** The study's command. Read `plan.ts`, `parts.ts` and `run.ts` first. */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError, nearest } from "@cambium/base";
import { loadStudy, measureClaims, planStudy, runStudy } from "@cambium/experiments";
import { HELP, readSettings, type Settings } from "./flags.ts";
import { type PlanFile, planFileOf, readPlan, writePage } from "./page.ts";
import { type Part, partsOf } from "./parts.ts";

const [WRONG_USE, FAILED, STOPPED] = [2, 1, 130];
const PAGE = fileURLToPath(new URL("../../../../docs/results/fast-prompt-tuning.md", import.meta.url));
const HOUR = 3_600_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const words = (cell: object): string =>
  Object.entries(cell)
    .map(([factor, level]) => `${factor} ${level}`)
    .join(", ");

/** Those that were asked for, in their order. */
function chosen(parts: readonly Part[], only: readonly string[] | undefined): readonly Part[] {
  const names = parts.map(({ name }) => name);
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown === undefined) return parts.filter(({ name }) => only?.includes(name) ?? true);
  const close = nearest(unknown, names);
  const hint = close === undefined ? "" : `, is ${close} meant?`;
  throw new ConfigError({ message: `--only: there is no part "${unknown}"${hint} There are ${names.join(", ")}` });
}

async function plan(parts: readonly Part[], { out, workers }: Settings, signal: AbortSignal): Promise<number> {
  const planned: { name: string; runs: number; hours: number }[] = [];
  for (const { name, study, folder } of parts) {
    for await (const event of planStudy(study, { folder, signal })) {
      if (event.type === "measured") {
        say(
          `${name}: a step of ${words(event.kind)} takes ${event.stepMs.toFixed(0)} ms, the rest of a run ${(event.setupMs / 1000).toFixed(1)} s`,
        );
        continue;
      }
      planned.push({ name, runs: event.runs, hours: event.totalMs! / HOUR });
      say(
        `${name}: ${event.runs} runs, ${event.tuningRuns} of them for the tuning; ${(event.totalMs! / HOUR).toFixed(2)} h of one core`,
      );
      for (const { claim, criterion } of event.claims) say(`  claim: ${claim}: ${criterion}`);
    }
    if (signal.aborted) return STOPPED;
  }
  const names = planned.map(({ name }) => name);
  const before = (await readPlan(out))?.parts.filter(({ name }) => !names.includes(name)) ?? []; // of a call with --only
  const all = [...before, ...planned];
  const hours = all.reduce((sum, each) => sum + each.hours, 0);
  say(
    `all: ${hours.toFixed(2)} h of one core, ${(hours / workers).toFixed(2)} h with ${workers} workers that do not slow each other`,
  );
  const machine = `${cpus()[0]!.model.trim()}, Node ${process.versions.node}, one thread a run, processor time`;
  const file: PlanFile = { date: new Date().toISOString().slice(0, 10), machine, parts: all };
  await mkdir(out, { recursive: true });
  await writeFile(planFileOf(out), `${JSON.stringify(file, null, 1)}\n`);
  return 0;
}

async function run(settings: Settings, signal: AbortSignal): Promise<number> {
  let failed = 0;
  const names = chosen(await partsOf(settings.extent, settings.out), settings.only).map(({ name }) => name);
  for (const wanted of names) {
    // Made again for each: what an earlier part found decides the rates of a later one.
    const part = (await partsOf(settings.extent, settings.out)).find(({ name }) => name === wanted)!;
    if (part.waitsFor !== undefined) {
      say(`${part.name}: waits for ${part.waitsFor}`);
      failed += 1;
      continue;
    }
    for await (const event of runStudy(part.study, { folder: part.folder, workers: settings.workers, signal })) {
      if (event.type === "lost") say(`${part.name}: ${words(event.cell)}: ${event.message}; it starts again`);
      if (event.type === "finish") {
        const { cell, budget, durationMs, done, total, remainingMs } = event;
        const what =
          event.status === "done"
            ? `${(event.result!["accuracy"] as number).toFixed(1)} %`
            : event.message!.split("\n")[0]!;
        const tuning = budget === undefined ? "" : `, ${budget} steps`;
        const left = remainingMs === undefined ? "" : `, about ${(remainingMs / HOUR).toFixed(2)} h left`;
        say(
          `${part.name}: ${words(cell)}${tuning}: ${what} in ${(durationMs / 1000).toFixed(0)} s; ${done} of ${total}${left}`,
        );
      }
      if (event.type === "end" && event.reason === "stopped") return STOPPED;
      if (event.type === "end") failed += event.stuck;
    }
    const { board, records } = await loadStudy(part.study, part.folder);
    failed += board.grid.filter(
      ({ run: found }) => found !== undefined && records.get(found.key)?.status === "failed",
    ).length;
  }
  return failed === 0 ? 0 : FAILED;
}

async function status(parts: readonly Part[]): Promise<number> {
  for (const { name, study, folder, waitsFor } of parts) {
    const state = await loadStudy(study, folder);
    const total = state.board.runs.length + state.board.waiting + state.board.stuck;
    say(
      `${name}: ${state.records.size} of ${total} runs have a result${waitsFor === undefined ? "" : `; waits for ${waitsFor}`}`,
    );
    for (const { claim, verdict } of measureClaims(study, state)) say(`  ${verdict}: ${claim.claim}`);
  }
  return 0;
}

async function report(parts: readonly Part[], { extent, out, page }: Settings): Promise<number> {
  const file = page ?? (extent.name === "full" ? PAGE : join(out, "page.md"));
  const { markdown, figures } = await writePage(parts, extent, out);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, markdown);
  if (figures.size > 0) await mkdir(join(dirname(file), "fast-prompt-tuning"), { recursive: true });
  for (const [name, svg] of figures) await writeFile(join(dirname(file), "fast-prompt-tuning", name), svg);
  say(`page: ${file}`);
  return 0;
}

async function main(settings: Settings): Promise<number> {
  const stop = new AbortController();
  process.on("SIGINT", () => stop.abort());
  if (settings.verb === "run") return run(settings, stop.signal);
  const all = await partsOf(settings.extent, settings.out);
  if (settings.verb === "report") return report(all, settings);
  const parts = chosen(all, settings.only);
  return settings.verb === "plan" ? plan(parts, settings, stop.signal) : status(parts);
}

try {
  const settings = readSettings(process.argv.slice(2));
  if (settings === undefined) process.stdout.write(HELP);
  else process.exitCode = await main(settings);
} catch (error) {
  const { message, code } = error as Error & { readonly code?: string };
  process.stderr.write(`study:fast-prompt-tuning: ${message}\n`);
  process.exitCode = code === "CONFIG" ? WRONG_USE : FAILED;
}
