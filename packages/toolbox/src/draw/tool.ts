import type { AnyTool } from "@cambium/tool-learning";
import * as z from "zod";
import { optional } from "../optional.ts";
import { refuse } from "../refuse.ts";
import { type Define, makeToolkit, type Toolkit } from "../toolkit.ts";
import { colour, type Drawing, drawingSchema, MOST_SHAPES, type Shape, shapeSchema } from "./shapes.ts";
import { drawingSvg } from "./svg.ts";

/** Lines over common axes. */
export type Plot = { name: string; x: string; y: string; series: { name: string; points: [number, number][] }[] };

/** All drawings and plots. */
export type DrawState = { drawings: Drawing[]; plots: Plot[] };

const MOST_DRAWINGS = 50;

const name = z.string().trim().min(1).max(60).describe("Name of the drawing.");
const finite = z.number().min(-1e12).max(1e12);
const plotSchema = z.strictObject({
  name,
  x: z.string().min(1).max(60).describe("What the horizontal axis shows."),
  y: z.string().min(1).max(60).describe("What the vertical axis shows."),
  series: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(60),
        points: z
          .array(z.tuple([finite, finite]))
          .min(1)
          .max(2000),
      }),
    )
    .min(1)
    .max(8),
});
const stateSchema = z.strictObject({
  drawings: z.array(drawingSchema).max(MOST_DRAWINGS),
  plots: z.array(plotSchema).max(MOST_DRAWINGS),
});

const find = ({ drawings }: DrawState, name: string): Drawing =>
  drawings.find((drawing) => drawing.name === name) ??
  refuse(
    `no drawing "${name}"${drawings.length === 0 ? "; make one first" : `; there are ${drawings.map((drawing) => drawing.name).join(", ")}`}`,
  );

function checkFree({ drawings, plots }: DrawState, name: string): void {
  if ([...drawings, ...plots].some((other) => other.name === name)) refuse(`there is a drawing "${name}" already`);
  if (drawings.length + plots.length >= MOST_DRAWINGS)
    refuse(`there are ${MOST_DRAWINGS} drawings, which are the most`);
}

async function plotSvg({ name, x, y, series }: Plot): Promise<string> {
  const { plotLines } = await optional("draw", "@cambium/report", () => import("@cambium/report"));
  const lines = series.map(({ name, points }) => ({ name, points: points.map(([x, y]) => ({ x, y })) }));
  return plotLines({ title: name, x: { label: x }, y: { label: y }, series: lines }).svg();
}

function shapeTools(define: Define<DrawState>): AnyTool[] {
  return [
    define({
      verb: "new",
      description: "Begins a drawing of a width and height in pixels.",
      input: z.strictObject({
        name,
        width: z.int().min(1).max(4000),
        height: z.int().min(1).max(4000),
        background: colour.optional().describe('@default "white"'),
      }),
      effects: "writes",
      run({ name, width, height, background = "white" }, state) {
        checkFree(state, name);
        state.drawings.push({ name, width, height, background, shapes: [] });
        return { name, width, height };
      },
    }),
    define({
      verb: "add",
      description:
        "Adds shapes to a drawing, one over the other: rectangle, circle, ellipse, line (with an arrow if wanted), polygon, polyline, text. Places are pixels from the upper left corner.",
      input: z.strictObject({ drawing: name, shapes: z.array(shapeSchema).min(1).max(200) }),
      effects: "writes",
      run({ drawing, shapes }, state) {
        const found = find(state, drawing);
        if (found.shapes.length + shapes.length > MOST_SHAPES) refuse(`a drawing holds at most ${MOST_SHAPES} shapes`);
        // JSON has no undefined: a state is compared and kept as JSON.
        found.shapes.push(...(JSON.parse(JSON.stringify(shapes)) as Shape[]));
        return { name: drawing, shapes: found.shapes.length };
      },
    }),
    define({
      verb: "remove",
      description:
        "Removes a shape from a drawing by its number, from 1 in the order of drawing; or the whole drawing.",
      input: z.strictObject({ drawing: name, shape: z.int().min(1).optional() }),
      effects: "destroys",
      run({ drawing, shape }, state) {
        const found = find(state, drawing);
        if (shape === undefined) state.drawings = state.drawings.filter((other) => other !== found);
        else if (shape > found.shapes.length) refuse(`the drawing has ${found.shapes.length} shapes`);
        else found.shapes.splice(shape - 1, 1);
        return { removed: shape ?? drawing };
      },
    }),
    define({
      verb: "list",
      description: "Lists the drawings with their shapes, and the plots.",
      input: z.strictObject({}),
      effects: "reads",
      run: (_, { drawings, plots }) => ({
        drawings,
        plots: plots.map(({ name, series }) => ({ name, series: series.length })),
      }),
    }),
  ];
}

/** Shapes and plots as SVG. Plots are drawn by the optional package `@cambium/report`. */
export function draw(): Toolkit<DrawState> {
  return makeToolkit<DrawState>({
    id: "draw",
    about: "Draws shapes and plots as SVG.",
    state: { drawings: [], plots: [] },
    schema: stateSchema,
    tools: (define) => [
      ...shapeTools(define),
      define({
        verb: "plot",
        description: "Plots numbers against numbers: a line through the points of each series, in their order.",
        input: plotSchema,
        effects: "writes",
        async run(plot, state) {
          checkFree(state, plot.name);
          const svg = await plotSvg(plot);
          checkFree(state, plot.name);
          state.plots.push(plot);
          return { name: plot.name, svgBytes: svg.length };
        },
      }),
      define({
        verb: "svg",
        description: "Gives a drawing or a plot as SVG text.",
        input: z.strictObject({ name }),
        effects: "reads",
        async run({ name }, state) {
          const plot = state.plots.find((other) => other.name === name);
          return { svg: plot === undefined ? drawingSvg(find(state, name)) : await plotSvg(plot) };
        },
      }),
    ],
  });
}
