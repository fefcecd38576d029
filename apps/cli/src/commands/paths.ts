import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { result } from "@cambium/base";
import {
  align,
  bezier,
  judgeBarrier,
  line,
  type Path,
  type PathMeasurement,
  plotPath,
  polychain,
  runPath,
  trainCurve,
} from "@cambium/connectivity";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import { report, table, textTable } from "@cambium/report";
import { adamW } from "@cambium/train";
import { Command, Option } from "commander";
import { addDataFlags, type DataFlags, openData, POINT_ARGUMENT, withPoints } from "../connectivity/open-points.ts";
import { type Io, UseError } from "../io.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { parseCount as parseSeed } from "./model-flags.ts";
import { parseCount, parsePositive } from "./parse-count.ts";

interface PathsFlags extends DataFlags {
  readonly points: number;
  readonly curve?: "bezier" | "polychain";
  readonly bends?: number;
  readonly steps?: number;
  readonly learningRate?: number;
  readonly align?: true;
  readonly seed: number;
  readonly out?: string;
  readonly json?: true;
}

const EXAMPLE = `
The curve is trained on the table's rows, and measured on the same ones: give rows that no model learned from, and mind that a curve
fits them.
Example:
  $ cambium paths models/minilm adapters/seed-1 adapters/seed-2 --table test.csv --curve bezier`;

/** `cambium paths`: barriers between two tuned models. */
export function paths(io: Io): Command {
  const command = new Command("paths")
    .description("Measure a model along the path between two tunings of it: is there a barrier?")
    .argument("<model>", MODEL_ARGUMENT)
    .argument("<from>", POINT_ARGUMENT)
    .argument("<to>", POINT_ARGUMENT);
  return addDataFlags(command)
    .option("--points <number>", "points along the path, from 3", parseCount, 26)
    .addOption(new Option("--curve <kind>", "also train a curve round the barrier").choices(["bezier", "polychain"]))
    .option("--bends <number>", "bends of the curve (default: 1)", parseCount)
    .option("--steps <number>", "steps of its training (default: 200)", parseCount)
    .option("--learning-rate <number>", "rate of its training (default: 0.001)", parsePositive)
    .option("--align", "first undo permutations and rotations of the second one")
    .option("--seed <integer>", "of the intervals and the curve", parseSeed, 0)
    .option("--out <folder>", "where measured points, figures and a report go; the same command resumes")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (model: string, from: string, to: string, flags: PathsFlags) => {
      const { bends = 1, steps = 200, learningRate = 1e-3 } = flags;
      const idle = [
        ...(["bends", "steps"] as const).filter((key) => flags[key] !== undefined),
        ...(flags.learningRate === undefined ? [] : ["learning-rate"]),
      ];
      if (flags.curve === undefined && idle.length > 0)
        throw new UseError(`paths: --${idle[0]} is for a curve, and none is asked for; add --curve bezier`);
      await withPoints(io, "paths", model, [from, to], async (opened) => {
        const data = await openData(io, "paths", opened, flags);
        const [a, b] = opened.points;
        const owned: Parameters[] = [];
        try {
          const found = new Map<string, PathMeasurement>();
          const measure = async (name: string, path: Path): Promise<boolean> => {
            const options = {
              points: flags.points,
              random: random(flags.seed),
              signal: io.signal,
              ...(flags.out !== undefined && { results: join(flags.out, `points-${name}`) }),
            };
            for await (const event of runPath(a!, path, data, options)) {
              if (event.type === "point") io.live?.(`${name}: ${event.done} of ${event.total} points`);
              if (event.type === "end") found.set(name, event);
              if (event.type === "stopped") return false;
            }
            return true;
          };
          if (!(await measure("line", line(a!, b!)))) return;
          let end: Parameters = b!.parameters;
          if (flags.align === true) {
            const aligned = await align(a!, b!);
            owned.push(aligned.parameters);
            end = aligned.parameters;
            if (!(await measure("aligned", line(a!, end)))) return;
          }
          if (flags.curve !== undefined) {
            const kind = flags.curve === "bezier" ? bezier : polychain;
            const start = kind(a!, end, { bends });
            owned.push(...start.nodes.slice(1, -1));
            const options = {
              optimiser: adamW({ learningRate }),
              steps,
              random: random(flags.seed),
              signal: io.signal,
            };
            const trained = await result(trainCurve(a!, start, data, options), (event) => {
              if (event.type === "step") io.live?.(`curve: ${event.step} of ${steps} steps`);
            });
            owned.push(trained.parameters);
            if (!(await measure(flags.curve, trained.path))) return;
          }
          const classes =
            opened.base.head !== undefined && "labels" in opened.base.head ? opened.base.head.labels.length : 0;
          await show(io, flags, found, classes);
        } finally {
          for (const tree of owned) disposeParameters(tree);
        }
      });
    });
}

const COLUMNS = [
  { name: "path" },
  { name: "barrier", unit: "nats", digits: 4 },
  { name: "95 %" },
  { name: "over the chord", unit: "nats", digits: 4 },
  { name: "ends and middle", unit: "nats" },
  { name: "score drop", unit: "points", digits: 1 },
] as const;

async function show(
  io: Io,
  flags: PathsFlags,
  found: ReadonlyMap<string, PathMeasurement>,
  classes: number,
): Promise<void> {
  const rows = [...found].map(([name, { barrier, barrierLinear, intervals, losses, scoreDrop }]) => [
    name,
    barrier,
    intervals === undefined ? "–" : intervals.barrier.map((value) => value.toFixed(4)).join(" to "),
    barrierLinear,
    [losses[0]!, losses[Math.floor(losses.length / 2)]!, losses.at(-1)!].map((value) => value.toFixed(3)).join(", "),
    scoreDrop === undefined ? "–" : 100 * scoreDrop,
  ]);
  const verdicts = [...found].flatMap(([name, measured]) =>
    classes > 1 ? [{ name, ...judgeBarrier(measured, { chanceLoss: Math.log(classes) }) }] : [],
  );
  if (flags.out !== undefined) {
    const drawn = Object.fromEntries(found);
    const figure = plotPath(drawn, { title: "Loss along the path" });
    await mkdir(flags.out, { recursive: true });
    await writeFile(join(flags.out, "paths.svg"), figure.svg());
    const page = report({
      title: "Between two models",
      sections: [
        {
          title: "Barriers",
          blocks: [
            table({
              caption: "Barriers between the two, in nats, with 95 % intervals over the rows",
              columns: [...COLUMNS],
              rows,
            }),
            figure,
          ],
        },
      ],
    });
    await writeFile(join(flags.out, "report.html"), page.html());
  }
  if (flags.json === true) {
    const plain = [...found].map(([name, { points: _, ...measured }]) => ({ name, ...measured }));
    io.out(JSON.stringify({ paths: plain, verdicts }));
    return;
  }
  io.out(textTable({ columns: [...COLUMNS], rows }));
  for (const { name, connected, criteria } of verdicts)
    io.out(`${name}: ${connected ? "connected" : "not connected"} (${criteria.map(({ text }) => text).join("; ")})`);
  if (flags.out !== undefined) io.error(`${join(flags.out, "report.html")} shows it`);
}
