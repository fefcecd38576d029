import { expect, test } from "vitest";
import { type Comparison, differences, formatFewShot, type Role } from "./few-shot-table.ts";

const names: Readonly<Record<Role, string>> = { grown: "new", shipped: "old", words: "words" };

/** Five seeds of two tasks; each role's accuracy, and a little more with each seed. */
function runs(accuracies: Readonly<Partial<Record<Role, number>>>): Comparison {
  return ["one", "two"].flatMap((task) =>
    [8, 32].flatMap((perClass) =>
      [1, 2, 3, 4, 5].flatMap((seed) =>
        Object.entries(accuracies).map(([role, accuracy]) => ({
          ...{ role: role as Role, model: names[role as Role], print: "", task, perClass, seed },
          accuracy: accuracy! + (role === "grown" ? 0.001 : 0) * seed,
        })),
      ),
    ),
  );
}

test("differences are means over the tasks, seed by seed, in points", () => {
  const points = differences(runs({ grown: 0.6, shipped: 0.5 }), "shipped", 8);
  expect(points.map((value) => Number(value.toFixed(6)))).toEqual([10.1, 10.2, 10.3, 10.4, 10.5]);
});

test("a model that is five points ahead of the shipped one and ahead of words is to replace it", () => {
  const table = formatFewShot(runs({ grown: 0.6, shipped: 0.5, words: 0.55 }));
  expect(table).toContain("against shipped, 8 a class, over all tasks: 10.3 ± 0.2 points");
  expect(table).toContain("new is to replace old");
});

test.each([
  ["four points ahead of the shipped one", { grown: 0.6, shipped: 0.563, words: 0.5 }],
  ["behind words", { grown: 0.6, shipped: 0.5, words: 0.65 }],
])("one that is %s is not", (_, accuracies) => {
  expect(formatFewShot(runs(accuracies))).toContain("new is not to replace old");
});

test("without a shipped one there is a table and no verdict", () => {
  const table = formatFewShot(runs({ grown: 0.6, words: 0.5 }));
  expect(table).toContain("| one | 60.3 ± 0.2 | 50.0 ± 0.0 | 60.3 ± 0.2 | 50.0 ± 0.0 |");
  expect(table).not.toContain("replace");
});
