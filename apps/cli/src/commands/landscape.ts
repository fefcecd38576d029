import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  createDirections,
  type Landscape,
  type LandscapeMark,
  measureHessian,
  plane,
  plotLandscape,
  projectPoint,
  runLandscape,
  type Slice,
  type Ticks,
} from "@cambium/connectivity";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { Command } from "commander";
import {
  addDataFlags,
  type DataFlags,
  openData,
  POINT_ARGUMENT,
  parseNumbers,
  withPoints,
} from "../connectivity/open-points.ts";
import { type Io, UseError } from "../io.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { parseCount as parseSeed } from "./model-flags.ts";
import { parseCount } from "./parse-count.ts";

interface LandscapeFlags extends DataFlags {
  readonly grid: number;
  readonly range?: readonly number[];
  readonly line?: true;
  readonly hessian?: true;
  readonly seed: number;
  readonly out?: string;
  readonly json?: true;
}

const EXAMPLE = `
Example, random directions around one tuning:
  $ cambium landscape models/minilm adapters/spam --table test.csv --grid 25 --out runs/landscape
Example, the plane through three:
  $ cambium landscape models/minilm adapters/a adapters/b adapters/c --table test.csv --out runs/plane`;

/** Where a point is looked at from, and to where. */
const AROUND: readonly number[] = [-1, 1];

/** `cambium landscape`: the loss around a tuned model, or over the plane through three. */
export function landscape(io: Io): Command {
  const command = new Command("landscape")
    .description("Measure the loss around a tuning of a model, or over the plane through three of them.")
    .argument("<model>", MODEL_ARGUMENT)
    .argument("<points...>", `one or three: ${POINT_ARGUMENT}`);
  return addDataFlags(command)
    .option("--grid <number>", "values of each coordinate, from 2", parseCount, 25)
    .option(
      "--range <from,to>",
      "of both coordinates around one point (default: -1,1); a step of 1 moves each filter by its length",
      parseNumbers,
    )
    .option("--line", "in one dimension")
    .option("--hessian", "also the largest eigenvalue of the Hessian there")
    .option("--seed <integer>", "of the directions", parseSeed, 0)
    .option("--out <folder>", "where the grid and its figure go; the same command resumes")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (model: string, names: readonly string[], flags: LandscapeFlags) => {
      if (names.length !== 1 && names.length !== 3)
        throw new UseError(`landscape: give one point, or three for a plane; got ${names.length}`);
      if (names.length === 3 && flags.line === true)
        throw new UseError("landscape: three points span a plane, not a line");
      if (names.length === 3 && flags.range !== undefined)
        throw new UseError(
          "landscape: the plane through three points is shown as far as they reach; leave --range out",
        );
      const { range = AROUND } = flags;
      if (range.length !== 2 || !(range[0]! < range[1]!))
        throw new UseError("landscape: --range is from,to, such as -1,1");
      await withPoints(io, "landscape", model, names, async (opened) => {
        const data = await openData(io, "landscape", opened, flags);
        const place = await sliceOf(opened.points, flags);
        try {
          const tuned = opened.points[0]!;
          const options = {
            ...place.ticks,
            signal: io.signal,
            ...(flags.out !== undefined && { results: join(flags.out, "rows") }),
          };
          let found: Landscape | undefined;
          for await (const event of runLandscape(tuned, place.slice, data, options)) {
            if (event.type === "row") io.live?.(`${event.done} of ${event.total} rows`);
            if (event.type === "end") found = event;
          }
          if (found === undefined) return;
          const hessian =
            flags.hessian === true ? await measureHessian(tuned, data, { random: random(flags.seed) }) : undefined;
          const figure = plotLandscape(found, { marks: place.marks });
          if (flags.out !== undefined) {
            await mkdir(flags.out, { recursive: true });
            await writeFile(join(flags.out, "landscape.svg"), figure.svg());
            await writeFile(join(flags.out, "landscape.json"), `${JSON.stringify({ ...found, hessian })}\n`);
          }
          const losses = found.losses.flat();
          const finite = losses.filter(Number.isFinite);
          if (finite.length === 0)
            throw new Error("landscape: the loss is finite at no point; are the weights of the model?");
          if (flags.json === true) io.out(JSON.stringify({ ...found, marks: place.marks, hessian }));
          else {
            io.out(
              `losses from ${Math.min(...finite).toFixed(4)} to ${Math.max(...finite).toFixed(4)} nats at ${losses.length} points`,
            );
            if (hessian !== undefined)
              io.out(
                `largest eigenvalue ${hessian.top[0]!.toPrecision(4)}, smallest ${hessian.bottom.toPrecision(4)}, after ${hessian.iterations} steps${hessian.converged ? "" : "; not settled"}`,
              );
            if (flags.out !== undefined) io.error(`${join(flags.out, "landscape.svg")} shows it`);
          }
        } finally {
          for (const tree of place.owned) disposeParameters(tree);
        }
      });
    });
}

interface Place {
  readonly slice: Slice;
  readonly ticks: { readonly x: Ticks; readonly y?: Ticks };
  readonly marks: readonly LandscapeMark[];
  readonly owned: readonly Parameters[];
}

async function sliceOf(points: readonly Tuned<LanguageModel>[], flags: LandscapeFlags): Promise<Place> {
  const { grid, range = AROUND, line, seed } = flags;
  const ticks: Ticks = [range[0]!, range[1]!, grid];
  const [first, second, third] = points;
  if (second === undefined || third === undefined) {
    const directions = await createDirections(first!, random(seed), { count: line === true ? 1 : 2, model: first! });
    const [across, up] = directions;
    return {
      slice: { origin: first!.parameters, across: across!, ...(up !== undefined && { up }) },
      ticks: { x: ticks, ...(line !== true && { y: ticks }) },
      marks: line === true ? [] : [{ name: "tuned", points: [{ x: 0, y: 0 }] }],
      owned: directions,
    };
  }
  const through = await plane(first!, second, third);
  const marks: LandscapeMark[] = [];
  for (const [i, point] of points.entries()) {
    const { x, y } = await projectPoint(through, point);
    marks.push({ name: String(i + 1), points: [{ x, y }] });
  }
  // A fifth of the spread on every side.
  const around = (values: readonly number[]): Ticks => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return [low - 0.2 * (high - low), high + 0.2 * (high - low), grid];
  };
  const spots = marks.map((mark) => mark.points[0]!);
  return {
    slice: through,
    ticks: { x: around(spots.map(({ x }) => x)), y: around(spots.map(({ y }) => y)) },
    marks,
    owned: [through.across, through.up],
  };
}
