import { callTool, toolSet } from "@cambium/tool-learning";
import { expect, test } from "vitest";
import { type Film, type Recipe, sampleFilms, sampleRecipes } from "./sample.ts";
import { catalogue } from "./tool.ts";

async function ask<Result>(verb: string, input: object): Promise<Result> {
  const outcome = await callTool(toolSet(catalogue({ seed: 3 })).get(`catalogue_${verb}`)!, input as never);
  return (outcome.ok ? outcome.value : outcome.failure.message) as Result;
}

test("a recipe's diet is what its ingredients allow", () => {
  for (const { diet, ingredients } of sampleRecipes(3)) {
    const foods = ingredients.map(({ name }) => name);
    if (diet === "vegan")
      expect(
        foods.some((food) =>
          ["chicken", "beef", "salmon", "cod", "egg", "feta", "halloumi", "cream", "butter"].includes(food),
        ),
      ).toBe(false);
    if (diet === "meat") expect(foods.some((food) => ["chicken", "beef"].includes(food))).toBe(true);
  }
});

test("filters are joined, and what they find is what fits", async () => {
  const { found } = await ask<{ found: Film[] }>("films", {
    fromYear: 1990,
    toYear: 2010,
    minRating: 5,
    sort: "-rating",
  });
  const right = sampleFilms(3).filter(({ year, rating }) => year >= 1990 && year <= 2010 && rating >= 5);
  expect(found).toHaveLength(Math.min(15, right.length));
  expect(found[0]!.rating).toBe(Math.max(...right.map(({ rating }) => rating)));
});

test("amounts grow with the servings, and the recipe's own number gives its own amounts", async () => {
  const recipe = sampleRecipes(3)[0]!;
  const double = await ask<Recipe>("recipe", { id: recipe.id, servings: recipe.servings * 2 });
  expect(double.ingredients.map(({ amount }) => amount)).toEqual(recipe.ingredients.map(({ amount }) => 2 * amount));
  expect(await ask<Recipe>("recipe", { id: recipe.id })).toEqual(recipe);
});

test.each([
  ["recipes", { with: ["chiken"] }, 'is "chicken" meant?'],
  ["films", { director: "Ilse Moron" }, 'is "Ilse Maron" meant?'],
  ["films", { genre: "western" }, "genre"],
  ["recipe", { id: "r99" }, "find recipes first"],
])("%s of %o is refused", async (verb, input, message) => {
  expect(await ask<string>(verb, input)).toMatch(message);
});
