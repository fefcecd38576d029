import { callTool, toolSet } from "@cambium/tool-learning";
import fc from "fast-check";
import { expect, test } from "vitest";
import { deckHtml } from "../slides/html.ts";
import type { Toolkit } from "../toolkit.ts";
import { drawingSvg } from "./svg.ts";
import { draw } from "./tool.ts";

async function ask(kit: Toolkit, name: string, input: object): Promise<unknown> {
  const outcome = await callTool(toolSet(kit).get(name)!, input as never);
  return outcome.ok ? outcome.value : outcome.failure.message;
}

test("a drawing is the SVG of its shapes, in their order", async () => {
  const kit = draw();
  await ask(kit, "draw_new", { name: "a", width: 100, height: 50 });
  await ask(kit, "draw_add", {
    drawing: "a",
    shapes: [
      { shape: "circle", x: 50, y: 25, radius: 10, fill: "red" },
      { shape: "line", from: [0, 0], to: [10, 0], arrow: true },
    ],
  });
  expect(await ask(kit, "draw_svg", { name: "a" })).toEqual({
    svg:
      '<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 100 50" width="100" height="50"><title>a</title><rect width="100" height="50" fill="white"/>' +
      '<circle cx="50" cy="25" r="10" fill="red"/><line x1="0" y1="0" x2="10" y2="0" fill="none" stroke="black" stroke-width="2"/>' +
      '<path d="M1.2 -4.8 L10 0 L1.2 4.8" fill="none" stroke="black" stroke-width="2"/></svg>',
  });
});

test("no text gets out of its place, in SVG and in HTML", () => {
  const nasty = fc
    .array(
      fc.constantFrom(
        "<",
        ">",
        '"',
        "'",
        "&",
        "</script>",
        "<!--",
        "-->",
        "]]>",
        "a",
        "\u0000",
        "javascript:",
        "onload=",
      ),
    )
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(nasty, (text) => {
      const svg = drawingSvg({
        name: text,
        width: 10,
        height: 10,
        background: "white",
        shapes: [{ shape: "text", x: 0, y: 0, text }],
      });
      expect(svg.match(/<[a-z]+/g)).toEqual(["<svg", "<title", "<rect", "<text"]);
      const html = deckHtml({
        name: "x",
        title: text,
        author: text,
        theme: "light",
        slides: [{ title: text, text, bullets: [text], code: text, svg: `<svg>${text}</svg>`, notes: text }],
      });
      expect(html.match(/<script/g)).toHaveLength(1);
      expect(html.match(/<\/script>/g)).toHaveLength(1);
      expect(html.match(/<img/g)).toHaveLength(1);
      expect(html).not.toMatch(/<!--/);
    }),
    { numRuns: 200, seed: 1 },
  );
});

test.each([
  [
    "draw_add",
    { drawing: "a", shapes: [{ shape: "circle", x: 0, y: 0, radius: 1, fill: 'red" onload="x' }] },
    "must be a colour",
  ],
  [
    "draw_add",
    { drawing: "a", shapes: [{ shape: "circle", x: 0, y: 0, radius: 1, fill: "url(#a)" }] },
    "must be a colour",
  ],
  ["draw_add", { drawing: "a", shapes: [{ shape: "star", x: 0, y: 0 }] }, "shape"],
  ["draw_add", { drawing: "b", shapes: [{ shape: "circle", x: 0, y: 0, radius: 1 }] }, "there are a"],
  ["draw_new", { name: "a", width: 10, height: 10 }, "already"],
  ["draw_remove", { drawing: "a", shape: 1 }, "has 0 shapes"],
])("%s of %o is refused", async (name, input, message) => {
  const kit = draw();
  await ask(kit, "draw_new", { name: "a", width: 10, height: 10 });
  expect(await ask(kit, name, input)).toMatch(message);
});

test("a plot is SVG, and is in the snapshot as its numbers", async () => {
  const kit = draw();
  await ask(kit, "draw_plot", {
    name: "p <i>",
    x: "day",
    y: "cm",
    series: [
      {
        name: "s",
        points: [
          [1, 2],
          [2, 3],
        ],
      },
    ],
  });
  const { svg } = (await ask(kit, "draw_svg", { name: "p <i>" })) as { svg: string };
  expect(svg).toMatch(/^<svg/);
  expect(svg).not.toContain("<i>");
  expect(kit.snapshot().plots[0]!.series[0]!.points).toEqual([
    [1, 2],
    [2, 3],
  ]);
});
