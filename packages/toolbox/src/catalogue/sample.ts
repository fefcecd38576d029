import { seeded } from "../random.ts";

/** An ingredient, for the recipe's own number of servings. */
export interface Ingredient {
  readonly name: string;
  readonly amount: number;
  readonly unit: string;
}

/** A recipe. */
export interface Recipe {
  readonly id: string;
  readonly name: string;
  readonly course: string;
  readonly diet: "meat" | "fish" | "vegetarian" | "vegan";
  readonly minutes: number;
  readonly servings: number;
  /** Per serving. */
  readonly kcal: number;
  readonly ingredients: readonly Ingredient[];
  readonly steps: readonly string[];
}

/** A film. */
export interface Film {
  readonly id: string;
  readonly title: string;
  readonly year: number;
  readonly genre: string;
  readonly director: string;
  readonly cast: readonly string[];
  readonly minutes: number;
  /** From 1 to 10. */
  readonly rating: number;
  readonly language: string;
}

type Food = readonly [name: string, unit: string, amount: number, diet: Recipe["diet"]];

const MAIN: readonly Food[] = [
  ["chicken", "g", 600, "meat"],
  ["beef", "g", 500, "meat"],
  ["salmon", "g", 500, "fish"],
  ["cod", "g", 600, "fish"],
  ["halloumi", "g", 300, "vegetarian"],
  ["egg", "pieces", 6, "vegetarian"],
  ["feta", "g", 200, "vegetarian"],
  ["lentils", "g", 300, "vegan"],
  ["chickpeas", "g", 400, "vegan"],
  ["tofu", "g", 400, "vegan"],
  ["mushrooms", "g", 400, "vegan"],
];
const MORE: readonly Food[] = [
  ["potatoes", "g", 800, "vegan"],
  ["rice", "g", 300, "vegan"],
  ["pasta", "g", 400, "vegan"],
  ["tomatoes", "g", 500, "vegan"],
  ["spinach", "g", 250, "vegan"],
  ["carrots", "g", 300, "vegan"],
  ["leek", "pieces", 2, "vegan"],
  ["coconut milk", "ml", 400, "vegan"],
  ["cream", "ml", 200, "vegetarian"],
  ["butter", "g", 50, "vegetarian"],
  ["onion", "pieces", 2, "vegan"],
  ["garlic", "cloves", 3, "vegan"],
  ["lemon", "pieces", 1, "vegan"],
  ["peanuts", "g", 80, "vegan"],
];
export const COURSES: readonly string[] = ["soup", "stew", "bake", "salad", "curry", "pie"];
export const DIETS: readonly Recipe["diet"][] = ["meat", "fish", "vegetarian", "vegan"];
const MANNERS = ["Grandmother's", "Quick", "Sunday", "Harbour", "Autumn", "Market"];

/** The recipes of a seed, forty of them. */
export function sampleRecipes(seed: number): Recipe[] {
  const random = seeded(seed, "recipes");
  const names = new Set<string>();
  const found: Recipe[] = [];
  while (found.length < 40) {
    const [main, course, manner] = [random.pick(MAIN), random.pick(COURSES), random.pick(MANNERS)];
    const name = `${manner} ${main[0]} ${course}`;
    if (names.has(name)) continue;
    names.add(name);
    const foods = [main, ...random.sample(MORE, random.integer(3, 6))];
    const diet = DIETS[Math.min(...foods.map((food) => DIETS.indexOf(food[3])))]!;
    found.push({
      id: `r${found.length + 1}`,
      name,
      course,
      diet,
      minutes: random.integer(3, 18) * 5,
      servings: random.pick([2, 4, 6]),
      kcal: random.integer(25, 90) * 10,
      ingredients: foods.map(([name, unit, amount]) => ({ name, unit, amount })),
      steps: [
        `Prepare the ${foods.map(([name]) => name).join(", ")}.`,
        `Cook the ${main[0]} first, then add the rest.`,
        "Season and serve.",
      ],
    });
  }
  return found;
}

const NOUNS = [
  "River",
  "Garden",
  "Machine",
  "Letter",
  "Winter",
  "Island",
  "Mirror",
  "Station",
  "Orchard",
  "Signal",
  "Harbour",
  "Clock",
];
const ADJECTIVES = [
  "Silent",
  "Last",
  "Golden",
  "Broken",
  "Distant",
  "Hidden",
  "Second",
  "Burning",
  "Paper",
  "Northern",
];
export const GENRES: readonly string[] = ["drama", "comedy", "thriller", "science fiction", "documentary", "animation"];
const PEOPLE = [
  "Ilse Maron",
  "Teo Varga",
  "Amara Nwosu",
  "Henrik Dahl",
  "Lucia Prado",
  "Kenji Mori",
  "Salma Rahal",
  "Owen Pryce",
  "Anouk Leroy",
  "Dmitri Volkov",
];

/** The films of a seed, sixty of them, none of which exists. */
export function sampleFilms(seed: number): Film[] {
  const random = seeded(seed, "films");
  const titles = random.sample(
    ADJECTIVES.flatMap((adjective) => NOUNS.map((noun) => `The ${adjective} ${noun}`)),
    60,
  );
  return titles.map((title, i) => {
    const [director, ...cast] = random.sample(PEOPLE, 4) as [string, ...string[]];
    return {
      id: `f${i + 1}`,
      title,
      year: random.integer(1965, 2025),
      genre: random.pick(GENRES),
      director,
      cast,
      minutes: random.integer(72, 190),
      rating: random.integer(30, 95) / 10,
      language: random.pick(["English", "French", "German", "Japanese", "Spanish"]),
    };
  });
}
