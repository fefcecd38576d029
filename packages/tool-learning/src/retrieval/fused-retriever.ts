import { ConfigError, parseConfig } from "@cambium/base";
import * as z from "zod";
import { ndcgAt, type RetrievalRow } from "./measure-retrieval.ts";
import { rank, type ScoringRetriever } from "./ranking.ts";

/** Settings of `fusedRetriever`. */
export interface FusedRetrieverOptions {
  /** Share of the dense score, from 0 (lexical only) to 1. Fit it by `fitWeight` on requests like yours. @default 0.5 */
  readonly weight?: number;
}

const schema = z.strictObject({ weight: z.number().min(0).max(1).optional() });

/** Scores between 0 and 1: divided by the highest, none below 0. */
function scaled(scores: Float64Array): Float64Array {
  let most = 0;
  for (const score of scores) if (score > most) most = score;
  return most === 0 ? scores.map(() => 0) : scores.map((score) => Math.max(0, score) / most);
}

function fuse(lexical: Float64Array, dense: Float64Array, weight: number): Float64Array {
  return lexical.map((score, i) => (1 - weight) * score + weight * dense[i]!);
}

function checkSame(caller: string, lexical: ScoringRetriever, dense: ScoringRetriever): void {
  const isSame =
    lexical.names.length === dense.names.length && lexical.names.every((name, i) => name === dense.names[i]);
  if (!isSame)
    throw new ConfigError({ message: `${caller}: both retrievers must be over the same tools in the same order` });
}

/**
 * Two retrievers as one: `(1 − weight) · lexical + weight · dense`, each scaled to at most 1 for each request. Scores are fused,
 * not ranks: fused by rank, a weak dense ranking spoils a good lexical one.
 *
 * @throws {ConfigError} When they are not over the same tools.
 */
export function fusedRetriever(
  lexical: ScoringRetriever,
  dense: ScoringRetriever,
  options: FusedRetrieverOptions = {},
): ScoringRetriever {
  parseConfig("fusedRetriever", schema, options);
  checkSame("fusedRetriever", lexical, dense);
  const { weight = 0.5 } = options;
  const scoresOf = async (query: string): Promise<Float64Array> => {
    const [words, meaning] = await Promise.all([lexical.scores(query), dense.scores(query)]);
    return fuse(scaled(words), scaled(meaning), weight);
  };
  return {
    name: `${lexical.name}+${dense.name}`,
    names: lexical.names,
    scores: scoresOf,
    search: async (query, settings = {}) => rank(lexical.names, await scoresOf(query), settings),
  };
}

/** Weights that are tried. */
const STEPS = 20;

/**
 * The weight of `fusedRetriever` with the best mean NDCG@5 on requests whose tools are known: 0, 0.05, … 1. Of equal ones the
 * smallest. Measure on other requests than these.
 *
 * @throws {ConfigError} When there are no rows, or the retrievers are not over the same tools.
 */
export async function fitWeight(
  lexical: ScoringRetriever,
  dense: ScoringRetriever,
  rows: readonly RetrievalRow[],
): Promise<number> {
  checkSame("fitWeight", lexical, dense);
  if (rows.length === 0) throw new ConfigError({ message: "fitWeight: there are no rows to fit on" });
  const sums = new Float64Array(STEPS + 1);
  for (const { query, relevant } of rows) {
    const words = scaled(await lexical.scores(query));
    const meaning = scaled(await dense.scores(query));
    for (let step = 0; step <= STEPS; step++) {
      const found = rank(lexical.names, fuse(words, meaning, step / STEPS), { count: 5 });
      sums[step]! += ndcgAt(
        found.map(({ name }) => name),
        relevant,
        5,
      );
    }
  }
  let best = 0;
  for (let step = 1; step <= STEPS; step++) if (sums[step]! > sums[best]! + 1e-9) best = step;
  return best / STEPS;
}
