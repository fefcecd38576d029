import { ConfigError } from "@cambium/base";
import type { Retriever } from "./retriever.ts";

/** A request with the tools that it needs. */
export interface RetrievalRow {
  readonly query: string;
  /** Names of the tools. At least one. */
  readonly relevant: readonly string[];
}

/** How well a retriever finds what requests need. Means over the rows, from 0 to 1. */
export interface RetrievalMeasures {
  readonly rows: number;
  readonly ndcgAt1: number;
  readonly ndcgAt5: number;
  readonly recallAt5: number;
  readonly recallAt20: number;
}

/**
 * Normalised discounted cumulative gain of the first `count` tools: `Σ relᵢ / log₂(i + 1)` over that of the best order.
 *
 * @see Järvelin and Kekäläinen 2002, Cumulated gain-based evaluation of IR techniques, §2.
 */
export function ndcgAt(found: readonly string[], relevant: readonly string[], count: number): number {
  const gain = (i: number): number => 1 / Math.log2(i + 2);
  const wanted = new Set(relevant);
  let gained = 0;
  let best = 0;
  for (let i = 0; i < count; i++) {
    if (i < found.length && wanted.has(found[i]!)) gained += gain(i);
    if (i < wanted.size) best += gain(i);
  }
  return best === 0 ? 0 : gained / best;
}

const recallAt = (found: readonly string[], relevant: readonly string[], count: number): number =>
  new Set(relevant.filter((name) => found.slice(0, count).includes(name))).size / new Set(relevant).size;

/**
 * Measures a retriever on requests whose tools are known.
 *
 * @throws {ConfigError} When there are no rows, or a row needs no tool.
 */
export async function measureRetrieval(
  retriever: Retriever,
  rows: readonly RetrievalRow[],
): Promise<RetrievalMeasures> {
  const empty = rows.findIndex(({ relevant }) => relevant.length === 0);
  if (rows.length === 0 || empty >= 0) {
    const problem = rows.length === 0 ? "there are no rows" : `row ${empty} needs no tool`;
    throw new ConfigError({ message: `measureRetrieval: ${problem}` });
  }
  let [ndcgAt1, ndcgAt5, recallAt5, recallAt20] = [0, 0, 0, 0];
  for (const { query, relevant } of rows) {
    const found = (await retriever.search(query, { count: 20 })).map(({ name }) => name);
    ndcgAt1 += ndcgAt(found, relevant, 1) / rows.length;
    ndcgAt5 += ndcgAt(found, relevant, 5) / rows.length;
    recallAt5 += recallAt(found, relevant, 5) / rows.length;
    recallAt20 += recallAt(found, relevant, 20) / rows.length;
  }
  return { rows: rows.length, ndcgAt1, ndcgAt5, recallAt5, recallAt20 };
}
