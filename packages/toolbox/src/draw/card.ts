import { makeCard, type TaskParts, type ToolCard } from "../card.ts";
import { givesNumber } from "../checks.ts";
import { type Random, until } from "../random.ts";
import type { FullSetup } from "../setup.ts";
import type { Shape } from "./shapes.ts";
import type { DrawState } from "./tool.ts";

const COLOURS = ["red", "green", "blue", "orange", "purple"];
const NAMES = ["sign", "sketch", "badge", "plan", "logo", "poster"];

/** Whether a drawing has exactly these shapes, whatever else is said of them, such as strokes that were not asked for. */
function holds(
  state: unknown,
  name: string,
  width: number,
  height: number,
  shapes: readonly Partial<Shape>[],
): boolean {
  const { drawings } = state as DrawState;
  const drawing = drawings.find((other) => other.name.toLowerCase() === name);
  if (
    drawing === undefined ||
    drawings.length !== 1 ||
    drawing.width !== width ||
    drawing.height !== height ||
    drawing.shapes.length !== shapes.length
  )
    return false;
  return shapes.every((wanted) =>
    drawing.shapes.some((shape) =>
      Object.entries(wanted).every(
        ([key, value]) => JSON.stringify((shape as Record<string, unknown>)[key]) === JSON.stringify(value),
      ),
    ),
  );
}

function draws(instruction: string, name: string, width: number, height: number, shapes: readonly Shape[]): TaskParts {
  return {
    instruction,
    async expert(call) {
      await call("draw_new", { name, width, height });
      await call("draw_add", { drawing: name, shapes: shapes as never });
      return `The drawing "${name}" is ready.`;
    },
    succeeds: ({ state }) => holds(state, name, width, height, shapes),
  };
}

const size = (random: Random): [number, number] => [random.integer(10, 40) * 10, random.integer(10, 40) * 10];

/** Instructions for `draw`. */
export function drawCard(setup: FullSetup, each: number): ToolCard {
  return makeCard("draw", setup, each, {
    circle(random) {
      const [[width, height], name, fill] = [size(random), random.pick(NAMES), random.pick(COLOURS)];
      const radius = random.integer(5, Math.min(width, height) / 2);
      return draws(
        `Make a drawing called "${name}", ${width} by ${height} pixels, with a ${fill} circle of radius ${radius} in its middle.`,
        name,
        width,
        height,
        [{ shape: "circle", x: width / 2, y: height / 2, radius, fill }],
      );
    },
    flag(random) {
      const [name, [top, bottom]] = [random.pick(NAMES), random.sample(COLOURS, 2) as [string, string]];
      const [width, height] = size(random);
      return draws(
        `Draw a flag called "${name}" of ${width} by ${height} pixels: two rectangles over the whole width, the upper half ${top} and the lower half ${bottom}.`,
        name,
        width,
        height,
        [
          { shape: "rectangle", x: 0, y: 0, width, height: height / 2, fill: top },
          { shape: "rectangle", x: 0, y: height / 2, width, height: height / 2, fill: bottom },
        ],
      );
    },
    arrow(random) {
      const [width, height] = size(random);
      const [name, label] = [random.pick(NAMES), random.pick(["Exit", "Platform 3", "Café", "Way out", "Room B12"])];
      return draws(
        `Make a drawing "${name}" (${width} by ${height} pixels) with an arrow from (10, 10) to (${width - 10}, ${height - 10}) and the text "${label}" at (20, ${height - 20}).`,
        name,
        width,
        height,
        [
          { shape: "line", from: [10, 10], to: [width - 10, height - 10], arrow: true },
          { shape: "text", x: 20, y: height - 20, text: label },
        ],
      );
    },
    triangle(random) {
      const [name, fill, [width, height]] = [random.pick(NAMES), random.pick(COLOURS), size(random)];
      return draws(
        `Draw a ${fill} triangle with the corners (0, ${height}), (${width}, ${height}) and (${width / 2}, 0), in this order, as a polygon. The drawing is called "${name}" and has ${width} by ${height} pixels.`,
        name,
        width,
        height,
        [
          {
            shape: "polygon",
            points: [
              [0, height],
              [width, height],
              [width / 2, 0],
            ],
            fill,
          },
        ],
      );
    },
    plot(random) {
      const [name, what] = [
        random.pick(["growth", "usage", "readings"]),
        random.pick(["height in cm", "visitors", "litres"]),
      ];
      const values = Array.from({ length: random.integer(4, 6) }, () => random.integer(1, 60));
      const points = values.map((value, i): [number, number] => [i + 1, value]);
      return {
        instruction: `Plot ${what} over the day as a line called "${name}": ${points.map(([day, value]) => `day ${day}: ${value}`).join(", ")}.`,
        async expert(call) {
          await call("draw_plot", { name, x: "day", y: what, series: [{ name: what, points }] });
          return `The plot "${name}" is ready.`;
        },
        succeeds({ state }) {
          const { plots } = state as DrawState;
          return (
            plots.length === 1 &&
            plots[0]!.name.toLowerCase() === name &&
            plots[0]!.series.length === 1 &&
            JSON.stringify(plots[0]!.series[0]!.points) === JSON.stringify(points)
          );
        },
      };
    },
    count(random) {
      const [name, count, fill] = [random.pick(NAMES), random.integer(3, 7), random.pick(COLOURS)];
      const gap = until(
        () => random.integer(20, 60),
        (value) => value % 2 === 0,
      );
      const instruction = `Draw ${count} ${fill} circles of radius 8 in a row into a drawing "${name}" of 600 by 100 pixels: the first centre at (50, 50), each next one ${gap} pixels further right. Which x has the last centre?`;
      const shapes = Array.from(
        { length: count },
        (_, i): Shape => ({ shape: "circle", x: 50 + i * gap, y: 50, radius: 8, fill }),
      );
      const parts = draws(instruction, name, 600, 100, shapes);
      return {
        ...parts,
        async expert(call) {
          await parts.expert(call);
          return `The last centre is at x = ${50 + (count - 1) * gap}.`;
        },
        succeeds: (outcome) =>
          parts.succeeds(outcome) && givesNumber(outcome.answer, 50 + (count - 1) * gap, { instruction }),
      };
    },
  });
}
