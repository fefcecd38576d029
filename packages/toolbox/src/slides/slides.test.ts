import { callTool, toolSet } from "@cambium/tool-learning";
import { expect, test } from "vitest";
import { deckHtml } from "./html.ts";
import { slides } from "./tool.ts";

async function ask(kit: ReturnType<typeof slides>, name: string, input: object): Promise<unknown> {
  const outcome = await callTool(toolSet(kit).get(name)!, input as never);
  return outcome.ok ? outcome.value : outcome.failure.message;
}

test("slides are numbered as they stand, through adding before, moving and removing", async () => {
  const kit = slides();
  await ask(kit, "slides_new", { name: "d", title: "D" });
  for (const title of ["one", "three"]) await ask(kit, "slides_add", { deck: "d", title });
  await ask(kit, "slides_add", { deck: "d", title: "two", before: 2 });
  await ask(kit, "slides_move", { deck: "d", from: 3, to: 1 });
  await ask(kit, "slides_change", { deck: "d", number: 1, text: "x" });
  expect(await ask(kit, "slides_remove", { deck: "d", number: 2 })).toMatchObject({
    slides: [{ title: "three" }, { title: "two" }],
  });
  expect(kit.snapshot().decks[0]!.slides[0]).toMatchObject({ title: "three", text: "x", bullets: [] });
  expect(await ask(kit, "slides_add", { deck: "d", title: "t", svg: "<script>" })).toMatch("must be an SVG element");
  expect(await ask(kit, "slides_show", { deck: "d", number: 9 })).toMatch("has 2 slides");
});

test("the page holds every slide and its number, and nothing of the notes", () => {
  const slide = {
    title: "One",
    text: "First.\n\nSecond.",
    bullets: ["a", "b"],
    code: "1 < 2",
    svg: "<svg></svg>",
    notes: "hush",
  };
  const html = deckHtml({ name: "d", title: "Deck", author: "Me", theme: "dark", slides: [slide] });
  for (const part of ["<h1>Deck</h1>", "<p>First.</p>", "<p>Second.</p>", "<li>b</li>", "1 &lt; 2", "2 / 2"])
    expect(html).toContain(part);
  expect(html).toContain(`data:image/svg+xml;base64,${Buffer.from("<svg></svg>").toString("base64")}`);
  expect(html).not.toContain("hush");
});
