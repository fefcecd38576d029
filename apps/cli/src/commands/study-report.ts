import { join } from "node:path";
import { folder } from "@cambium/base";
import { loadStudy, reportStudy } from "@cambium/experiments";
import { textTable } from "@cambium/report";
import { Command } from "commander";
import type { Io } from "../io.ts";
import { folderOf, loadStudyModule, type StudyFlags } from "./study-module.ts";

const EXAMPLE = `
Example:
  $ cambium study report studies/warm-up.ts`;

/** `cambium study report`: claims, figures and what is missing, as a page. */
export function reportCommand(io: Io): Command {
  return new Command("report")
    .description("Write report.html and the figures as SVG into the study's folder, and show the claims.")
    .argument("<module>", "a file that exports a study by default")
    .option("--out <folder>", "where results are (default: runs/<name of the study>)")
    .option("--json", "write JSON lines")
    .addHelpText("after", EXAMPLE)
    .action(async (path: string, flags: StudyFlags) => {
      const study = await loadStudyModule("report", path);
      const place = folderOf(study, flags);
      const report = reportStudy(study, await loadStudy(study, place));
      const files = folder(place);
      for (const [name, figure] of report.figures) await files.write(`figures/${name}.svg`, figure.svg());
      await files.write("report.html", report.html());
      if (flags.json) {
        for (const { claim, missing, ...measured } of report.claims) {
          io.out(JSON.stringify({ type: "claim", claim: claim.claim, ...measured, missing: missing.length }));
        }
        io.out(JSON.stringify({ type: "end", report: join(place, "report.html") }));
        return;
      }
      if (report.claims.length > 0) io.out(textTable(report.claimTable).trimEnd());
      io.out(`report: ${join(place, "report.html")}`);
    });
}
