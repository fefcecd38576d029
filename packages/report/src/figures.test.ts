/** Each figure is a named function of fixed data, compared with its stored SVG. */
import { lineY, ruleY } from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { type Figure, figure } from "./figure.ts";
import { plotLines } from "./plot-lines.ts";
import { plotBars, plotPoints } from "./plot-rows.ts";

const decay = (floor: number, steps: number) =>
  Array.from({ length: 40 }, (_, i) => {
    const y = floor + 0.7 / (1 + i / steps);
    return { x: 10 * i + 1, y, low: y - 0.05, high: y + 0.05 };
  });

const figures: Readonly<Record<string, () => Figure>> = {
  "training-loss": () =>
    plotLines({
      title: "Training loss by method",
      description: "Mean of five seeds; the band is one standard deviation.",
      x: { label: "step" },
      y: { label: "loss", unit: "nats per message" },
      series: [
        { name: "LoRA", points: decay(0.02, 4) },
        { name: "frozen body", points: decay(0.3, 12) },
      ],
    }),
  "accuracy-by-labels": () =>
    plotLines({
      title: "Accuracy by number of labels",
      x: { label: "labels", scale: "log", ticks: [16, 64, 256, 4000] },
      y: { label: "accuracy", unit: "%", domain: [50, 100] },
      series: [
        { name: "LoRA", points: [16, 64, 256, 4000].map((x, i) => ({ x, y: 88 + 3 * i })) },
        { name: "bag of words", points: [16, 64, 256, 4000].map((x, i) => ({ x, y: 80 + 5 * i })) },
      ],
    }),
  "one-curve": () =>
    plotLines({
      title: "One curve",
      x: { label: "step" },
      y: { label: "rate", scale: "log" },
      series: [{ name: "rate", points: [1, 2, 3].map((x) => ({ x, y: 10 ** -x })) }],
    }),
  "peak-memory": () =>
    plotBars({
      title: "Peak memory",
      value: { label: "resident set", unit: "MiB" },
      rows: [
        { name: "LoRA", value: 310, low: 290, high: 330 },
        { name: "full fine-tuning", value: 560 },
      ],
    }),
  "test-accuracy": () =>
    plotPoints({
      title: "Test accuracy",
      description: "Lines are 95 % intervals.",
      value: { label: "accuracy", unit: "%" },
      rows: [
        { name: "LoRA", value: 98.5, low: 97.8, high: 99.1 },
        { name: "frozen body", value: 93, low: 91.6, high: 94.1 },
      ],
    }),
  "own-marks": () => figure({ marks: [ruleY([0]), lineY([3, 1, 2])] }, { title: "Own marks", width: 400, height: 240 }),
};

const names = Object.keys(figures);

test.each(names)("%s has the stored SVG", async (name) => {
  await expect(figures[name]!().svg()).toMatchFileSnapshot(`fixtures/${name}.svg`);
});

test.each(names)("%s drawn twice has the same bytes", (name) => {
  expect(figures[name]!().svg()).toBe(figures[name]!().svg());
});

test.each(names)("%s asks for nothing from elsewhere and has no ids", (name) => {
  const svg = figures[name]!().svg();
  expect(svg.replaceAll('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(/https?:|url\(|href=|\sid=/);
});

test("a screen reader finds title and description", () => {
  const { document } = parseHTML(figures["training-loss"]!().svg());
  const svg = document.querySelector("svg")!;
  expect(svg.getAttribute("role")).toBe("img");
  expect(svg.getAttribute("aria-label")).toBe("Training loss by method");
  expect(svg.querySelector("desc")!.textContent).toBe("Mean of five seeds; the band is one standard deviation.");
});

test("axes carry label and unit", () => {
  const svg = figures["training-loss"]!().svg();
  expect(svg).toContain(">loss (nats per message)</text>");
  expect(svg).toContain(">step</text>");
});

test("every explicit tick of a logarithmic axis has its label", () => {
  const svg = figures["accuracy-by-labels"]!().svg();
  for (const label of ["16", "64", "256", "4,000"]) expect(svg).toContain(`>${label}</text>`);
});

test("a legend names several curves and is left out for one", () => {
  const point = { x: 1, y: 1 };
  const draw = (...names: string[]) =>
    plotLines({
      title: "t",
      x: { label: "x" },
      y: { label: "y" },
      series: names.map((name) => ({ name, points: [point, { x: 2, y: 2 }] })),
    }).svg();
  expect(draw("first", "second")).toContain(">second</text>");
  expect(draw("first")).not.toContain(">first</text>");
});

test("text in a figure cannot become markup", () => {
  const hostile = `</svg><script>"x" & 'y'</script>\u0001`;
  const svg = plotBars({
    title: hostile,
    description: hostile,
    value: { label: hostile },
    rows: [{ name: hostile, value: 1 }],
  }).svg();
  expect(svg).not.toContain("<script");
  expect(svg).not.toContain("\u0001");
  expect(svg.match(/&(?!amp;|lt;|gt;|quot;|#39;)/g)).toBeNull();
});

test("values that are not finite are refused with their place", () => {
  const draw = (y: number, scale: "linear" | "log" = "linear") =>
    plotLines({
      title: "t",
      x: { label: "x" },
      y: { label: "y", scale },
      series: [
        {
          name: "s",
          points: [
            { x: 1, y: 1 },
            { x: 2, y },
          ],
        },
      ],
    });
  expect(() => draw(Number.NaN)).toThrow('plotLines: y of series "s" must be finite numbers, got NaN at index 1');
  expect(() => draw(0, "log")).toThrow("must be above 0 on a logarithmic axis, got 0 at index 1");
  expect(() => draw(0)).not.toThrow();
});

test.each([7, 0, -3])("a curve that stays at %d has an axis around it", (y) => {
  const points = [1, 2, 3].map((x) => ({ x, y }));
  const svg = plotLines({ title: "t", x: { label: "x" }, y: { label: "y" }, series: [{ name: "s", points }] }).svg();
  const drawn = /aria-label="line"[^>]*><path[^>]* d="M[\d.]+,([\d.]+)L/.exec(svg)!;
  expect(Number(drawn[1])).toBeCloseTo((40 + 320) / 2, 0); // the middle between the plot's margins
});

test("figures without data are refused", () => {
  expect(() => plotLines({ title: "empty", x: { label: "x" }, y: { label: "y" }, series: [] })).toThrow(
    'plotLines: "empty" has no points',
  );
  expect(() => plotBars({ title: "empty", value: { label: "v" }, rows: [] })).toThrow('plotBars: "empty" has no rows');
});

test("two rows of one name are refused", () => {
  const row = { name: "LoRA", value: 1 };
  expect(() => plotPoints({ title: "t", value: { label: "v" }, rows: [row, row] })).toThrow(
    'plotPoints: the row "LoRA" comes twice',
  );
});

test("a plot that Plot wraps in HTML is refused", () => {
  expect(() => figure({ title: "inside", marks: [] }, { title: "t" }).svg()).toThrow(
    "figure: the plot must be a single SVG",
  );
});
