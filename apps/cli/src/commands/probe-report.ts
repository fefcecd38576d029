import { statSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { plotGroups, plotLayers, plotModels, plotRdm, rdmOf } from "@cambium/emotion-probing";
import type { Unit } from "@cambium/models";
import { type Block, code, fold, report, type Section, table } from "@cambium/report";
import { Command } from "commander";
import { type Io, UseError } from "../io.ts";
import { neuronName, readJsonFile } from "./probe-files.ts";

const EXAMPLE = `
Example:
  $ cambium probe report runs/rdm runs/light runs/ablation --out runs/probe.html`;

/** A result that a command of `probe` wrote. */
interface Stored {
  readonly kind: string;
  readonly manifest: unknown;
  readonly [key: string]: unknown;
}

interface Scored extends Unit {
  readonly score?: number;
}

/** `cambium probe report`: results of the other commands on one page. */
export function probeReport(io: Io): Command {
  return new Command("report")
    .description("Put the results that other commands of probe wrote with --out on one page.")
    .argument(
      "<folders...>",
      "folders with rdm.json, comparison.json, searchlight.json, skill.json, ablation.json or attribution.json",
    )
    .requiredOption("--out <file>", "the page, such as runs/probe.html")
    .addHelpText("after", EXAMPLE)
    .action(async (folders: readonly string[], { out }: { readonly out: string }) => {
      try {
        await mkdir(dirname(out), { recursive: true });
        if (statSync(out, { throwIfNoEntry: false })?.isDirectory() === true) throw new Error("it is a folder");
      } catch (cause) {
        throw new UseError(`probe report: --out ${out} cannot be written: ${(cause as Error).message}`);
      }
      const sections: Section[] = [];
      for (const folder of folders) {
        const found = await probeSections("probe report", folder);
        if (found.length === 0) throw new UseError(`probe report: ${folder} holds no result of probe`);
        sections.push(...found);
      }
      await writeFile(out, report({ title: "Probes", sections }).html());
      io.out(`${sections.length} results in ${out}`);
    });
}

/** What is on a page. A file may be cut short, or from elsewhere. */
function blocksOf(command: string, folder: string, stored: Stored): Block[] {
  try {
    return pages[stored.kind]!(stored);
  } catch (cause) {
    throw new UseError(
      `${command}: ${join(folder, `${stored.kind}.json`)} is not as probe writes it: ${(cause as Error).message}`,
    );
  }
}

/** What a folder holds of what commands of `probe` wrote, each as a section; nothing where it holds none. */
export async function probeSections(command: string, folder: string): Promise<Section[]> {
  const sections: Section[] = [];
  for (const stored of await resultsIn(command, folder)) {
    const made = fold("What it was made from", [code(JSON.stringify(stored.manifest ?? null, null, 2))]);
    sections.push({ title: `${stored.kind}: ${folder}`, blocks: [...blocksOf(command, folder, stored), made] });
  }
  return sections;
}

async function resultsIn(command: string, folder: string): Promise<Stored[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    throw new UseError(`${command}: ${folder} cannot be read: ${(cause as Error).message}`);
  }
  const stored: Stored[] = [];
  for (const kind of Object.keys(pages)) {
    if (!names.includes(`${kind}.json`)) continue;
    const value = (await readJsonFile(command, join(folder, `${kind}.json`))) as Stored | null;
    if (value?.kind !== kind) throw new UseError(`${command}: ${join(folder, `${kind}.json`)} is no result of probe`);
    stored.push(value);
  }
  return stored;
}

const scoresTable = (caption: string, top: readonly Scored[]): Block =>
  table({
    caption,
    columns: [{ name: "neuron" }, { name: "score", digits: 4 }],
    rows: top.map((one) => [neuronName(one), one.score ?? "–"]),
  });

/** What stands on the page of each kind of result. */
const pages: Readonly<Record<string, (stored: Stored) => Block[]>> = {
  rdm: ({ conditions, values, metric }) => [
    plotRdm(rdmOf(conditions as string[], values as number[], metric as string)),
  ],
  comparison: ({ data, method, models }) => [
    table({
      caption: `Similarity with ${data}, by ${method}; p by permuted conditions`,
      columns: [
        { name: "model" },
        { name: "similarity", digits: 4 },
        { name: "p", digits: 4 },
        { name: "p of any", digits: 4 },
      ],
      rows: (models as readonly { model: string; similarity: number; p: number; pAny: number }[]).map(
        ({ model, similarity, p, pAny }) => [model, similarity, p, pAny],
      ),
    }),
  ],
  searchlight: ({ summary, sites }) => {
    const found = summary as readonly {
      attribute: string;
      discoveries: number;
      beyondChance?: number;
      top: readonly Unit[];
    }[];
    return [
      table({
        caption: "Neurons that follow an attribute",
        columns: [{ name: "attribute" }, { name: "q ≤ 0.05" }, { name: "beyond the best by chance" }, { name: "best" }],
        rows: found.map(({ attribute, discoveries, beyondChance, top }) => [
          attribute,
          discoveries,
          beyondChance ?? "–",
          top.slice(0, 10).map(neuronName).join(", "),
        ]),
      }),
      plotLayers(Object.fromEntries(found.map(({ attribute, top }) => [attribute, top])), {
        title: "Best neurons by layer",
        layers: 1 + Math.max(...(sites as readonly Pick<Unit, "layer">[]).map(({ layer }) => layer ?? 0)),
      }),
    ];
  },
  skill: ({ method, target, top }) => [
    scoresTable(`Neurons by ${method}${target === undefined ? "" : ` of ${target}`}`, top as readonly Scored[]),
  ],
  attribution: ({ words, text, score, baselineScore, top }) => [
    `${(words as string[])[0]} less ${(words as string[])[1]} in ${JSON.stringify(text)}: ${Number(score).toFixed(3)}, without the neurons ${Number(baselineScore).toFixed(3)}.`,
    scoresTable("Contributions of neurons", top as readonly Scored[]),
  ],
  ablation: ({ effects }) => {
    const rows = effects as readonly {
      set: string;
      control: string;
      drop: number;
      controlDrop: number;
      specific: number;
      p: number;
    }[];
    return [
      plotGroups(
        rows.map(({ drop, controlDrop }) => [100 * drop, 100 * controlDrop]),
        {
          title: "What taking neurons out costs",
          groups: rows.map(({ set, control }) => `${set}, against ${control}`),
          series: ["the set", "random sets"],
          label: "drop (points)",
        },
      ),
      plotModels(
        rows.map(({ set, control, specific, p }) => ({ name: `${set}, ${control}`, similarity: 100 * specific, p })),
        { title: "Beyond random sets", label: "points; stars by random sets" },
      ),
    ];
  },
};
