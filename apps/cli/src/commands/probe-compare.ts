import { sha256 } from "@cambium/base";
import { random } from "@cambium/core";
import { type Similarity, testSimilarity } from "@cambium/emotion-probing";
import { textTable } from "@cambium/report";
import { Command } from "commander";
import type { Io } from "../io.ts";
import { parseCount as parseSeed } from "./model-flags.ts";
import { parseCount } from "./parse-count.ts";
import { manifestOf, openOut, readRdm, writeResult } from "./probe-files.ts";

interface CompareFlags {
  readonly method: Similarity;
  readonly permutations: number;
  readonly seed: number;
  readonly out?: string;
  readonly json?: true;
}

const EXAMPLE = `
An RDM is a JSON file: { "conditions": ["joy", …], "values": [pairs (0,1), (0,2), …, or rows of a square matrix] }.
Example:
  $ cambium probe compare model.json human.json valence.json --method rho-a`;

/** `cambium probe compare`: similarity of RDMs, with a permutation test. */
export function probeCompare(io: Io): Command {
  return new Command("compare")
    .alias("rsa")
    .description("Compare dissimilarity matrices: the first with each of the others, tested by permuting conditions.")
    .argument("<data>", "the RDM that is to be explained")
    .argument("<models...>", "RDMs that may explain it")
    .option(
      "--method <name>",
      "pearson, spearman, rho-a, tau-a, tau-b, cosine, whitened-cosine or whitened-correlation",
      "spearman",
    )
    .option("--permutations <number>", "orders of the conditions; all, where they are at most 5,040", parseCount, 5000)
    .option("--seed <integer>", "of the permutations", parseSeed, 0)
    .option("--out <folder>", "write comparison.json there")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(
      async (data: string, models: readonly string[], { method, permutations, seed, out, json }: CompareFlags) => {
        if (out !== undefined) await openOut("probe compare", out, "comparison");
        const [first, ...others] = await Promise.all([data, ...models].map((path) => readRdm("probe compare", path)));
        const tests = testSimilarity(first!, others, { method, permutations, random: random(seed) });
        const rows = tests.map((test, i) => ({ model: models[i]!, ...test }));
        if (out !== undefined) {
          const given = [first!, ...others].map(({ conditions, values }) => ({ conditions, values: [...values] }));
          const manifest = manifestOf(
            "probe compare",
            { data, models, method, permutations: tests[0]!.permutations },
            { seed, data: sha256(JSON.stringify(given)) },
          );
          await writeResult(out, "comparison", manifest, { data, method, models: rows });
        }
        if (json === true) io.out(JSON.stringify({ data, method, seed, models: rows }));
        else {
          io.out(
            textTable({
              columns: [
                { name: "model" },
                { name: method, digits: 4 },
                { name: "p", digits: 4 },
                { name: "p of any", digits: 4 },
              ],
              rows: rows.map(({ model, similarity, p, pAny }) => [model, similarity, p, pAny]),
            }),
          );
        }
      },
    );
}
