import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Metric, plotRdm, similarityOf } from "@cambium/emotion-probing";
import { Command } from "commander";
import type { Io } from "../io.ts";
import { parseCount } from "./parse-count.ts";
import { conditionsOf, manifestOf, openLabelled, openOut, sourceOf, writeResult } from "./probe-files.ts";

interface RdmFlags {
  readonly labels: string;
  readonly site?: string;
  readonly metric: Metric;
  readonly folds: number;
  readonly out?: string;
}

const EXAMPLE = `
Example:
  $ cambium probe capture models/minilm --input texts.txt --out runs/activations
  $ cambium probe rdm runs/activations --labels labels.txt --out runs/rdm`;

/** `cambium probe rdm`: how far apart labels are in captured activations. */
export function probeRdm(io: Io): Command {
  return new Command("rdm")
    .description("Measure how far apart the labels of captured texts are to the model: a dissimilarity matrix.")
    .argument("<activations>", "a folder of probe capture")
    .requiredOption("--labels <file>", "the label of each text, one a line, or a JSON list")
    .option("--site <path>", "one site (default: all side by side)")
    .option("--metric <name>", "correlation, euclidean, squared-euclidean, cosine, overlap or hamming", "correlation")
    .option("--folds <number>", "disjoint parts of each label's texts; distances are means over them", parseCount, 1)
    .option("--out <folder>", "write rdm.json and rdm.svg there")
    .addHelpText("after", EXAMPLE)
    .action(async (folder: string, { labels, site, metric, folds, out }: RdmFlags) => {
      if (out !== undefined) await openOut("probe rdm", out, "rdm");
      const read = await openLabelled("probe rdm", folder, labels, site);
      const { conditions, values } = similarityOf(conditionsOf("probe rdm", read, folds), metric);
      const result = { conditions, metric, values: [...values] };
      if (out === undefined) return io.out(JSON.stringify(result));
      const manifest = manifestOf("probe rdm", { site, metric, folds }, sourceOf(read));
      const path = await writeResult(out, "rdm", manifest, result);
      await writeFile(join(out, "rdm.svg"), plotRdm({ conditions, metric, values }).svg());
      io.out(`${conditions.length} conditions, ${values.length} pairs in ${path}`);
    });
}
