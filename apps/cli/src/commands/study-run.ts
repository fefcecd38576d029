import { type RunStudyOptions, runStudy, type StudyEvent } from "@cambium/experiments";
import { Command } from "commander";
import type { Io } from "../io.ts";
import { countText, durationText } from "./cost-text.ts";
import { parseCount, parsePositive } from "./parse-count.ts";
import { folderOf, loadStudyModule, progressText, runText, type StudyFlags } from "./study-module.ts";

interface RunFlags extends StudyFlags {
  readonly workers: number;
  readonly redis?: string;
  readonly timeout?: number;
  readonly retryFailed?: true;
  readonly acceptChanges?: true;
  readonly verbose?: true;
}

const EXAMPLE = `
Example, on this machine; the same command resumes after Ctrl-C or a crash:
  $ cambium study run studies/warm-up.ts --workers 2
Example, shared by machines that reach one Redis server:
  $ cambium study run studies/warm-up.ts --workers 2 --redis redis://10.0.0.5:6379`;

function describe(event: StudyEvent, verbose: boolean): string | undefined {
  switch (event.type) {
    case "begin":
      return progressText(event);
    case "lost":
      return `${runText(event.cell)}: ${event.message}; it starts again`;
    case "finish": {
      const { cell, budget, status, message, durationMs } = event;
      const how = status === "done" ? `done in ${durationText(durationMs)}` : `failed: ${message!.split("\n")[0]}`;
      return `${runText(cell, budget)}: ${how}; ${progressText(event)}`;
    }
    case "output":
      return verbose ? event.text.trimEnd() : undefined;
    default:
      return undefined;
  }
}

/** `cambium study run`: all runs that have no result yet. */
export function runCommand(io: Io): Command {
  return new Command("run")
    .description("Do all runs that have no result yet. The same command resumes.")
    .argument("<module>", "a file that exports a study by default")
    .option("--workers <number>", "runs at once, each in its own process", parseCount, 1)
    .option("--redis <address>", "share the runs with other machines through a Redis server")
    .option("--timeout <seconds>", "a run that takes longer has failed", parsePositive)
    .option("--retry-failed", "try runs again that failed before")
    .option("--accept-changes", "let the plan replace the one that the folder was begun with; the report tells")
    .option("--verbose", "show what runs print")
    .option("--out <folder>", "where results are (default: runs/<name of the study>)")
    .option("--json", "write JSON lines")
    .addHelpText("after", EXAMPLE)
    .action(async (path: string, flags: RunFlags) => {
      const study = await loadStudyModule("run", path);
      const { workers, redis, timeout } = flags;
      const options: RunStudyOptions = {
        folder: folderOf(study, flags),
        workers,
        signal: io.signal,
        retryFailed: flags.retryFailed ?? false,
        acceptChanges: flags.acceptChanges ?? false,
        ...(redis === undefined ? {} : { redis }),
        ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
      };
      for await (const event of runStudy(study, options)) {
        if (flags.json) io.out(JSON.stringify(event));
        else if (event.type === "progress") io.live?.(`${runText(event.cell)}: ${Math.floor(100 * event.fraction)} %`);
        else {
          const line = describe(event, flags.verbose ?? false);
          if (line !== undefined) io.error(line);
        }
        if (event.type !== "end") continue;
        if (!flags.json) io.out(`${event.reason}: ${progressText(event)}`);
        if (event.reason === "stopped" || event.failed + event.stuck === 0) continue;
        const stuck = event.stuck === 0 ? "" : ` and ${countText(event.stuck, "run")} cannot start`;
        throw new Error(
          `study run: ${countText(event.failed, "run")} failed${stuck}; study status names them, --retry-failed tries them again`,
        );
      }
    });
}
