import { checkOptions, nearest } from "@cambium/base";
import type { AnyTool } from "@cambium/tool-learning";
import * as z from "zod";
import { refuse } from "../refuse.ts";
import { fullSetup, type Setup } from "../setup.ts";
import { type Define, makeToolkit, type Toolkit } from "../toolkit.ts";
import { COURSES, DIETS, type Film, GENRES, type Recipe, sampleFilms, sampleRecipes } from "./sample.ts";

/** Options of `catalogue`. */
export interface CatalogueOptions extends Pick<Setup, "seed"> {
  /** @default made up from the seed */
  readonly recipes?: readonly Recipe[];
  /** @default made up from the seed */
  readonly films?: readonly Film[];
}

const MOST_SHOWN = 15;

const text = z.string().trim().min(1).max(80);
const limit = z.int().min(1).max(MOST_SHOWN).optional().describe(`Most that are shown. @default ${MOST_SHOWN}`);
const year = z.int().min(1800).max(2200);

/** Whether a name is, but for case, among those that there are; what does not exist at all is refused. */
function knownName(what: string, name: string, all: readonly string[]): string {
  const names = [...new Set(all)];
  const found = names.find((other) => other.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  const close = nearest(name, names);
  return refuse(
    `no ${what} "${name}"${close === undefined ? `; there are ${names.slice(0, 20).join(", ")}` : `; is "${close}" meant?`}`,
  );
}

function ranked<Item>(
  list: readonly Item[],
  sort: string | undefined,
  limit: number,
  show: (item: Item) => object,
): object {
  const [key, sign] = sort === undefined ? [undefined, 1] : sort.startsWith("-") ? [sort.slice(1), -1] : [sort, 1];
  const value = (item: Item): number => (item as Readonly<Record<string, number>>)[key!]!;
  const sorted = key === undefined ? list : [...list].sort((a, b) => sign * (value(a) - value(b)));
  return { count: list.length, found: sorted.slice(0, limit).map(show) };
}

function recipeTools(define: Define<null>, recipes: readonly Recipe[]): AnyTool[] {
  const foods = recipes.flatMap(({ ingredients }) => ingredients.map(({ name }) => name));
  return [
    define({
      verb: "recipes",
      description: `Finds recipes that fit all filters: name, course, diet, time, energy, number of servings, and main ingredients with it or without it. Diets are ${DIETS.join(", ")}; vegetarian includes vegan.`,
      input: z.strictObject({
        name: text.optional().describe("Words of the name."),
        course: z.enum(COURSES as [string, ...string[]]).optional(),
        diet: z.enum(DIETS as [Recipe["diet"], ...Recipe["diet"][]]).optional(),
        with: z.array(text).max(10).optional().describe("Ingredients that must be in it."),
        without: z.array(text).max(10).optional().describe("Ingredients that must not be in it."),
        maxMinutes: z.int().min(1).optional(),
        maxKcal: z.int().min(1).optional().describe("Per serving."),
        sort: z.enum(["minutes", "-minutes", "kcal", "-kcal"]).optional().describe('Order; "-" begins with the most.'),
        limit,
      }),
      effects: "none",
      run({
        name = "",
        course,
        diet,
        with: wanted = [],
        without = [],
        maxMinutes = Number.POSITIVE_INFINITY,
        maxKcal = Number.POSITIVE_INFINITY,
        sort,
        limit = MOST_SHOWN,
      }) {
        const [some, none] = [wanted, without].map((list) => list.map((food) => knownName("ingredient", food, foods)));
        const has = ({ ingredients }: Recipe, food: string): boolean =>
          ingredients.some((ingredient) => ingredient.name === food);
        const words = name.toLowerCase().split(/\s+/).filter(Boolean);
        const found = recipes
          .filter(
            (recipe) =>
              words.every((word) => recipe.name.toLowerCase().includes(word)) &&
              (course === undefined || recipe.course === course),
          )
          .filter(
            (recipe) =>
              diet === undefined || recipe.diet === diet || (diet === "vegetarian" && recipe.diet === "vegan"),
          )
          .filter((recipe) => some!.every((food) => has(recipe, food)) && !none!.some((food) => has(recipe, food)))
          .filter((recipe) => recipe.minutes <= maxMinutes && recipe.kcal <= maxKcal);
        return ranked(found, sort, limit, ({ id, name, course, diet, minutes, kcal, servings }) => ({
          id,
          name,
          course,
          diet,
          minutes,
          kcal,
          servings,
        }));
      },
    }),
    define({
      verb: "recipe",
      description: "Shows a recipe with its ingredients, for its own or another number of servings, and its steps.",
      input: z.strictObject({ id: z.string().max(20), servings: z.int().min(1).max(100).optional() }),
      effects: "none",
      run({ id, servings }) {
        const recipe = recipes.find((other) => other.id === id) ?? refuse(`no recipe "${id}"; find recipes first`);
        const factor = (servings ?? recipe.servings) / recipe.servings;
        return {
          ...recipe,
          servings: servings ?? recipe.servings,
          ingredients: recipe.ingredients.map(({ amount, ...rest }) => ({
            ...rest,
            amount: Math.round(amount * factor * 100) / 100,
          })),
        };
      },
    }),
  ];
}

function filmTools(define: Define<null>, films: readonly Film[]): AnyTool[] {
  return [
    define({
      verb: "films",
      description:
        "Finds films that fit all filters: title, genre, director, somebody of the cast, language, years, rating (1 to 10), and length.",
      input: z.strictObject({
        title: text.optional().describe("Words of the title."),
        genre: z.enum(GENRES as [string, ...string[]]).optional(),
        director: text.optional(),
        actor: text.optional(),
        language: text.optional(),
        fromYear: year.optional(),
        toYear: year.optional(),
        minRating: z.number().min(0).max(10).optional(),
        maxMinutes: z.int().min(1).optional(),
        sort: z
          .enum(["year", "-year", "rating", "-rating", "minutes", "-minutes"])
          .optional()
          .describe('Order; "-" begins with the most.'),
        limit,
      }),
      effects: "none",
      run({
        title = "",
        genre,
        director,
        actor,
        language,
        fromYear = 0,
        toYear = 9999,
        minRating = 0,
        maxMinutes = Number.POSITIVE_INFINITY,
        sort,
        limit = MOST_SHOWN,
      }) {
        const made =
          director &&
          knownName(
            "director",
            director,
            films.map((film) => film.director),
          );
        const played =
          actor &&
          knownName(
            "actor",
            actor,
            films.flatMap(({ cast }) => cast),
          );
        const spoken =
          language &&
          knownName(
            "language",
            language,
            films.map((film) => film.language),
          );
        const words = title.toLowerCase().split(/\s+/).filter(Boolean);
        const found = films
          .filter(
            (film) =>
              words.every((word) => film.title.toLowerCase().includes(word)) &&
              (genre === undefined || film.genre === genre),
          )
          .filter(
            (film) =>
              (made === undefined || film.director === made) &&
              (played === undefined || film.cast.includes(played)) &&
              (spoken === undefined || film.language === spoken),
          )
          .filter(
            (film) =>
              film.year >= fromYear && film.year <= toYear && film.rating >= minRating && film.minutes <= maxMinutes,
          );
        return ranked(found, sort, limit, (film) => film);
      },
    }),
  ];
}

/** Recipes and films with filters: made up from a seed, or yours. */
export function catalogue(options: CatalogueOptions = {}): Toolkit<null> {
  checkOptions("catalogue", options, ["seed", "recipes", "films"]);
  const { recipes, films, ...given } = options;
  const { seed } = fullSetup("catalogue", given);
  return makeToolkit({
    id: "catalogue",
    about: "Finds recipes and films by what they should be like.",
    state: null,
    schema: z.null(),
    tools: (define) => [
      ...recipeTools(define, recipes ?? sampleRecipes(seed)),
      ...filmTools(define, films ?? sampleFilms(seed)),
    ],
  });
}
