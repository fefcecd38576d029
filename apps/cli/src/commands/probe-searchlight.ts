import { result } from "@cambium/base";
import { random, useBackend } from "@cambium/core";
import { measureRdm, type Rdm, runSearchlight, scoresOf, selectUnits } from "@cambium/emotion-probing";
import { textTable } from "@cambium/report";
import { Command, Option } from "commander";
import { type Io, UseError } from "../io.ts";
import { parseCount as parseSeed } from "./model-flags.ts";
import { parseCount } from "./parse-count.ts";
import {
  conditionsOf,
  isRdm,
  manifestOf,
  neuronName,
  openLabelled,
  openOut,
  rdmIn,
  readJsonFile,
  sourceOf,
  writeResult,
} from "./probe-files.ts";

interface SearchlightFlags {
  readonly labels: string;
  readonly attributes: string;
  readonly method: "spearman" | "tau-b";
  readonly permutations?: number;
  readonly folds: number;
  readonly top: number;
  readonly seed: number;
  readonly checkpoint?: string;
  readonly out?: string;
  readonly json?: true;
}

const EXAMPLE = `
Attributes are a JSON file: { "valence": { "joy": 2.8, "fear": -2.2, … }, "size": { "conditions": […], "values": […] } }.
Example:
  $ cambium probe searchlight runs/activations --labels labels.txt --attributes attributes.json --out runs/light`;

/** `cambium probe searchlight`: neurons that tell labels apart as an attribute does. */
export function probeSearchlight(io: Io): Command {
  return new Command("searchlight")
    .description("Find the neurons whose distances between labels follow an attribute, tested by permuting labels.")
    .argument("<activations>", "a folder of probe capture")
    .requiredOption("--labels <file>", "the label of each text, one a line, or a JSON list")
    .requiredOption("--attributes <file>", "a number for each label, or an RDM, by name of the attribute")
    .addOption(
      new Option("--method <name>", "spearman by permuted labels, or tau-b as if pairs were independent")
        .choices(["spearman", "tau-b"])
        .default("spearman"),
    )
    .option("--permutations <number>", "orders of the labels (default: 1000)", parseCount)
    .option("--folds <number>", "disjoint parts of each label's texts", parseCount, 1)
    .option("--top <number>", "neurons that are named", parseCount, 20)
    .option("--seed <integer>", "of the permutations", parseSeed, 0)
    .option("--checkpoint <folder>", "keep what is done there; the same command resumes")
    .option("--out <folder>", "write searchlight.json there, with all neurons")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (folder: string, flags: SearchlightFlags) => {
      const { method, permutations, folds, top, seed, checkpoint, out, json } = flags;
      if (method === "tau-b" && permutations !== undefined)
        throw new UseError("probe searchlight: tau-b is not permuted; leave --permutations out");
      if (out !== undefined) await openOut("probe searchlight", out, "searchlight");
      const read = await openLabelled("probe searchlight", folder, flags.labels, undefined);
      const activations = conditionsOf("probe searchlight", read, folds);
      const attributes = await readAttributes(flags.attributes, activations.conditions);
      await useBackend();
      const found = await result(
        runSearchlight(activations, attributes, {
          method,
          random: random(seed),
          signal: io.signal,
          ...(permutations !== undefined && { permutations }),
          ...(checkpoint !== undefined && { checkpoint }),
        }),
        (event) => event.type === "chunk" && io.live?.(`${event.done} of ${event.total} neurons`),
      );
      const summary = found.attributes.map(({ name, q, pAny }) => ({
        attribute: name,
        discoveries: q.filter((value) => value <= 0.05).length,
        ...(pAny !== undefined && { beyondChance: pAny.filter((value) => value <= 0.05).length }),
        top: selectUnits(scoresOf(found, name), { top: Math.min(top, found.lights.length) }),
      }));
      if (out !== undefined) {
        const options = { method, permutations: found.permutations, folds };
        const manifest = manifestOf("probe searchlight", options, { seed, ...sourceOf(read) });
        await writeResult(out, "searchlight", manifest, {
          sites: activations.sites,
          summary,
          attributes: found.attributes.map(({ name, values, p, q, pAny }) => ({
            name,
            values: [...values],
            p: [...p],
            q: [...q],
            ...(pAny !== undefined && { pAny: [...pAny] }),
          })),
        });
      }
      if (json === true) return io.out(JSON.stringify(summary));
      io.out(
        textTable({
          columns: [
            { name: "attribute" },
            { name: "neurons at q ≤ 0.05" },
            { name: "beyond chance" },
            { name: "best" },
          ],
          rows: summary.map(({ attribute, discoveries, beyondChance, top: best }) => [
            attribute,
            discoveries,
            beyondChance ?? "–",
            best.slice(0, 5).map(neuronName).join(" "),
          ]),
        }),
      );
    });
}

async function readAttributes(path: string, conditions: readonly string[]): Promise<Readonly<Record<string, Rdm>>> {
  const value = await readJsonFile("probe searchlight", path);
  const wrong = (problem: string): UseError => new UseError(`probe searchlight: ${path} ${problem}`);
  if (typeof value !== "object" || value === null || Array.isArray(value) || Object.keys(value).length === 0)
    throw wrong("must hold attributes by name");
  return Object.fromEntries(
    Object.entries(value as Readonly<Record<string, Readonly<Record<string, unknown>>>>).map(([name, given]) => {
      if (isRdm(given)) {
        const rdm = rdmIn("probe searchlight", `"${name}" of ${path}`, given);
        const named = rdm.conditions;
        if (named.length !== conditions.length || conditions.some((one, i) => one !== named[i]))
          throw wrong(`has "${name}" for other conditions than ${conditions.join(", ")}, or in another order`);
        return [name, rdm];
      }
      const missing = conditions.find((one) => typeof given?.[one] !== "number");
      if (missing !== undefined) throw wrong(`rates no "${missing}" for "${name}"`);
      const patterns = conditions.map((one) => [given[one] as number]);
      return [name, measureRdm(patterns, { metric: "difference", conditions })];
    }),
  );
}
