import { makeCard, type ToolCard } from "../card.ts";
import { givesNumber, names } from "../checks.ts";
import { onlyLargest, until } from "../random.ts";
import type { FullSetup } from "../setup.ts";
import { type Film, GENRES, type Recipe, sampleFilms, sampleRecipes } from "./sample.ts";

interface Found<Item> {
  readonly count: number;
  readonly found: readonly Item[];
}

/** Instructions for `catalogue` of the same seed. */
export function catalogueCard(setup: FullSetup, each: number): ToolCard {
  const [recipes, films] = [sampleRecipes(setup.seed), sampleFilms(setup.seed)];
  const titles = films.map(({ title }) => title);
  const has = (recipe: Recipe, food: string): boolean => recipe.ingredients.some(({ name }) => name === food);
  const foods = [...new Set(recipes.flatMap(({ ingredients }) => ingredients.map(({ name }) => name)))];
  return makeCard("catalogue", setup, each, {
    scale(random) {
      const recipe = random.pick(recipes);
      const [ingredient, servings] = [
        random.pick(recipe.ingredients),
        until(
          () => random.integer(3, 12),
          (count) => count !== recipe.servings,
        ),
      ];
      const instruction = `Which amount of ${ingredient.name}, in ${ingredient.unit}, do I need for ${servings} servings of "${recipe.name}"?`;
      return {
        instruction,
        async expert(call) {
          const { found } = await call<Found<Recipe>>("catalogue_recipes", { name: recipe.name });
          const { ingredients } = await call<Recipe>("catalogue_recipe", {
            id: found.find(({ name }) => name === recipe.name)!.id,
            servings,
          });
          return `You need ${ingredients.find(({ name }) => name === ingredient.name)!.amount} ${ingredient.unit}.`;
        },
        succeeds: ({ answer }) =>
          givesNumber(answer, (ingredient.amount * servings) / recipe.servings, { instruction, tolerance: 0.0051 }),
      };
    },
    quickest(random) {
      const fits = (food: string, without: string): Recipe[] =>
        recipes.filter((recipe) => has(recipe, food) && !has(recipe, without));
      const [food, without] = until(
        () => random.sample(foods, 2) as [string, string],
        ([food, without]) =>
          fits(food, without).length > 1 && onlyLargest(fits(food, without), ({ minutes }) => -minutes) !== undefined,
      );
      const right = onlyLargest(fits(food, without), ({ minutes }) => -minutes)!;
      return {
        instruction: `Which recipe with ${food} and without ${without} is ready soonest?`,
        async expert(call) {
          const { found } = await call<Found<Recipe>>("catalogue_recipes", {
            with: [food],
            without: [without],
            sort: "minutes",
            limit: 1,
          });
          return `"${found[0]!.name}".`;
        },
        succeeds: ({ answer }) =>
          names(
            answer,
            [right.name],
            recipes.map(({ name }) => name),
          ),
      };
    },
    diet(random) {
      const [minutes, diet] = [random.integer(5, 14) * 5, random.pick(["vegan", "vegetarian"] as const)];
      const count = recipes.filter(
        (recipe) => recipe.minutes <= minutes && (recipe.diet === "vegan" || recipe.diet === diet),
      ).length;
      const instruction = `How many ${diet} recipes are there that take at most ${minutes} minutes?${diet === "vegetarian" ? " Vegan ones are vegetarian too." : ""}`;
      return {
        instruction,
        expert: async (call) =>
          `There are ${(await call<Found<Recipe>>("catalogue_recipes", { diet, maxMinutes: minutes })).count}.`,
        succeeds: ({ answer }) => givesNumber(answer, count, { instruction }),
      };
    },
    best(random) {
      const fits = (genre: string, year: number): Film[] =>
        films.filter((film) => film.genre === genre && film.year >= year);
      const [genre, year] = until(
        () => [random.pick(GENRES), random.integer(1970, 2010)] as const,
        ([genre, year]) =>
          fits(genre, year).length > 1 && onlyLargest(fits(genre, year), ({ rating }) => rating) !== undefined,
      );
      return {
        instruction: `What is the best rated film of the genre ${genre} since ${year}?`,
        async expert(call) {
          const { found } = await call<Found<Film>>("catalogue_films", {
            genre,
            fromYear: year,
            sort: "-rating",
            limit: 1,
          });
          return `"${found[0]!.title}".`;
        },
        succeeds: ({ answer }) =>
          names(answer, [onlyLargest(fits(genre, year), ({ rating }) => rating)!.title], titles),
      };
    },
    director(random) {
      const film = random.pick(films);
      return {
        instruction: `Who directed the film "${film.title}"?`,
        async expert(call) {
          const { found } = await call<Found<Film>>("catalogue_films", { title: film.title });
          return `${found[0]!.director}.`;
        },
        succeeds: ({ answer }) =>
          names(
            answer,
            [film.director],
            films.map(({ director }) => director),
          ),
      };
    },
  });
}
