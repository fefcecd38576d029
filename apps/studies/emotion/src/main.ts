/** The study's command. Read `plan.ts`, `parts.ts` and `runs.ts` first. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError, nearest } from "@cambium/base";
import { checkReferenceStudy, loadReferenceStudy } from "@cambium/emotion-probing";
import { loadStudy, measureClaims, planStudy, runStudy } from "@cambium/experiments";
import { HELP, readSettings, type Settings } from "./flags.ts";
import { writePage } from "./page.ts";
import { type Part, partsOf } from "./parts.ts";
import { FULL } from "./plan.ts";

const [WRONG_USE, FAILED, STOPPED] = [2, 1, 130];
const PAGE = fileURLToPath(new URL("../../../../docs/results/emotion.md", import.meta.url));
const HOUR = 3_600_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const words = ({ model, weights, representation, seed }: Readonly<Record<string, unknown>>): string =>
  `${model}${weights === "random" ? " of random weights" : ""}, ${representation}, seed ${seed}`;

/** Those that were asked for, in their order. */
function chosen(parts: readonly Part[], only: readonly string[] | undefined): readonly Part[] {
  const names = parts.map(({ name }) => name);
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown === undefined) return parts.filter(({ name }) => only?.includes(name) ?? true);
  const close = nearest(unknown, names);
  const hint = close === undefined ? "" : `, is ${close} meant?`;
  throw new ConfigError({ message: `--only: there is no part "${unknown}"${hint} There are ${names.join(", ")}` });
}

async function plan(parts: readonly Part[], { workers }: Settings, signal: AbortSignal): Promise<number> {
  let hours: number | undefined = 0;
  for (const { name, study, folder } of parts) {
    for await (const event of planStudy(study, { folder, signal })) {
      if (event.type === "measured") {
        say(
          `${name}: a step of ${event.kind["representation"]} takes ${event.stepMs.toFixed(0)} ms, the rest of a run ${(event.setupMs / 1000).toFixed(1)} s`,
        );
        continue;
      }
      const own = event.totalMs === undefined ? undefined : event.totalMs / HOUR;
      hours = own === undefined || hours === undefined ? undefined : hours + own;
      say(
        `${name}: ${event.runs} runs; ${own === undefined ? "hours are known when some have finished" : `${own.toFixed(2)} h`}`,
      );
      for (const { claim, criterion } of event.claims) say(`  claim: ${claim}: ${criterion}`);
    }
    if (signal.aborted) return STOPPED;
  }
  if (hours !== undefined) say(`all: ${hours.toFixed(2)} h, ${(hours / workers).toFixed(2)} h with ${workers} workers`);
  return 0;
}

async function run(parts: readonly Part[], { workers }: Settings, signal: AbortSignal): Promise<number> {
  let failed = 0;
  for (const { name, study, folder } of parts) {
    for await (const event of runStudy(study, { folder, workers, signal })) {
      if (event.type === "lost") say(`${name}: ${words(event.cell)}: ${event.message}; it starts again`);
      if (event.type === "finish") {
        const { cell, durationMs, done, total, remainingMs } = event;
        const what = event.status === "done" ? "done" : event.message!.split("\n")[0]!;
        const left = remainingMs === undefined ? "" : `, about ${(remainingMs / HOUR).toFixed(2)} h left`;
        say(`${name}: ${words(cell)}: ${what} in ${(durationMs / 1000).toFixed(0)} s; ${done} of ${total}${left}`);
      }
      if (event.type === "end" && event.reason === "stopped") return STOPPED;
    }
    const { board, records } = await loadStudy(study, folder);
    failed += board.grid.filter(
      ({ run: found }) => found !== undefined && records.get(found.key)?.status === "failed",
    ).length;
  }
  return failed === 0 ? 0 : FAILED;
}

async function status(parts: readonly Part[]): Promise<number> {
  for (const { name, study, folder } of parts) {
    const state = await loadStudy(study, folder);
    say(`${name}: ${state.records.size} of ${state.board.runs.length} runs have a result`);
    for (const { claim, verdict } of measureClaims(study, state)) say(`  ${verdict}: ${claim.claim}`);
  }
  return 0;
}

async function report(parts: readonly Part[], { extent, out, page }: Settings): Promise<number> {
  const file = page ?? (extent === FULL ? PAGE : join(out, "page.md"));
  const { markdown, figures, html } = await writePage(parts, extent);
  await mkdir(dirname(file), { recursive: true });
  await mkdir(out, { recursive: true });
  await writeFile(file, markdown);
  if (figures.size > 0) await mkdir(join(dirname(file), "emotion"), { recursive: true });
  for (const [name, svg] of figures) await writeFile(join(dirname(file), "emotion", name), svg);
  await writeFile(join(out, "report.html"), html);
  say(`page: ${file}`);
  say(`report: ${join(out, "report.html")}`);
  return 0;
}

/** Whether the published numbers follow from the released data. */
async function replicate(folder: string): Promise<number> {
  const checks = await checkReferenceStudy(await loadReferenceStudy(folder));
  for (const { what, published, measured, agrees } of checks)
    say(`${agrees ? "agrees" : "differs"}: ${what}: published ${published}, computed ${Number(measured.toFixed(4))}`);
  const off = checks.filter(({ agrees }) => !agrees).length;
  say(`${checks.length - off} of ${checks.length} numbers agree`);
  return off === 0 ? 0 : FAILED;
}

async function main(settings: Settings): Promise<number> {
  const stop = new AbortController();
  process.on("SIGINT", () => stop.abort());
  if (settings.verb === "replicate") return replicate(settings.reference!);
  const all = partsOf(settings.extent, settings.out);
  if (settings.verb === "report") return report(all, settings);
  const parts = chosen(all, settings.only);
  if (settings.verb === "run") return run(parts, settings, stop.signal);
  return settings.verb === "plan" ? plan(parts, settings, stop.signal) : status(parts);
}

try {
  const settings = readSettings(process.argv.slice(2));
  if (settings === undefined) process.stdout.write(HELP);
  else process.exitCode = await main(settings);
} catch (error) {
  const { message, code } = error as Error & { readonly code?: string };
  process.stderr.write(`study:emotion: ${message}\n`);
  process.exitCode = code === "CONFIG" ? WRONG_USE : FAILED;
}
