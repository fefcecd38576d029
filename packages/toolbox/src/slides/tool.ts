import * as z from "zod";
import { refuse } from "../refuse.ts";
import { makeToolkit, type Toolkit } from "../toolkit.ts";
import { type Deck, deckHtml, type Slide } from "./html.ts";

/** All decks. */
export type SlidesState = { decks: Deck[] };

const MOST_DECKS = 20;
const MOST_SLIDES = 100;

const title = z.string().trim().min(1).max(150);
const long = z.string().max(5000);
const bullets = z.array(z.string().trim().min(1).max(300)).max(15);
const svg = z.string().max(300_000);
const name = z.string().trim().min(1).max(60).describe("Name of the deck.");
const theme = z.enum(["light", "dark"]);
const number = z.int().min(1).max(MOST_SLIDES).describe("Number of the slide, from 1, the title page not counted.");

const slideSchema = z.strictObject({ title, text: long, bullets, code: long, svg, notes: long });
const stateSchema = z.strictObject({
  decks: z
    .array(
      z.strictObject({
        name,
        title,
        author: z.string().max(100),
        theme,
        slides: z.array(slideSchema).max(MOST_SLIDES),
      }),
    )
    .max(MOST_DECKS),
});

const content = {
  text: long.optional().describe("Paragraphs, with an empty line between them."),
  bullets: bullets.optional(),
  code: long.optional().describe("A program, shown as it is."),
  svg: svg
    .regex(/^\s*<svg[\s>]/, "must be an SVG element")
    .optional()
    .describe("A picture as SVG text."),
  notes: long.optional().describe("For the speaker; not shown."),
};

const find = ({ decks }: SlidesState, name: string): Deck =>
  decks.find((deck) => deck.name === name) ??
  refuse(
    `no deck "${name}"; ${decks.length === 0 ? "make one first" : `there are ${decks.map((deck) => deck.name).join(", ")}`}`,
  );

function slideAt({ slides }: Deck, number: number): Slide {
  return slides[number - 1] ?? refuse(`the deck has ${slides.length} slides`);
}

const outline = ({ name, title, slides }: Deck): object => ({
  name,
  title,
  slides: slides.map((slide, i) => ({ number: i + 1, title: slide.title })),
});

/** Slides with titles, paragraphs, bullets, code and pictures, as one HTML file. */
export function slides(): Toolkit<SlidesState> {
  return makeToolkit<SlidesState>({
    id: "slides",
    about: "Makes slides and gives them as one HTML file.",
    state: { decks: [] },
    schema: stateSchema,
    tools: (define) => [
      define({
        verb: "new",
        description: "Begins a deck of slides with a title page.",
        input: z.strictObject({
          name,
          title,
          author: z.string().trim().max(100).optional(),
          theme: theme.optional().describe('@default "light"'),
        }),
        effects: "writes",
        run({ name, title, author = "", theme = "light" }, state) {
          if (state.decks.some((deck) => deck.name === name)) refuse(`there is a deck "${name}" already`);
          if (state.decks.length >= MOST_DECKS) refuse(`there are ${MOST_DECKS} decks, which are the most`);
          state.decks.push({ name, title, author, theme, slides: [] });
          return { name };
        },
      }),
      define({
        verb: "add",
        description: "Adds a slide to a deck, at its end or before the slide of a number.",
        input: z.strictObject({ deck: name, title, ...content, before: number.optional() }),
        effects: "writes",
        run({ deck, before, title, text = "", bullets = [], code = "", svg = "", notes = "" }, state) {
          const found = find(state, deck);
          if (found.slides.length >= MOST_SLIDES) refuse(`a deck has at most ${MOST_SLIDES} slides`);
          if (before !== undefined) slideAt(found, before);
          found.slides.splice((before ?? found.slides.length + 1) - 1, 0, { title, text, bullets, code, svg, notes });
          return outline(found);
        },
      }),
      define({
        verb: "change",
        description: "Changes what is given of a slide, and leaves the rest as it is.",
        input: z.strictObject({ deck: name, number, title: title.optional(), ...content }),
        effects: "writes",
        idempotent: true,
        run({ deck, number, ...changes }, state) {
          const slide = slideAt(find(state, deck), number);
          Object.assign(slide, Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)));
          return { number, title: slide.title };
        },
      }),
      define({
        verb: "remove",
        description: "Removes a slide; the numbers of those after it become one less.",
        input: z.strictObject({ deck: name, number }),
        effects: "destroys",
        run({ deck, number }, state) {
          const found = find(state, deck);
          slideAt(found, number);
          found.slides.splice(number - 1, 1);
          return outline(found);
        },
      }),
      define({
        verb: "move",
        description: "Moves a slide to another place in its deck.",
        input: z.strictObject({ deck: name, from: number, to: number }),
        effects: "writes",
        run({ deck, from, to }, state) {
          const found = find(state, deck);
          slideAt(found, from);
          slideAt(found, to);
          found.slides.splice(to - 1, 0, ...found.slides.splice(from - 1, 1));
          return outline(found);
        },
      }),
      define({
        verb: "show",
        description: "Shows the outline of a deck, or all of one slide.",
        input: z.strictObject({ deck: name, number: number.optional() }),
        effects: "reads",
        run: ({ deck, number }, state) =>
          number === undefined ? outline(find(state, deck)) : slideAt(find(state, deck), number),
      }),
      define({
        verb: "html",
        description: "Gives a deck as the text of one HTML file that opens offline.",
        input: z.strictObject({ deck: name }),
        effects: "reads",
        run: ({ deck }, state) => ({ html: deckHtml(find(state, deck)) }),
      }),
    ],
  });
}
