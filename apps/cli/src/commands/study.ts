import { Command } from "commander";
import type { Io } from "../io.ts";
import { planCommand } from "./study-plan.ts";
import { reportCommand } from "./study-report.ts";
import { runCommand } from "./study-run.ts";
import { statusCommand } from "./study-status.ts";

/** `cambium study`: grids of runs with their claims stated first. */
export function study(io: Io): Command {
  return new Command("study")
    .description("Plan a study, run it, see how far it is, and report what came of its claims.")
    .helpCommand(false)
    .addCommand(planCommand(io))
    .addCommand(runCommand(io))
    .addCommand(statusCommand(io))
    .addCommand(reportCommand(io));
}
