import { embed, type RunnableModel, type Tokenizer } from "@cambium/models";
import { ndcg } from "@cambium/train";
import { matMul, type Tensor2D, tensor2d, tidy } from "@tensorflow/tfjs-core";
import type { Lookup } from "./task.ts";

const PLACES = 10;
/** Queries whose scores are in memory at once. */
const BLOCK = 128;

/** Indices of the largest scores, the largest first; of equal ones the first. */
export function best(scores: ArrayLike<number>, count = PLACES): number[] {
  const found: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    if (found.length === count && !(scores[i]! > scores[found.at(-1)!]!)) continue;
    const place = found.findIndex((other) => scores[i]! > scores[other]!);
    found.splice(place === -1 ? found.length : place, 0, i);
    if (found.length > count) found.pop();
  }
  return found;
}

/** Vectors as a matrix `[n, width]`. */
function toMatrix(vectors: readonly Float32Array[]): Tensor2D {
  const width = vectors[0]!.length;
  const values = new Float32Array(vectors.length * width);
  for (const [i, vector] of vectors.entries()) values.set(vector, i * width);
  return tensor2d(values, [vectors.length, width]);
}

/**
 * NDCG@10 of each query: all words are ordered by the cosine of their vectors with the query's.
 *
 * @param report - Called with what is done.
 */
export async function search(
  model: RunnableModel,
  tokenizer: Tokenizer,
  { queries, words, wanted }: Lookup,
  report: (line: string) => void,
): Promise<number[]> {
  report(`${words.length} words, ${queries.length} definitions`);
  const [found, asked] = [
    await embed(model, tokenizer, words, { normalise: true, batchSize: 128 }),
    await embed(model, tokenizer, queries, { normalise: true }),
  ];
  const matrix = toMatrix(found);
  const scores: number[] = [];
  for (let from = 0; from < asked.length; from += BLOCK) {
    const some = asked.slice(from, from + BLOCK);
    const cosines = tidy(() => matMul(toMatrix(some), matrix, false, true));
    const values = await cosines.data();
    cosines.dispose();
    for (const i of some.keys()) {
      const order = best(values.subarray(i * words.length, (i + 1) * words.length));
      const right = wanted[from + i]!;
      scores.push(
        ndcg(
          order.map((word) => (right.has(word) ? 1 : 0)),
          Array<number>(right.size).fill(1),
        ),
      );
    }
  }
  matrix.dispose();
  return scores;
}
