/**
 * An example: tunes a small pretrained transformer on real mail, four ways, and compares them.
 *
 * The tuning itself is in `jobs/tune.ts`. Every part runs in its own process (`run.ts`), so that its peak of memory
 * is its own and the adapter is reloaded in a fresh one.
 */
import { join } from "node:path";
import { HELP, parseFlags } from "./flags.ts";
import { createProgress } from "./progress.ts";
import { commandLine, runComparison } from "./run.ts";
import { openRunFolder, writeWhole } from "./run-folder.ts";
import { checkModel, planSettings } from "./settings.ts";

const STOPPED = 130;
const WRONG_USE = 2;
const FAILED = 1;

/** Aborts at the first Ctrl-C; the second one ends the program at once. */
function stopOnInterrupt(onStop: () => void): AbortSignal {
  const stop = new AbortController();
  process.on("SIGINT", () => {
    if (stop.signal.aborted) process.exit(STOPPED);
    onStop();
    stop.abort();
  });
  return stop.signal;
}

async function main(args: readonly string[]): Promise<number> {
  const flags = parseFlags(args);
  if (flags.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const settings = planSettings(flags);
  checkModel(settings);
  const folder = openRunFolder(flags.out, settings);
  const progress = createProgress(process.stdout, () => performance.now());
  const command = commandLine(args);
  if (folder.resumed) progress.line("going on with the unfinished run");
  const signal = stopOnInterrupt(() => progress.update("stopping after this step …"));
  try {
    const findings = await runComparison(settings, folder, progress, signal);
    const { textTable } = await import("@cambium/report");
    const { fewShotTable, resultsTable } = await import("./results.ts");
    const { createPage } = await import("./page.ts");
    progress.line(`\n${textTable(resultsTable(findings))}`);
    if (findings.fewShot.length > 0) progress.line(textTable(fewShotTable(findings)));
    const page = join(folder.out, "report.html");
    writeWhole(page, createPage(findings, settings, command).html());
    progress.line(
      `adapter: ${join(folder.out, "adapter")} (a PEFT folder)\nreport:  ${page}\ntime:    ${Math.round(performance.now() / 1000)} s`,
    );
    folder.clear();
    return 0;
  } catch (error) {
    if ((error as { code?: string }).code !== "STOPPED") throw error;
    progress.line(`stopped with a checkpoint in ${folder.work}\ngo on with: ${command}`);
    return STOPPED;
  }
}

const args = process.argv.slice(2);
process.exitCode = await main(args).catch((error: Error & { code?: string }) => {
  process.stderr.write(`tune-mail: ${args.includes("--verbose") ? error.stack : error.message}\n`);
  return error.code === "USAGE" ? WRONG_USE : FAILED;
});
