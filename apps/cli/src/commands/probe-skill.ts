import { type NeuronMeasure, scoreNeurons, selectUnits } from "@cambium/emotion-probing";
import { textTable } from "@cambium/report";
import { Command, Option } from "commander";
import type { Io } from "../io.ts";
import { parseCount } from "./parse-count.ts";
import { manifestOf, neuronName, openLabelled, openOut, sourceOf, writeResult } from "./probe-files.ts";

interface SkillFlags {
  readonly labels: string;
  readonly target?: string;
  readonly method: NeuronMeasure;
  readonly top: number;
  readonly out?: string;
  readonly json?: true;
}

const EXAMPLE = `
Example, neurons whose side of their mean tells joy from everything else:
  $ cambium probe skill runs/activations --labels labels.txt --target joy`;

/** `cambium probe skill`: neurons that tell labels apart. */
export function probeSkill(io: Io): Command {
  return new Command("skill")
    .description(
      "Rank neurons by how they tell labelled texts apart. Judge them on other texts than they are chosen on.",
    )
    .argument("<activations>", "a folder of probe capture")
    .requiredOption("--labels <file>", "the label of each text, one a line, or a JSON list")
    .option("--target <label>", "the label of interest; for all but probeless and mutual-information")
    .addOption(
      new Option("--method <name>", "how neurons are scored")
        .choices(["skill", "balanced-skill", "difference", "average-precision", "probeless", "mutual-information"])
        .default("skill"),
    )
    .option("--top <number>", "neurons that are named", parseCount, 20)
    .option("--out <folder>", "write skill.json there, with all neurons")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (folder: string, { labels, target, method, top, out, json }: SkillFlags) => {
      if (out !== undefined) await openOut("probe skill", out, "skill");
      const read = await openLabelled("probe skill", folder, labels, undefined);
      const scores = scoreNeurons(read.sites, read.rows, read.labels, {
        method,
        ...(target !== undefined && { target }),
      });
      const total = read.sites.reduce((sum, { width }) => sum + width, 0);
      const best = selectUnits(scores, { top: Math.min(top, total) });
      if (out !== undefined) {
        const manifest = manifestOf("probe skill", { method, target }, sourceOf(read));
        await writeResult(out, "skill", manifest, {
          method,
          ...(target !== undefined && { target }),
          top: best,
          scores: Object.fromEntries([...scores.values].map(([path, values]) => [path, [...values]])),
        });
      }
      if (json === true) return io.out(JSON.stringify({ method, target, top: best }));
      io.out(
        textTable({
          columns: [{ name: "neuron" }, { name: scores.method, digits: 4 }],
          rows: best.map((one) => [neuronName(one), one.score]),
        }),
      );
    });
}
