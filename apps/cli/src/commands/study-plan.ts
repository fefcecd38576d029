import { changeText, planStudy } from "@cambium/experiments";
import { textTable } from "@cambium/report";
import { Command } from "commander";
import type { Io } from "../io.ts";
import { countText, durationText } from "./cost-text.ts";
import { parseCount } from "./parse-count.ts";
import { folderOf, loadStudyModule, runText, type StudyFlags } from "./study-module.ts";

const EXAMPLE = `
Example:
  $ cambium study plan studies/warm-up.ts --workers 2`;

/** `cambium study plan`: runs, hours and claims, before any run starts. */
export function planCommand(io: Io): Command {
  return new Command("plan")
    .description("Show the runs, the hours they take by one measured step of each kind, and the claims. Starts no run.")
    .argument("<module>", "a file that exports a study by default")
    .option("--workers <number>", "runs at once, for the hours", parseCount, 1)
    .option("--out <folder>", "where results are (default: runs/<name of the study>)")
    .option("--json", "write JSON lines")
    .addHelpText("after", EXAMPLE)
    .action(async (path: string, flags: StudyFlags & { readonly workers: number }) => {
      const study = await loadStudyModule("plan", path);
      for await (const event of planStudy(study, { folder: folderOf(study, flags), signal: io.signal })) {
        if (flags.json) io.out(JSON.stringify(event));
        else if (event.type === "measured")
          io.error(`measured a step of ${runText(event.kind) || "all runs"}: ${event.stepMs.toFixed(1)} ms`);
        else {
          const rows = event.kinds.map(({ kind, runs, stepMs, totalMs }) => [
            runText(kind) || "all runs",
            runs,
            stepMs,
            totalMs === undefined ? undefined : totalMs / 3_600_000,
          ]);
          const hours = { name: "all runs", unit: "h", digits: 2 };
          io.out(
            textTable({
              columns: [{ name: "kind" }, { name: "runs" }, { name: "step", unit: "ms", digits: 1 }, hours],
              rows,
            }).trimEnd(),
          );
          const tuning = event.tuningRuns === 0 ? "" : `, ${event.tuningRuns} of them for the tuning`;
          const { totalMs } = event;
          const time =
            totalMs === undefined
              ? "hours unknown, the study names no step"
              : `${durationText(totalMs / flags.workers)} with ${countText(flags.workers, "worker")} that do not slow each other`;
          io.out(`${countText(event.runs, "run")}${tuning}, ${event.done} done; ${time}`);
          for (const { claim, criterion } of event.claims) io.out(`claim: ${claim}: ${criterion}`);
          for (const change of event.changes) io.error(`the folder was begun with another plan: ${changeText(change)}`);
        }
      }
    });
}
