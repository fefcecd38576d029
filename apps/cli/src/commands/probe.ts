import { Command } from "commander";
import type { Io } from "../io.ts";
import { probeAblate } from "./probe-ablate.ts";
import { probeAttribute } from "./probe-attribute.ts";
import { probeCapture } from "./probe-capture.ts";
import { probeCompare } from "./probe-compare.ts";
import { probeRdm } from "./probe-rdm.ts";
import { probeReport } from "./probe-report.ts";
import { probeRun } from "./probe-run.ts";
import { probeSearchlight } from "./probe-searchlight.ts";
import { probeSites } from "./probe-sites.ts";
import { probeSkill } from "./probe-skill.ts";

/** `cambium probe`: what a model's neurons make of concepts. */
export function probe(io: Io): Command {
  return new Command("probe")
    .description("Look for concepts in a model's neurons: similarity, the neurons behind it, activations of texts.")
    .helpCommand(false)
    .addCommand(probeRun(io))
    .addCommand(probeCapture(io))
    .addCommand(probeRdm(io))
    .addCommand(probeCompare(io))
    .addCommand(probeSearchlight(io))
    .addCommand(probeSkill(io))
    .addCommand(probeAttribute(io))
    .addCommand(probeAblate(io))
    .addCommand(probeReport(io))
    .addCommand(probeSites(io));
}
