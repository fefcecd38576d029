/** The study's command. Read `plan.ts`, `study.ts` and `runs.ts` first. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadStudy, measureClaims, planStudy, runStudy, type Study } from "@cambium/experiments";
import { HELP, readSettings, type Settings } from "./flags.ts";
import { writePage } from "./page.ts";
import { toolUse } from "./study.ts";
import { testsOf } from "./tests.ts";

const [WRONG_USE, FAILED, STOPPED] = [2, 1, 130];
const PAGE = fileURLToPath(new URL("../../../../docs/results/tool-use.md", import.meta.url));
const [MINUTE, HOUR] = [60_000, 3_600_000];
/** Time that a run may take to come to a place where it can stop. */
const GRACE = 10 * MINUTE;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const words = ({ state, setting, seed }: Readonly<Record<string, unknown>>): string =>
  `${state}, ${setting}, seed ${seed}`;

async function plan(study: Study, { extent, out }: Settings, signal: AbortSignal): Promise<number> {
  for await (const event of planStudy(study, { folder: out, signal })) {
    if (event.type !== "end") continue;
    say(`${event.runs} runs`);
    for (const { claim, criterion } of event.claims) say(`claim: ${claim}: ${criterion}`);
  }
  for (const seed of extent.seeds) say(`seed ${seed}: ${(await testsOf(extent, seed)).size} tests`);
  return signal.aborted ? STOPPED : 0;
}

async function run(study: Study, { out, minutes }: Settings, stop: AbortController): Promise<number> {
  const late = minutes === undefined ? undefined : setTimeout(() => stop.abort(), minutes * MINUTE);
  try {
    for await (const event of runStudy(study, { folder: out, signal: stop.signal, graceMs: GRACE })) {
      if (event.type === "lost") say(`${words(event.cell)}: ${event.message}; it starts again`);
      if (event.type === "finish") {
        const left = event.remainingMs === undefined ? "" : `, about ${(event.remainingMs / HOUR).toFixed(2)} h left`;
        const what =
          event.status === "done"
            ? `${(event.result!["success"] as number).toFixed(1)} % solved`
            : event.message!.split("\n")[0]!;
        say(`${words(event.cell)}: ${what}; ${event.done} of ${event.total}${left}`);
      }
      if (event.type === "end" && event.reason === "stopped") return STOPPED;
    }
  } finally {
    clearTimeout(late);
  }
  const { records } = await loadStudy(study, out);
  return [...records.values()].some(({ status }) => status === "failed") ? FAILED : 0;
}

async function status(study: Study, { out }: Settings): Promise<number> {
  const state = await loadStudy(study, out);
  say(`${state.records.size} of ${state.board.runs.length} runs have a result`);
  for (const { claim, verdict } of measureClaims(study, state)) say(`${verdict}: ${claim.claim}`);
  return 0;
}

async function report(study: Study, { extent, out, page }: Settings): Promise<number> {
  const file = page ?? (extent.name === "full" ? PAGE : join(out, "page.md"));
  const { markdown, figures } = await writePage(study, extent, out);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, markdown);
  if (figures.size > 0) await mkdir(join(dirname(file), "tool-use"), { recursive: true });
  for (const [name, svg] of figures) await writeFile(join(dirname(file), "tool-use", name), svg);
  say(`page: ${file}`);
  return 0;
}

async function main(settings: Settings): Promise<number> {
  const stop = new AbortController();
  process.on("SIGINT", () => stop.abort());
  const study = toolUse(settings.extent);
  switch (settings.verb) {
    case "plan":
      return plan(study, settings, stop.signal);
    case "run":
      return run(study, settings, stop);
    case "status":
      return status(study, settings);
    case "report":
      return report(study, settings);
  }
}

try {
  const settings = readSettings(process.argv.slice(2));
  if (settings === undefined) process.stdout.write(HELP);
  else process.exitCode = await main(settings);
} catch (error) {
  const { message, code } = error as Error & { readonly code?: string };
  process.stderr.write(`study:tool-use: ${message}\n`);
  process.exitCode = code === "CONFIG" ? WRONG_USE : FAILED;
}
