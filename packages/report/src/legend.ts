import type { SeriesStyle } from "./palette.ts";
import { element, estimateTextWidth } from "./svg.ts";

/** One entry of a legend: a name, and the line or spot that stands for it. */
export interface LegendEntry extends SeriesStyle {
  readonly name: string;
}

const FONT_SIZE = 12;
const KEY_WIDTH = 24;
const GAP = 18;
const ROW_HEIGHT = 18;

/** Draws a legend from `(x, y)` on, wrapped at `width`; returns its elements and its height in pixels. */
export function drawLegend(
  document: Document,
  entries: readonly LegendEntry[],
  { x, y, width }: { readonly x: number; readonly y: number; readonly width: number },
): { readonly elements: readonly SVGElement[]; readonly height: number } {
  const elements: SVGElement[] = [];
  let left = x;
  let row = 0;
  for (const { name, color, dash } of entries) {
    const entryWidth = KEY_WIDTH + 6 + estimateTextWidth(name, FONT_SIZE);
    if (left > x && left + entryWidth > x + width) {
      left = x;
      row++;
    }
    const middle = y + row * ROW_HEIGHT + ROW_HEIGHT / 2;
    elements.push(
      element(document, "line", {
        x1: left,
        x2: left + KEY_WIDTH,
        y1: middle,
        y2: middle,
        stroke: color,
        "stroke-width": 2.5,
        "stroke-dasharray": dash,
      }),
      element(document, "text", { x: left + KEY_WIDTH + 6, y: middle, dy: "0.35em", "font-size": FONT_SIZE }, name),
    );
    left += entryWidth + GAP;
  }
  return { elements, height: entries.length === 0 ? 0 : (row + 1) * ROW_HEIGHT };
}
