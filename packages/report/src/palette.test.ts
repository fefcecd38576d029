import { expect, test } from "vitest";
import { DARK_INK, DARK_PAGE, LIGHT_INK, LIGHT_PAGE, PALETTE, seriesStyle } from "./palette.ts";

/** Relative luminance of `#rrggbb` (WCAG 2.2, definition "relative luminance"). */
function luminance(color: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

test("contrast of black on white is 21", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 10);
});

test.each(PALETTE)("%s is readable on the light and on the dark page", (color) => {
  expect(contrast(color, LIGHT_PAGE)).toBeGreaterThanOrEqual(3);
  expect(contrast(color, DARK_PAGE)).toBeGreaterThanOrEqual(3);
});

test("text has at least 7:1 in both themes", () => {
  expect(contrast(LIGHT_INK, LIGHT_PAGE)).toBeGreaterThanOrEqual(7);
  expect(contrast(DARK_INK, DARK_PAGE)).toBeGreaterThanOrEqual(7);
});

test("the first twelve series differ in colour or dash", () => {
  const styles = Array.from({ length: 12 }, (_, index) => JSON.stringify(seriesStyle(index)));
  expect(new Set(styles).size).toBe(12);
});
