import { makeCard, type ToolCard } from "../card.ts";
import { givesNumber } from "../checks.ts";
import type { FullSetup } from "../setup.ts";
import type { Deck } from "./html.ts";
import type { SlidesState } from "./tool.ts";

const TOPICS: readonly (readonly [
  name: string,
  title: string,
  sections: readonly string[],
  points: readonly string[],
])[] = [
  [
    "bees",
    "Keeping bees",
    ["The hive", "Spring work", "Honey harvest", "Winter rest"],
    ["Wear a veil", "Open the hive slowly", "Check for mites", "Leave enough honey"],
  ],
  [
    "bread",
    "Baking bread",
    ["Flour and water", "The sourdough", "Kneading", "The oven"],
    ["Feed it daily", "Weigh everything", "Let it rest", "Bake hot"],
  ],
  [
    "tides",
    "How tides work",
    ["Moon and sun", "Spring tides", "Neap tides", "Tide tables"],
    ["Two highs a day", "Ranges differ", "Wind matters", "Read the table"],
  ],
  [
    "chess",
    "A first chess lesson",
    ["The board", "The pieces", "Check and mate", "Openings"],
    ["Control the centre", "Develop early", "Castle soon", "Think twice"],
  ],
];

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const only = (state: unknown, name: string): Deck | undefined => {
  const { decks } = state as SlidesState;
  return decks.length === 1 && decks[0]!.name.toLowerCase() === name ? decks[0] : undefined;
};

/** Instructions for `slides`. */
export function slidesCard(setup: FullSetup, each: number): ToolCard {
  return makeCard("slides", setup, each, {
    outline(random) {
      const [name, title, sections] = random.pick(TOPICS);
      const chosen = random.sample(sections, 3);
      return {
        instruction: `Make a deck of slides called "${name}" with the title "${title}" and three slides in this order: "${chosen.join('", "')}".`,
        async expert(call) {
          await call("slides_new", { name, title });
          for (const section of chosen) await call("slides_add", { deck: name, title: section });
          return "The slides are ready.";
        },
        succeeds({ state }) {
          const deck = only(state, name);
          return (
            deck?.title === title &&
            same(
              deck.slides.map((slide) => slide.title),
              chosen,
            )
          );
        },
      };
    },
    bullets(random) {
      const [name, title, sections, points] = random.pick(TOPICS);
      const [section, chosen] = [random.pick(sections), random.sample(points, random.integer(2, 3))];
      return {
        instruction: `Start a deck "${name}" titled "${title}" with one slide "${section}" that has these bullets: ${chosen.join("; ")}.`,
        async expert(call) {
          await call("slides_new", { name, title });
          await call("slides_add", { deck: name, title: section, bullets: chosen });
          return "The slide is ready.";
        },
        succeeds({ state }) {
          const deck = only(state, name);
          return (
            deck?.title === title &&
            deck.slides.length === 1 &&
            deck.slides[0]!.title === section &&
            same(deck.slides[0]!.bullets, chosen)
          );
        },
      };
    },
    theme(random) {
      const [name, title, [section]] = random.pick(TOPICS);
      const author = random.pick(["Nora Byrne", "Jakob Weiss", "Priya Raman"]);
      return {
        instruction: `I need dark slides called "${name}", titled "${title}", by ${author}, with a single slide "${section}".`,
        async expert(call) {
          await call("slides_new", { name, title, author, theme: "dark" });
          await call("slides_add", { deck: name, title: section! });
          return "The dark deck is ready.";
        },
        succeeds({ state }) {
          const deck = only(state, name);
          return (
            deck?.title === title &&
            deck.author === author &&
            deck.theme === "dark" &&
            same(
              deck.slides.map((slide) => slide.title),
              [section],
            )
          );
        },
      };
    },
    code(random) {
      const [name, code] = random.pick([
        ["loops", "for (const n of [1, 2, 3]) console.log(n);"],
        ["hello", 'console.log("hello");'],
        ["sums", "const sum = 1 + 2;"],
      ] as const);
      const title = random.pick(["JavaScript in ten minutes", "First programs", "Code by example"]);
      return {
        instruction: `Make a deck "${name}" titled "${title}" with a slide "Example" that shows this program: ${code}`,
        async expert(call) {
          await call("slides_new", { name, title });
          await call("slides_add", { deck: name, title: "Example", code });
          return "The program is on the slide.";
        },
        succeeds({ state }) {
          const deck = only(state, name);
          return (
            deck?.title === title &&
            deck.slides.length === 1 &&
            deck.slides[0]!.title === "Example" &&
            deck.slides[0]!.code.trim() === code
          );
        },
      };
    },
    reorder(random) {
      const [name, title, sections] = random.pick(TOPICS);
      const at = random.integer(2, 4);
      const moved = [sections[at - 1]!, ...sections.filter((_, i) => i !== at - 1)];
      const instruction = `Make a deck "${name}" titled "${title}" with the slides "${sections.join('", "')}". Then move "${sections[at - 1]}" to the front. Which number does "${sections[0]}" have then?`;
      return {
        instruction,
        async expert(call) {
          await call("slides_new", { name, title });
          for (const section of sections) await call("slides_add", { deck: name, title: section });
          await call("slides_move", { deck: name, from: at, to: 1 });
          return `"${sections[0]}" is number 2.`;
        },
        succeeds: ({ answer, state }) =>
          same(
            only(state, name)?.slides.map((slide) => slide.title),
            moved,
          ) && givesNumber(answer, 2, { instruction }),
      };
    },
  });
}
