import { Command } from "commander";
import type { Io } from "../io.ts";
import { probeCapture } from "./probe-capture.ts";
import { probeCompare } from "./probe-compare.ts";
import { probeRun } from "./probe-run.ts";
import { probeSites } from "./probe-sites.ts";

/** `cambium probe`: what a model's neurons make of concepts. */
export function probe(io: Io): Command {
  return new Command("probe")
    .description("Look for concepts in a model's neurons: similarity, the neurons behind it, activations of texts.")
    .helpCommand(false)
    .addCommand(probeRun(io))
    .addCommand(probeCapture(io))
    .addCommand(probeCompare(io))
    .addCommand(probeSites(io));
}
