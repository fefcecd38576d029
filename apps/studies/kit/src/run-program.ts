/** The verbs of a study's command. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError, nearest } from "@cambium/base";
import {
  type Cell,
  type FinishEvent,
  loadStudy,
  measureClaims,
  planStudy,
  runStudy,
  type Study,
} from "@cambium/experiments";
import { helpOf, readSettings, type Settings } from "./flags.ts";
import { writePage } from "./page.ts";
import { type PlannedPart, writePlan } from "./plan-file.ts";
import type { NamedExtent, Part, StudyProgram } from "./program.ts";

const [WRONG_USE, FAILED, STOPPED] = [2, 1, 130];
const [MINUTE, HOUR] = [60_000, 3_600_000];
const GRACE_MS = 30_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** A cell by what varies in its study, and by what the tuning chose. */
function words(cell: Cell, { factors }: Study): string {
  const told = Object.entries(cell).filter(([factor]) => factors[factor]?.length !== 1);
  return told.length === 0 ? "the run" : told.map(([factor, level]) => `${factor} ${level}`).join(", ");
}

/** Those that were asked for, in their order. */
function chosen<OfPart extends Part>(parts: readonly OfPart[], only: readonly string[] | undefined): readonly OfPart[] {
  const names = parts.map(({ name }) => name);
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown === undefined) return parts.filter(({ name }) => only?.includes(name) ?? true);
  const close = nearest(unknown, names);
  const hint = close === undefined ? "" : `, is ${close} meant?`;
  throw new ConfigError({ message: `--only: there is no part "${unknown}"${hint} There are ${names.join(", ")}` });
}

async function plan<Extent extends NamedExtent>(
  program: StudyProgram<Extent>,
  { extent, only, out, workers }: Settings<Extent>,
  signal: AbortSignal,
): Promise<number> {
  const planned: PlannedPart[] = [];
  for (const { name, study, folder, lacks } of chosen(await program.partsOf(extent, out), only)) {
    if (lacks !== undefined) {
      say(`${name}: lacks ${lacks}`);
      continue;
    }
    for await (const event of planStudy(study, { folder, signal })) {
      if (event.type === "measured") {
        const setup = (event.setupMs / 1000).toFixed(1);
        say(
          `${name}: a step of ${words(event.kind, study)} takes ${event.stepMs.toFixed(0)} ms, the rest of a run ${setup} s`,
        );
        continue;
      }
      const hours = event.totalMs === undefined ? undefined : event.totalMs / HOUR;
      planned.push({ name, runs: event.runs, ...(hours !== undefined && { hours }) });
      const tuning = event.tuningRuns === 0 ? "" : `, ${event.tuningRuns} of them for the tuning`;
      const time = hours === undefined ? "hours are known once some are done" : `${hours.toFixed(2)} h of one core`;
      say(`${name}: ${event.runs} runs${tuning}; ${time}`);
      for (const { claim, criterion } of event.claims) say(`  claim: ${claim}: ${criterion}`);
    }
    if (signal.aborted) return STOPPED;
  }
  const hours = (await writePlan(out, planned)).reduce((sum, each) => sum + (each.hours ?? 0), 0);
  if (hours > 0)
    say(
      `all: ${hours.toFixed(2)} h of one core, ${(hours / workers).toFixed(2)} h with ${workers} workers that do not slow each other`,
    );
  for (const line of (await program.planNotes?.(extent)) ?? []) say(line);
  return 0;
}

function firstMetric(result: NonNullable<FinishEvent["result"]>, { metrics }: Study): string {
  const [name, { unit, digits }] = Object.entries(metrics)[0]!;
  const value = result[name] as number;
  return `${name} ${digits === undefined ? Number(value.toPrecision(4)) : value.toFixed(digits)}${unit === undefined ? "" : ` ${unit}`}`;
}

function finishText<Extent extends NamedExtent>(
  program: StudyProgram<Extent>,
  { name, study }: Part,
  { cell, budget, status, result, message, durationMs, done, total, remainingMs }: FinishEvent,
): string {
  const what =
    status === "done"
      ? (program.resultText?.(result!) ?? firstMetric(result!, study))
      : `failed: ${message!.split("\n")[0]!}`;
  const tuning = budget === undefined ? "" : `, ${budget} steps`;
  const left = remainingMs === undefined || done === total ? "" : `, about ${(remainingMs / HOUR).toFixed(2)} h left`;
  return `${name}: ${words(cell, study)}${tuning}: ${what} in ${(durationMs / 1000).toFixed(0)} s; ${done} of ${total}${left}`;
}

async function run<Extent extends NamedExtent>(
  program: StudyProgram<Extent>,
  { extent, only, out, workers, minutes, retryFailed, acceptChanges }: Settings<Extent>,
  stop: AbortController,
): Promise<number> {
  const late = minutes === undefined ? undefined : setTimeout(() => stop.abort(), minutes * MINUTE);
  const { graceMs = GRACE_MS } = program;
  let failed = 0;
  try {
    for (const { name } of chosen(await program.partsOf(extent, out), only)) {
      // Made again for each: what an earlier part found may decide the rates of a later one.
      const part = (await program.partsOf(extent, out)).find((each) => each.name === name)!;
      const missing = part.lacks ?? part.waitsFor;
      if (missing !== undefined) {
        say(`${name}: ${part.lacks === undefined ? "waits for" : "lacks"} ${missing}`);
        if (only !== undefined) failed += 1; // it was asked for by its name
        continue;
      }
      const { study, folder } = part;
      const options = { folder, workers, graceMs, retryFailed, acceptChanges, signal: stop.signal };
      for await (const event of runStudy(study, options)) {
        if (event.type === "lost") say(`${name}: ${words(event.cell, study)}: ${event.message}; it starts again`);
        if (event.type === "finish") say(finishText(program, part, event));
        if (event.type === "end" && event.reason === "stopped") return STOPPED;
        if (event.type === "end") failed += event.stuck;
      }
      const { board, records } = await loadStudy(study, folder);
      // Of the grid alone: a rate at which a run of the tuning diverged is a finding.
      const own = board.grid.filter((each) => each.run !== undefined && records.get(each.run.key)?.status === "failed");
      if (own.length > 0) say(`${name}: ${own.length} of its runs failed; run --retry-failed tries them again`);
      failed += own.length;
    }
  } finally {
    clearTimeout(late);
  }
  return failed === 0 ? 0 : FAILED;
}

async function status(parts: readonly Part[]): Promise<number> {
  for (const { name, study, folder, waitsFor, lacks } of parts) {
    const state = await loadStudy(study, folder);
    const total = state.board.runs.length + state.board.waiting + state.board.stuck;
    const open = waitsFor === undefined ? "" : `; waits for ${waitsFor}`;
    const failed = [...state.records.values()].filter((record) => record.status === "failed").length;
    say(
      `${name}: ${state.records.size - failed} of ${total} runs have a result${failed === 0 ? "" : `, ${failed} failed`}${lacks === undefined ? open : `; lacks ${lacks}`}`,
    );
    for (const { claim, verdict } of measureClaims(study, state)) say(`  ${verdict}: ${claim.claim}`);
  }
  return 0;
}

async function report<Extent extends NamedExtent>(
  program: StudyProgram<Extent>,
  { extent, out, page }: Settings<Extent>,
): Promise<number> {
  const { name } = program;
  const own = fileURLToPath(new URL(`../../../../docs/results/${name}.md`, import.meta.url));
  const file = page ?? (extent.name === "full" ? own : join(out, "page.md"));
  const { markdown, figures, html } = await writePage(program, await program.partsOf(extent, out), extent, out);
  await mkdir(dirname(file), { recursive: true });
  await mkdir(out, { recursive: true });
  await writeFile(file, markdown);
  if (figures.size > 0) await mkdir(join(dirname(file), name), { recursive: true });
  for (const [figure, svg] of figures) await writeFile(join(dirname(file), name, figure), svg);
  await writeFile(join(out, "report.html"), html);
  say(`page: ${file}`);
  say(`report: ${join(out, "report.html")}`);
  return 0;
}

async function perform<Extent extends NamedExtent>(
  program: StudyProgram<Extent>,
  settings: Settings<Extent>,
): Promise<number> {
  const stop = new AbortController();
  process.on("SIGINT", () => stop.abort());
  const { verb, extent, only, out } = settings;
  const own = program.verbs?.[verb];
  if (own !== undefined) return own.run(settings);
  switch (verb) {
    case "plan":
      return plan(program, settings, stop.signal);
    case "run":
      return run(program, settings, stop);
    case "report":
      return report(program, settings);
    default:
      return status(chosen(await program.partsOf(extent, out), only));
  }
}

/** Does what the command line says; sets the exit code: 1 when runs failed, 2 for wrong use, 130 when it was stopped. */
export async function runProgram<Extent extends NamedExtent>(
  program: StudyProgram<Extent>,
  args: readonly string[] = process.argv.slice(2),
): Promise<void> {
  // Whoever read the lines has gone, as `| head` has: runs end with this process, and start again at their last checkpoints.
  process.stdout.once("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") process.exit(STOPPED);
  });
  try {
    const settings = readSettings(program, args);
    if (settings === undefined) process.stdout.write(helpOf(program));
    else process.exitCode = await perform(program, settings);
  } catch (error) {
    const { message, code } = error as Error & { readonly code?: string };
    process.stderr.write(`study:${program.name}: ${message}\n`);
    process.exitCode = code === "CONFIG" ? WRONG_USE : FAILED;
  }
}
