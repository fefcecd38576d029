import { ConfigError, parseConfig } from "@cambium/base";
import * as z from "zod";
import type { AnyTool } from "../tools/tool.ts";
import { createBm25, type IndexedText } from "./bm25.ts";
import { addGroups, groupsOf } from "./groups.ts";
import { keepHigher, needsOf } from "./needs.ts";
import { rank, type ScoringRetriever } from "./ranking.ts";
import type { FoundTool, SearchOptions } from "./retriever.ts";
import { documentOf, type ToolDocument } from "./tool-document.ts";
import { stemsOf } from "./words.ts";

/** Settings of `lexicalRetriever`. */
export interface LexicalRetrieverOptions {
  /** How much the best single sentence of a request counts beside the whole of it: a request may have several needs. @default 2 */
  readonly sentence?: number;
  /** How much the best tool of a group adds to the others of it. @default 0.5 */
  readonly group?: number;
}

const weight = z.number().min(0).max(100);
const schema = z.strictObject({ sentence: weight.optional(), group: weight.optional() });

/** A search by words: at once, without waiting. */
export interface LexicalRetriever extends ScoringRetriever {
  scores(query: string): Float64Array;
  search(query: string, options?: SearchOptions): readonly FoundTool[];
}

/** Weights of the fields. */
const NAME = 2;
const GROUP = 2;
const PARAMETER_DESCRIPTION = 0.3;

function fieldsOf({
  name,
  title = name,
  description,
  category = "",
  group = "",
  parameters = [],
  examples = [],
}: ToolDocument): readonly IndexedText[] {
  return [
    { text: title, weight: NAME },
    { text: group, weight: GROUP },
    { text: category },
    { text: description },
    ...examples.map((text) => ({ text })),
    ...parameters.flatMap((parameter) => [
      { text: parameter.name },
      { text: parameter.description ?? "", weight: PARAMETER_DESCRIPTION },
    ]),
  ];
}

/** Names, which must differ. */
export function namesOf(caller: string, documents: readonly ToolDocument[]): readonly string[] {
  const names = documents.map(({ name }) => name);
  const seen = new Set<string>();
  const twice = names.find((name) => seen.size === seen.add(name).size);
  if (twice === undefined) return names;
  throw new ConfigError({ message: `${caller}: two tools have the name "${twice}"`, name: twice });
}

/**
 * Finds tools by their words: BM25 over name, service, kind, description, parameters and examples, with names taken apart and
 * endings cut. To the score of a whole request comes that of its best sentence, and a part of that of the best tool of the same
 * service.
 *
 * @throws {ConfigError} When two tools have one name.
 * @example
 * const retriever = lexicalRetriever(tools);
 * retriever.search("how warm is it in Oslo tomorrow", { count: 3 }); // [{ name: "forecast", score: 9.1 }, …]
 */
export function lexicalRetriever(
  tools: Iterable<AnyTool | ToolDocument>,
  options: LexicalRetrieverOptions = {},
): LexicalRetriever {
  parseConfig("lexicalRetriever", schema, options);
  const { sentence = 2, group = 0.5 } = options;
  const documents = Array.from(tools, documentOf);
  const names = namesOf("lexicalRetriever", documents);
  const index = createBm25(documents.map(fieldsOf), stemsOf);
  const groups = groupsOf(documents);

  function addBestNeed(query: string, scores: Float64Array): void {
    const best = new Float64Array(index.size);
    const one = new Float64Array(index.size);
    for (const need of needsOf(query)) {
      one.fill(0);
      index.score(stemsOf(need), one);
      keepHigher(best, one);
    }
    for (let i = 0; i < best.length; i++) scores[i]! += sentence * best[i]!;
  }

  function scoresOf(query: string): Float64Array {
    const scores = new Float64Array(index.size);
    index.score(stemsOf(query), scores);
    if (sentence > 0) addBestNeed(query, scores);
    addGroups(groups, scores, group);
    return scores;
  }

  return {
    name: "lexical",
    names,
    scores: scoresOf,
    search: (query, settings = {}) => rank(names, scoresOf(query), settings),
  };
}
