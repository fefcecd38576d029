import { memory } from "@cambium/base";
import { expect, test } from "vitest";
import { type Lineage, loadLineage, pathBetween, saveLineage } from "./lineage.ts";

const kept = (model: string, steps: number, run?: string): Lineage => ({
  ...{ model, parent: "zero", corpus: "mail", steps },
  ...(run !== undefined && { run }),
});
const start: Lineage = { model: "zero", parent: null, corpus: "books", steps: 9 };

test("of two models of one run the later one descends from the earlier one, by the steps between them", () => {
  const lineages = [start, kept("early", 100, "mail, seed 1"), kept("late", 400, "mail, seed 1")];
  expect(pathBetween("early", "late", lineages)).toEqual([
    { model: "late", parent: "early", corpus: "mail", steps: 300, run: "mail, seed 1" },
  ]);
  expect(pathBetween("late", "early", lineages)).toBeUndefined();
  expect(pathBetween("zero", "late", lineages)).toEqual([lineages[2]]);
  const next: Lineage = { model: "next", parent: "late", corpus: "news", steps: 5 };
  expect(pathBetween("early", "next", [...lineages, next])).toMatchObject([
    { model: "late", parent: "early", steps: 300 },
    { model: "next", parent: "late", steps: 5 },
  ]);
});

test.each([
  ["another run", kept("early", 100, "mail, seed 2"), kept("late", 400, "mail, seed 1")],
  ["runs that are not known", kept("early", 100), kept("late", 400)],
  ["equal steps", kept("early", 400, "mail"), kept("late", 400, "mail")],
  ["another parent", { ...kept("early", 100, "mail"), parent: null }, kept("late", 400, "mail")],
])("models of %s do not descend from each other", (_, early, late) => {
  expect(pathBetween("early", "late", [start, early, late])).toBeUndefined();
});

test("the run is kept in the file, and a lineage without one is as it was", async () => {
  const files = memory();
  for (const lineage of [kept("early", 100, "mail, seed 1"), kept("early", 100)]) {
    await saveLineage(files, lineage);
    expect(await loadLineage(files)).toEqual(lineage);
  }
  await expect(saveLineage(files, { ...start, run: "" })).rejects.toMatchObject({ code: "CONFIG" });
});
