import { changeText, comparePlans, loadStudy, measureClaims } from "@cambium/experiments";
import { Command } from "commander";
import type { Io } from "../io.ts";
import { countText, durationText } from "./cost-text.ts";
import { folderOf, loadStudyModule, progressText, runText, type StudyFlags } from "./study-module.ts";

const EXAMPLE = `
Example, every run with its state:
  $ cambium study status studies/warm-up.ts --all`;

/** `cambium study status`: what is done, what failed, what is missing. */
export function statusCommand(io: Io): Command {
  return new Command("status")
    .description("Show which runs are done, failed or missing, and where the claims stand.")
    .argument("<module>", "a file that exports a study by default")
    .option("--all", "name runs that are done, too")
    .option("--out <folder>", "where results are (default: runs/<name of the study>)")
    .option("--json", "write JSON lines")
    .addHelpText("after", EXAMPLE)
    .action(async (path: string, flags: StudyFlags & { readonly all?: true }) => {
      const study = await loadStudyModule("status", path);
      const state = await loadStudy(study, folderOf(study, flags));
      const { records, board, damaged, others, plans } = state;
      const states = board.runs.map(({ key, cell, budget }) => {
        const record = records.get(key);
        const about = { key, cell, ...(budget === undefined ? {} : { budget }) };
        if (record === undefined) return { ...about, status: "missing" as const };
        const { status, durationMs } = record;
        return status === "done"
          ? { ...about, status, durationMs, result: record.result }
          : { ...about, status, durationMs, message: record.message };
      });
      const count = (status: string): number => states.filter((run) => run.status === status).length;
      const total = states.length + board.waiting + board.stuck;
      const spentMs = states.reduce((sum, run) => sum + ("durationMs" in run ? run.durationMs : 0), 0);
      const changes = plans.length === 0 ? [] : comparePlans(plans.at(-1)!.plan, study.plan);
      const claims = measureClaims(study, state).map(({ claim, verdict }) => ({ claim: claim.claim, verdict }));
      if (flags.json) {
        for (const run of states) io.out(JSON.stringify({ type: "run", ...run }));
        const counts = {
          done: count("done"),
          failed: count("failed"),
          total,
          waiting: board.waiting,
          stuck: board.stuck,
        };
        io.out(JSON.stringify({ type: "end", ...counts, spentMs, others, damaged, changes, claims }));
        return;
      }
      for (const run of states) {
        if (run.status === "failed") io.out(`failed: ${runText(run.cell, run.budget)}: ${run.message.split("\n")[0]}`);
        else if (run.status === "missing" || flags.all) io.out(`${run.status}: ${runText(run.cell, run.budget)}`);
      }
      if (board.waiting > 0) io.out(`${countText(board.waiting, "run")} wait for the tuning`);
      if (board.stuck > 0) io.out(`${countText(board.stuck, "run")} cannot start: all that their tuning tried failed`);
      for (const { name, problem } of damaged)
        io.out(`damaged: runs/${name} ${problem}; remove it, and its run is done again`);
      for (const { claim, verdict } of claims) io.out(`claim: ${claim}: ${verdict}`);
      for (const change of changes) io.out(`the folder was begun with another plan: ${changeText(change)}`);
      const more = others === 0 ? "" : `; ${countText(others, "result")} of former plans`;
      io.out(
        `${progressText({ done: count("done"), failed: count("failed"), total })} in ${durationText(spentMs)} of runs${more}`,
      );
    });
}
