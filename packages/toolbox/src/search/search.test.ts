import { memory } from "@cambium/base";
import { callTool, toolSet } from "@cambium/tool-learning";
import { expect, test } from "vitest";
import { passagesOf } from "./passages.ts";
import { search } from "./tool.ts";

async function folder() {
  const files = memory();
  await files.write("rivers.md", `The Rhine rises in the Alps. ${"It flows north. ".repeat(80)}The Danube flows east.`);
  await files.write("bread.txt", "Rye bread keeps for a week. Dr. Oetker sells 3.5 kg flour.");
  await files.write("image.png", "not text");
  return files;
}

async function ask(kit: ReturnType<typeof search>, verb: string, input: object): Promise<unknown> {
  const outcome = await callTool(toolSet(kit).get(`search_${verb}`)!, input as never);
  return outcome.ok ? outcome.value : outcome.failure.message;
}

test("passages are whole sentences, and together they are the text", async () => {
  const text = `${"One two three. ".repeat(100)}Is 3.5 enough? "Yes!" ${"word ".repeat(2000)}`;
  const passages = passagesOf([{ id: "a", title: "a", text }]);
  expect(
    passages
      .map((passage) => passage.text)
      .join(" ")
      .replace(/\s+/g, ""),
  ).toBe(text.replace(/\s+/g, ""));
  expect(Math.max(...passages.map((passage) => passage.text.length))).toBeLessThan(2000);
  for (const { at, text: piece } of passages) expect(text.slice(at).trimStart().startsWith(piece)).toBe(true);
});

test("the passage with the words of the query comes first, and can be read where it stands", async () => {
  const kit = search({ folder: await folder() });
  const { passages } = (await ask(kit, "passages", { query: "Where does the Danube flow?" })) as {
    passages: { document: string; at: number; text: string }[];
  };
  expect(passages[0]).toMatchObject({ document: "rivers.md", text: expect.stringContaining("The Danube flows east.") });
  expect(await ask(kit, "read", { document: "rivers.md", at: passages[0]!.at })).toMatchObject({
    text: expect.stringContaining("Danube"),
  });
  expect(await ask(kit, "documents", {})).toMatchObject({ count: 2 });
});

test("a query whose words stand nowhere finds nothing", async () => {
  expect(await ask(search({ folder: await folder() }), "passages", { query: "quantum chromodynamics" })).toEqual({
    passages: [],
  });
});

test("a document that does not exist is refused with the nearest, and a folder without texts too", async () => {
  expect(await ask(search({ folder: await folder() }), "read", { document: "river.md" })).toMatch(
    'is "rivers.md" meant?',
  );
  expect(await ask(search({ folder: memory() }), "passages", { query: "x" })).toMatch("no .txt or .md file");
  expect(() => search({ folder: "texts", from: 1990 })).toThrow("leave it out with a folder");
});
