import type { FoundTool, Retriever, SearchOptions } from "./retriever.ts";

/** A retriever that scores every tool, so that others can be fused with it. */
export interface ScoringRetriever extends Retriever {
  /** Names of the tools, in the order of the scores. */
  readonly names: readonly string[];
  /** The score of each tool; 0 or less for what has nothing in common with the query. */
  scores(query: string): Float64Array | Promise<Float64Array>;
}

/** The best of scored tools, the best first; equal ones in their order, those without a positive score left out. */
export function rank(
  names: readonly string[],
  scores: Float64Array,
  { count = 5, filter }: SearchOptions,
): readonly FoundTool[] {
  const places: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    if (!(scores[i]! > 0)) continue;
    const isFull = places.length === count;
    if (isFull && scores[i]! <= scores[places[count - 1]!]!) continue;
    if (filter !== undefined && !filter(names[i]!)) continue;
    let at = places.length;
    while (at > 0 && scores[places[at - 1]!]! < scores[i]!) at -= 1;
    places.splice(at, 0, i);
    if (isFull) places.pop();
  }
  return places.map((i) => ({ name: names[i]!, score: scores[i]! }));
}
