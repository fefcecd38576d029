import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "@cambium/base";
import { random } from "@cambium/core";
import {
  type EmotionProbe,
  plotSimilarity,
  type RunEmotionProbeOptions,
  reportProbe,
  runEmotionProbe,
  valence,
} from "@cambium/emotion-probing";
import { type Cell, textTable } from "@cambium/report";
import { Command } from "commander";
import { type Io, UseError } from "../io.ts";
import { addOpenFlags, type OpenFlags, withModel } from "../models/open-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { utf8Text } from "../utf8.ts";
import { parseCount as parseSeed } from "./model-flags.ts";
import { parseCount } from "./parse-count.ts";
import { isRdm, type Manifest, manifestOf, modelMark, openOut, rdmIn, writeResult } from "./probe-files.ts";

interface ProbeFlags extends OpenFlags {
  readonly emotions?: string;
  readonly template?: readonly string[];
  readonly config?: string;
  readonly permutations?: number;
  readonly seed: number;
  readonly out?: string;
  readonly json?: true;
}

const EXAMPLE = `
Example, the emotions that VADER rates, with a page of figures:
  $ cambium probe run sapling:bert-4x256 --out runs/probe
Example, other concepts:
  $ cambium probe run models/minilm --emotions king,queen,ship,boat --template "a {emotion} of the north"
Example, labelled texts and attributes, as options of runEmotionProbe in JSON:
  $ cambium probe run models/minilm --config probe.json --json`;

/** What is asked where nothing is said. */
const TEMPLATES = [
  "I feel {emotion}.",
  "There was {emotion} in her voice.",
  "It was a moment of {emotion}.",
  "He could not hide his {emotion}.",
  "They spoke about {emotion}.",
];

/** `cambium probe run`: the whole probe. */
export function probeRun(io: Io): Command {
  const command = new Command("run")
    .description("Measure how similar concepts are to a model, what explains it, and which neurons follow it.")
    .argument("<model>", MODEL_ARGUMENT);
  return addOpenFlags(command)
    .option(
      "--emotions <names>",
      "concepts, as joy,fear,anger (default: those of the texts, or the 25 emotions that VADER rates)",
    )
    .option(
      "--template <text>",
      "a text with {emotion}, and {mask} if need be; may come several times (default: five)",
      collect,
    )
    .option(
      "--config <file>",
      "options of runEmotionProbe as JSON: texts, attributes, sites, metric, …; flags go before it",
    )
    .option("--permutations <number>", "orders of the labels in every test (default: 1000)", parseCount)
    .option("--seed <integer>", "of permutations and resamples", parseSeed, 0)
    .option("--out <folder>", "write probe.json, similarity.svg and report.html there")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (name: string, flags: ProbeFlags) => {
      const options = await readOptions(flags);
      if (flags.out !== undefined) await openOut("probe run", flags.out, "probe");
      await withModel(io, "probe run", name, flags, async (opened) => {
        const { base, tuned, tokenizer } = opened;
        let found: EmotionProbe | undefined;
        const settings = { ...options, random: random(flags.seed), signal: io.signal } as RunEmotionProbeOptions;
        for await (const event of runEmotionProbe(tuned ?? base, tokenizer, settings)) {
          if (event.type === "end") found = event;
          else io.live?.(`${event.type}: ${event.done} of ${event.total}`);
        }
        const { texts, attributes, human, ...asked } = options;
        const given = JSON.stringify({ texts, attributes, human }, (_, value) =>
          ArrayBuffer.isView(value) ? [...(value as Float64Array)] : value,
        );
        const manifest = manifestOf("probe run", asked, {
          seed: flags.seed,
          model: await modelMark(name, flags, opened),
          data: sha256(given),
        });
        const result = { kind: "probe", manifest, ...plainProbe(found!) };
        if (flags.out !== undefined) await writeProbe(flags.out, found!, manifest, plainProbe(found!));
        if (flags.json === true) io.out(JSON.stringify(result));
        else for (const line of linesOf(found!)) io.out(line);
        if (flags.out !== undefined) io.error(`${join(flags.out, "report.html")} shows it`);
      });
    });
}

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

async function readOptions(flags: ProbeFlags): Promise<Record<string, unknown>> {
  let config: unknown = {};
  if (flags.config !== undefined) {
    try {
      config = JSON.parse(utf8Text("probe run", flags.config, await readFile(flags.config)));
    } catch (cause) {
      throw new UseError(`probe run: ${flags.config} cannot be read as JSON: ${(cause as Error).message}`);
    }
    if (typeof config !== "object" || config === null || Array.isArray(config)) {
      throw new UseError(`probe run: ${flags.config} must hold an object with options of runEmotionProbe`);
    }
  }
  const given = config as Record<string, unknown>;
  const code = ["random", "signal", "hooks"].find((key) => key in given);
  if (code !== undefined) throw new UseError(`probe run: "${code}" cannot stand in a file; --seed is for randomness`);
  const { texts, attributes, human } = given as {
    readonly texts?: object;
    readonly attributes?: object;
    readonly human?: unknown;
  };
  const hasTexts = texts !== undefined && flags.template === undefined;
  const named = hasTexts && typeof texts === "object" && texts !== null ? Object.keys(texts) : Object.keys(valence);
  const rdm = (what: string, value: unknown): unknown => (isRdm(value) ? rdmIn("probe run", what, value) : value);
  return {
    ...given,
    ...(typeof attributes === "object" &&
      attributes !== null && {
        attributes: Object.fromEntries(
          Object.entries(attributes).map(([name, value]) => [name, rdm(`attributes.${name}`, value)]),
        ),
      }),
    ...(Array.isArray(human) && { human: human.map((value, i) => rdm(`human[${i}]`, value)) }),
    emotions: flags.emotions?.split(",").map((one) => one.trim()) ?? given["emotions"] ?? named,
    ...(!hasTexts && { templates: flags.template ?? given["templates"] ?? TEMPLATES }),
    ...(flags.permutations !== undefined && { permutations: flags.permutations }),
  };
}

/** A probe as JSON: all but the activations and the values of every neuron. */
function plainProbe(probe: EmotionProbe) {
  const { conditions, sites, similarity, layers, reliability, ceiling, attributes, rsa, human, neurons, concepts } =
    probe;
  return {
    conditions,
    sites: sites.map(({ path, width }) => ({ path, width })),
    metric: similarity.metric,
    similarity: [...similarity.values],
    layers: Object.fromEntries([...layers].map(([path, { values }]) => [path, [...values]])),
    reliability,
    ceiling,
    attributes: Object.fromEntries(Object.entries(attributes).map(([name, { values }]) => [name, [...values]])),
    rsa,
    human,
    neurons,
    concepts,
  };
}

async function writeProbe(out: string, probe: EmotionProbe, manifest: Manifest, result: object): Promise<void> {
  await writeResult(out, "probe", manifest, result);
  await writeFile(join(out, "similarity.svg"), plotSimilarity(probe).svg());
  await writeFile(join(out, "report.html"), reportProbe(probe).html());
}

function linesOf({ conditions, sites, rsa, neurons, reliability }: EmotionProbe): string[] {
  const units = sites.reduce((sum, { width }) => sum + width, 0);
  const agree = reliability === undefined ? "" : `; reliability ${reliability.whole.toFixed(3)}`;
  const similarities = rsa.map(({ attribute, site, similarity, low, high, p }): Cell[] => [
    attribute,
    site,
    similarity,
    low === undefined || high === undefined ? "–" : `${low.toFixed(3)} to ${high.toFixed(3)}`,
    p,
  ]);
  const found = neurons.map(({ attribute, discoveries, beyondChance, top }): Cell[] => [
    attribute,
    discoveries,
    beyondChance,
    top
      .slice(0, 5)
      .map(({ stack, layer, unit }) => `${stack === undefined ? "" : `${stack} `}L${layer ?? ""}.${unit}`)
      .join(" "),
  ]);
  return [
    `${conditions.length} concepts, ${units} neurons at ${sites.length} sites${agree}`,
    ...(similarities.length === 0
      ? ["no attributes: --config names some"]
      : [
          textTable({
            columns: [
              { name: "attribute" },
              { name: "site" },
              { name: "similarity", digits: 3 },
              { name: "95 %" },
              { name: "p", digits: 4 },
            ],
            rows: similarities,
          }),
          textTable({
            columns: [
              { name: "attribute" },
              { name: "neurons at q ≤ 0.05" },
              { name: "beyond chance" },
              { name: "best" },
            ],
            rows: found,
          }),
        ]),
  ];
}
