import { escapeMarkup } from "../escape.ts";
import type { Drawing, Shape } from "./shapes.ts";

/** An element whose attributes are escaped; those that are undefined are left out. */
function element(
  name: string,
  attributes: Readonly<Record<string, string | number | undefined>>,
  content = "",
): string {
  const written = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${escapeMarkup(String(value))}"`],
  );
  return content === "" ? `<${name}${written.join("")}/>` : `<${name}${written.join("")}>${content}</${name}>`;
}

const HEAD = 10;

/** The two strokes of an arrow's head. */
function arrowHead([x1, y1]: readonly [number, number], [x2, y2]: readonly [number, number]): string {
  const angle = Math.atan2(y2 - y1, x2 - x1);
  const end = (turn: number): string =>
    [x2 - HEAD * Math.cos(angle + turn), y2 - HEAD * Math.sin(angle + turn)].map((value) => value.toFixed(1)).join(" ");
  return `M${end(0.5)} L${x2} ${y2} L${end(-0.5)}`;
}

function draw(shape: Shape): string {
  if (shape.shape === "text")
    return element(
      "text",
      {
        x: shape.x,
        y: shape.y,
        "font-size": shape.size ?? 16,
        "text-anchor": shape.anchor,
        fill: shape.fill ?? "black",
      },
      escapeMarkup(shape.text),
    );
  const stroke = { stroke: shape.stroke, "stroke-width": shape.strokeWidth };
  const outline = { fill: "none", stroke: shape.stroke ?? "black", "stroke-width": shape.strokeWidth ?? 2 };
  const list = (points: readonly (readonly number[])[]): string => points.map((point) => point.join(",")).join(" ");
  switch (shape.shape) {
    case "rectangle":
      return element("rect", {
        x: shape.x,
        y: shape.y,
        width: shape.width,
        height: shape.height,
        rx: shape.radius,
        fill: shape.fill ?? "black",
        ...stroke,
      });
    case "circle":
      return element("circle", { cx: shape.x, cy: shape.y, r: shape.radius, fill: shape.fill ?? "black", ...stroke });
    case "ellipse":
      return element("ellipse", {
        cx: shape.x,
        cy: shape.y,
        rx: shape.radiusX,
        ry: shape.radiusY,
        fill: shape.fill ?? "black",
        ...stroke,
      });
    case "polygon":
      return element("polygon", { points: list(shape.points), fill: shape.fill ?? "black", ...stroke });
    case "polyline":
      return element("polyline", { points: list(shape.points), ...outline });
    case "line": {
      const { from, to } = shape;
      const line = element("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1], ...outline });
      return shape.arrow === true ? line + element("path", { d: arrowHead(from, to), ...outline }) : line;
    }
  }
}

/** The drawing as one SVG element. The same drawing gives the same bytes; all text is escaped. */
export function drawingSvg({ name, width, height, background, shapes }: Drawing): string {
  const inside = [
    `<title>${escapeMarkup(name)}</title>`,
    element("rect", { width, height, fill: background }),
    ...shapes.map(draw),
  ];
  return element(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", role: "img", viewBox: `0 0 ${width} ${height}`, width, height },
    inside.join(""),
  );
}
