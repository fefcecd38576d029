import * as z from "zod";

/** A place in a drawing, in pixels from the upper left corner. */
export type Point = [x: number, y: number];

/** How a shape is painted; black where nothing is said. */
export type ShapeStyle = {
  fill?: string | undefined;
  stroke?: string | undefined;
  strokeWidth?: number | undefined;
};

/** A shape of a drawing, in pixels from the upper left corner. */
export type Shape =
  | ({
      shape: "rectangle";
      x: number;
      y: number;
      width: number;
      height: number;
      radius?: number | undefined;
    } & ShapeStyle)
  | ({ shape: "circle"; x: number; y: number; radius: number } & ShapeStyle)
  | ({ shape: "ellipse"; x: number; y: number; radiusX: number; radiusY: number } & ShapeStyle)
  | ({ shape: "line"; from: Point; to: Point; arrow?: boolean | undefined } & Omit<ShapeStyle, "fill">)
  | ({ shape: "polygon"; points: Point[] } & ShapeStyle)
  | ({ shape: "polyline"; points: Point[] } & Omit<ShapeStyle, "fill">)
  | {
      shape: "text";
      x: number;
      y: number;
      text: string;
      size?: number | undefined;
      anchor?: "start" | "middle" | "end" | undefined;
      fill?: string | undefined;
    };

/** A drawing. */
export type Drawing = { name: string; width: number; height: number; background: string; shapes: Shape[] };

const size = z.number().min(0).max(10_000);
const at = z.number().min(-10_000).max(10_000);
export const colour: z.ZodType<string> = z
  .string()
  .regex(/^(#[0-9a-f]{3}|#[0-9a-f]{6}|[a-z]{3,30})$/i, 'must be a colour such as "red", "#ff8800" or "none"')
  .describe('A colour: a name such as "red", "#ff8800", or "none".');

const stroked = { stroke: colour.optional(), strokeWidth: z.number().min(0).max(100).optional() };
const style = { fill: colour.optional(), ...stroked };
const point = z.tuple([at, at]);
const points = z.array(point).min(2).max(500);

export const shapeSchema: z.ZodType<Shape> = z.discriminatedUnion("shape", [
  z.strictObject({
    shape: z.literal("rectangle"),
    x: at,
    y: at,
    width: size,
    height: size,
    radius: size.optional(),
    ...style,
  }),
  z.strictObject({
    shape: z.literal("circle"),
    x: at.describe("Of the centre."),
    y: at.describe("Of the centre."),
    radius: size,
    ...style,
  }),
  z.strictObject({ shape: z.literal("ellipse"), x: at, y: at, radiusX: size, radiusY: size, ...style }),
  z.strictObject({ shape: z.literal("line"), from: point, to: point, arrow: z.boolean().optional(), ...stroked }),
  z.strictObject({ shape: z.literal("polygon"), points, ...style }),
  z.strictObject({ shape: z.literal("polyline"), points, ...stroked }),
  z.strictObject({
    shape: z.literal("text"),
    x: at,
    y: at.describe("Of the baseline."),
    text: z.string().min(1).max(200),
    size: z.number().min(4).max(400).optional(),
    anchor: z.enum(["start", "middle", "end"]).optional(),
    fill: colour.optional(),
  }),
]);

export const MOST_SHAPES = 2000;

export const drawingSchema: z.ZodType<Drawing> = z.strictObject({
  name: z.string().trim().min(1).max(60),
  width: z.int().min(1).max(4000),
  height: z.int().min(1).max(4000),
  background: colour,
  shapes: z.array(shapeSchema).max(MOST_SHAPES),
});
