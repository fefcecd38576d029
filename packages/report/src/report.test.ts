import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { plotPoints } from "./plot-rows.ts";
import { code, fold, type Report, report } from "./report.ts";
import { flattenSettings, settings } from "./settings.ts";
import { table } from "./table.ts";

const results = table({
  caption: "Test messages",
  columns: [{ name: "method" }, { name: "accuracy", unit: "%", digits: 1 }, { name: "step", unit: "ms" }],
  rows: [
    ["bag of words", 98.5, undefined],
    ["LoRA", 98.75, 44.21],
  ],
});
const accuracies = plotPoints({
  title: "Accuracies",
  description: "No intervals.",
  value: { label: "accuracy", unit: "%" },
  rows: [{ name: "LoRA", value: 98.75 }],
});

const page = (): Report =>
  report({
    title: "A report",
    summary: "What was found.",
    sections: [
      { title: "Results", blocks: ["One.\n\nTwo.", results, accuracies] },
      {
        title: "Configuration",
        blocks: [
          settings("Run", { seed: 1, optimiser: { learningRate: 0.001 }, left: undefined }),
          code("pnpm quickstart"),
        ],
      },
    ],
  });

const read = (made: Report): Document => parseHTML(made.html()).document;

test("the same content gives the same bytes", () => {
  expect(page().html()).toBe(page().html());
});

test("nothing is requested from anywhere, and the page forbids it", () => {
  const markup = page().html();
  expect(markup.replaceAll('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(
    /https?:|\/\/[a-z]|url\(|@import|src=|<script|<link|<iframe/,
  );
  expect(markup).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
});

test("headings in a table are marked as such, and numbers stand right", () => {
  const document = read(page());
  expect(
    [...document.querySelectorAll("thead th")].map((heading) => [heading.getAttribute("scope"), heading.textContent]),
  ).toEqual([
    ["col", "method"],
    ["col", "accuracy (%)"],
    ["col", "step (ms)"],
  ]);
  const row = document.querySelectorAll("tbody tr")[1]!;
  expect([...row.children].map((cell) => [cell.localName, cell.textContent, cell.className])).toEqual([
    ["th", "LoRA", ""],
    ["td", "98.8", "number"],
    ["td", "44.21", "number"],
  ]);
  expect(document.querySelector("tbody td:last-child")!.textContent).toBe("–");
  expect(document.querySelector("caption")!.textContent).toBe("Test messages");
});

test("a figure stands in the page with its caption", () => {
  const found = read(page()).querySelector("figure")!;
  expect(found.querySelector("svg")!.getAttribute("aria-label")).toBe("Accuracies");
  expect(found.querySelector("figcaption")!.textContent).toBe("No intervals.");
});

test("empty lines separate paragraphs", () => {
  const paragraphs = [...read(page()).querySelectorAll("section")[0]!.querySelectorAll("p")];
  expect(paragraphs.map((paragraph) => paragraph.textContent)).toEqual(["One.", "Two."]);
});

test("settings show nested keys with dots, and leave out what is undefined", () => {
  expect(
    flattenSettings({
      seed: 1,
      optimiser: { learningRate: 0.001 },
      left: undefined,
      targets: ["a", "b"],
      nothing: null,
    }),
  ).toEqual([
    ["seed", "1"],
    ["optimiser.learningRate", "0.001"],
    ["targets", "a, b"],
    ["nothing", "null"],
  ]);
});

test("a fold shows its title and holds its blocks, folds too", () => {
  const page = report({
    title: "T",
    sections: [{ title: "S", blocks: [fold("More <b>", ["Inside.", fold("Deeper", [code("x")])])] }],
  });
  expect(page.html()).toContain(
    "<details><summary>More &lt;b&gt;</summary>\n<p>Inside.</p>\n<details><summary>Deeper</summary>",
  );
});

test("eight sections need no table of contents, nine get one", () => {
  const make = (count: number) =>
    read(
      report({ title: "t", sections: Array.from({ length: count }, (_, i) => ({ title: `Part ${i}`, blocks: [] })) }),
    );
  expect(make(8).querySelector("nav")).toBeNull();
  const long = make(9);
  const links = [...long.querySelectorAll("nav a")];
  expect(links).toHaveLength(9);
  for (const link of links)
    expect(long.getElementById(link.getAttribute("href")!.slice(1))!.querySelector("h2")!.textContent).toBe(
      link.textContent,
    );
});

test("no text of a report can become markup", () => {
  const hostile = `</style></title><script>alert("x")</script><img src=x onerror='y'>&amp;`;
  const markup = report({
    title: hostile,
    summary: hostile,
    sections: [
      {
        title: hostile,
        blocks: [
          hostile,
          code(hostile),
          settings(hostile, { [hostile]: hostile }),
          table({ caption: hostile, columns: [{ name: hostile, unit: hostile }], rows: [[hostile]] }),
          plotPoints({
            title: hostile,
            description: hostile,
            value: { label: hostile },
            rows: [{ name: hostile, value: 1 }],
          }),
        ],
      },
    ],
  }).html();
  expect(markup).not.toMatch(/<script|<img/);
  expect(parseHTML(markup).document.querySelector("h1")!.textContent).toBe(hostile);
});

test("numbers in cells: digits as asked, infinities and gaps said", () => {
  const numbers = table({
    caption: "n",
    columns: [{ name: "n" }, { name: "fixed", digits: 2 }],
    rows: [
      [1234567, 0.5],
      [0.123456, Number.POSITIVE_INFINITY],
      [Number.NaN, undefined],
    ],
  });
  const document = read(report({ title: "t", sections: [{ title: "s", blocks: [numbers] }] }));
  const cells = [...document.querySelectorAll("tbody tr")].map((row) =>
    [...row.children].map((cell) => cell.textContent),
  );
  expect(cells).toEqual([
    ["1,234,567", "0.50"],
    ["0.1235", "∞"],
    ["not a number", "–"],
  ]);
});

test("a row that does not fit its columns is refused", () => {
  expect(() => table({ caption: "c", columns: [{ name: "a" }, { name: "b" }], rows: [["x", 1], ["y"]] })).toThrow(
    'table: row 1 of "c" has 1 cells, there are 2 columns',
  );
});
