import { makeCard, type ToolCard } from "../card.ts";
import { givesNumber, mentions, names } from "../checks.ts";
import type { FullSetup } from "../setup.ts";
import { related } from "./graph.ts";
import { openWordNet } from "./wordnet.ts";

interface Shown {
  readonly id: string;
  readonly words: readonly string[];
}

const COMMON: readonly (readonly [a: string, b: string, kind: string])[] = [
  ["trumpet", "flute", "wind instrument"],
  ["car", "bicycle", "wheeled vehicle"],
  ["violin", "guitar", "stringed instrument"],
  ["apple", "pear", "edible fruit"],
  ["eagle", "penguin", "bird"],
  ["boat", "airplane", "craft"],
  ["doctor", "lawyer", "professional"],
];

const OPPOSITES: readonly (readonly [word: string, sense: string, ...right: string[]])[] = [
  ["scarce", "scarce.a.1", "abundant"],
  ["victory", "victory.n.1", "defeat", "licking"],
  ["to ascend", "ascend.v.1", "descend", "fall", "go down", "come down"],
  ["generous", "generous.a.1", "stingy", "ungenerous"],
  ["to arrive", "arrive.v.1", "leave", "go forth", "go away"],
  ["hot", "hot.a.1", "cold"],
];

const IS_A: readonly (readonly [thing: string, kind: string, isA: boolean])[] = [
  ["whale", "mammal", true],
  ["violin", "wind instrument", false],
  ["spider", "insect", false],
  ["penguin", "bird", true],
  ["salmon", "fish", true],
  ["koala", "bear", false],
  ["harmonica", "wind instrument", true],
];

/** The word with its article. */
const article = (word: string): string => `${/^[aeio]/.test(word) ? "an" : "a"} ${word}`;

/** Counted in the index of WordNet 3.1. */
const SENSES: readonly (readonly [word: string, count: number])[] = [
  ["bank", 10],
  ["spring", 6],
  ["bow", 9],
  ["crane", 5],
  ["star", 8],
  ["chair", 5],
  ["table", 6],
];

const WHOLES: readonly string[] = ["bicycle", "face", "shoe", "tree", "car", "ship"];

/** Instructions for `knowledge`. */
export async function knowledgeCard(setup: FullSetup, each: number): Promise<ToolCard> {
  const net = await openWordNet();
  return makeCard("knowledge", setup, each, {
    common(random) {
      const [a, b, kind] = random.pick(COMMON);
      return {
        instruction: random.pick([
          `According to WordNet, what is the nearest kind of thing that ${article(a)} and ${article(b)} both are?`,
          `Which is the closest term of WordNet above both "${a}" and "${b}"?`,
        ]),
        expert: async (call) =>
          `Both are a kind of ${(await call<{ common: Shown }>("knowledge_common", { first: a, second: b })).common.words[0]}.`,
        succeeds: ({ answer }) =>
          names(
            answer,
            [kind],
            COMMON.map(([, , other]) => other),
          ),
      };
    },
    opposite(random) {
      const [word, sense, ...right] = random.pick(OPPOSITES);
      return {
        instruction: `What does WordNet give as the opposite of "${word}"? One word is enough.`,
        async expert(call) {
          const { senses } = await call<{ senses: Shown[] }>("knowledge_senses", { word: word.replace("to ", "") });
          const { id } = senses.find(({ id }) => id === sense)!;
          const { found } = await call<{ found: Shown[] }>("knowledge_related", { sense: id, relation: "opposites" });
          return `The opposite is "${found[0]!.words[0]}".`;
        },
        succeeds: ({ answer }) => right.some((opposite) => mentions(answer, opposite)),
      };
    },
    isA(random) {
      const [thing, kind, isA] = random.pick(IS_A);
      return {
        instruction: `Is ${article(thing)} a kind of ${kind} according to WordNet? Answer yes or no.`,
        expert: async (call) =>
          (await call<{ isA: boolean }>("knowledge_is_a", { thing, kind })).isA ? "Yes." : "No.",
        succeeds: ({ answer }) => names(answer, [isA ? "yes" : "no"], ["yes", "no"]),
      };
    },
    senses(random) {
      const [word, count] = random.pick(SENSES);
      const instruction = `How many senses does the noun "${word}" have in WordNet?`;
      return {
        instruction,
        expert: async (call) =>
          `It has ${(await call<{ count: number }>("knowledge_senses", { word, part: "noun" })).count} senses.`,
        succeeds: ({ answer }) => givesNumber(answer, count, { instruction }),
      };
    },
    parts(random) {
      const whole = random.pick(WHOLES);
      const parts = related(net, net.senses(whole, "noun")[0]!, "parts").map(({ words }) => words);
      return {
        instruction: `Name three parts of ${article(whole)} that WordNet lists.`,
        async expert(call) {
          const { found } = await call<{ found: Shown[] }>("knowledge_related", {
            sense: `${whole}.n.1`,
            relation: "parts",
          });
          return `${found
            .slice(0, 3)
            .map(({ words }) => words[0])
            .join(", ")}.`;
        },
        succeeds: ({ answer }) => parts.filter((words) => words.some((word) => mentions(answer, word))).length >= 3,
      };
    },
  });
}
