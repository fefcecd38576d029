/**
 * What is done to a row of scores before an id is drawn from it. Each function changes the row in place, as transformers'
 * processors of the same purpose do; a token that is ruled out has −∞.
 */
import { StateError } from "@cambium/base";

/** How ids that occurred before are held back. */
export interface Penalties {
  readonly repetitionPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly noRepeatNgram: number;
}

/** What is drawn from. */
export interface Sampling {
  readonly temperature: number;
  readonly topK: number | undefined;
  readonly topP: number;
  readonly minP: number;
}

/**
 * The best score, and its place: the first of several.
 *
 * @throws {StateError} When a score is NaN or ∞, or every one is −∞.
 */
export function bestOf(
  caller: string,
  scores: Float32Array,
  step: number,
): { readonly id: number; readonly score: number } {
  let id = -1;
  let score = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < scores.length; i++) {
    const each = scores[i]!;
    if (each > score) {
      score = each;
      id = i;
    } else if (Number.isNaN(each)) {
      score = each;
      id = i;
      break;
    }
  }
  if (Number.isFinite(score)) return { id, score };
  throw new StateError({
    message: `${caller}: at step ${step} ${id === -1 ? "every token is ruled out" : `the score of token ${id} is ${score}`}; look for weights or a delta that went wrong`,
    step,
  });
}

/** `log Σ exp(score)`, in nats. */
export function logSumExp(scores: Float32Array, best: number): number {
  let sum = 0;
  for (let i = 0; i < scores.length; i++) sum += Math.exp(scores[i]! - best);
  return best + Math.log(sum);
}

/**
 * Penalties on ids that occurred, in this order: repetition (Keskar et al. 2019, CTRL, arXiv:1909.05858, section 4.1: scores above 0
 * are divided, those below multiplied; of the prompt's ids as well), presence and frequency (once and by the count subtracted; of
 * generated ids alone), and ids that would complete an n-gram that occurred.
 *
 * @param ids - The prompt's ids and what was generated.
 * @param from - Where the generated ones begin.
 */
export function penalise(scores: Float32Array, ids: readonly number[], from: number, penalties: Penalties): void {
  const { repetitionPenalty, presencePenalty, frequencyPenalty, noRepeatNgram } = penalties;
  if (repetitionPenalty !== 1) {
    for (const id of new Set(ids)) {
      const score = scores[id]!;
      const held = score < 0 ? score * repetitionPenalty : score / repetitionPenalty;
      scores[id] = Math.min(LARGEST, held);
    }
  }
  if (presencePenalty !== 0 || frequencyPenalty !== 0) {
    const counts = new Map<number, number>();
    for (let i = from; i < ids.length; i++) counts.set(ids[i]!, (counts.get(ids[i]!) ?? 0) + 1);
    for (const [id, count] of counts) scores[id]! -= presencePenalty + frequencyPenalty * count;
  }
  if (noRepeatNgram > 0) {
    const last = ids.length - (noRepeatNgram - 1); // where the n-gram begins that the next id completes
    for (let start = 0; start < last && start + noRepeatNgram <= ids.length; start++) {
      let same = 0;
      while (same < noRepeatNgram - 1 && ids[start + same] === ids[last + same]) same++;
      if (same === noRepeatNgram - 1) scores[ids[start + same]!] = Number.NEGATIVE_INFINITY;
    }
  }
}

/**
 * Ids of the best scores, best first, equal ones by their id: so many that `isEnough`, and perhaps more.
 *
 * Few of a large vocabulary come near the best score, so that only those are sorted.
 *
 * @param isEnough - Of how many there are and of their share of all probability, from 0 to 1.
 */
function leaders(scores: Float32Array, best: number, isEnough: (count: number, share: number) => boolean): number[] {
  const total = Math.exp(logSumExp(scores, best) - best);
  for (let depth = 8; ; depth *= 2) {
    const found: number[] = [];
    let mass = 0;
    for (let id = 0; id < scores.length; id++) {
      if (scores[id]! < best - depth || scores[id] === Number.NEGATIVE_INFINITY) continue;
      found.push(id);
      mass += Math.exp(scores[id]! - best);
    }
    if (depth < 1e6 && !isEnough(found.length, mass / total)) continue;
    return found.sort((a, b) => scores[b]! - scores[a]! || a - b);
  }
}

/** The best ids, best first. */
export function topIds(scores: Float32Array, count: number): number[] {
  const { score } = bestOf("topIds", scores, 0);
  return leaders(scores, score, (found) => found >= count).slice(0, count);
}

/** Leaves the scores of some ids and rules all others out. */
function keepOnly(scores: Float32Array, ids: readonly number[]): void {
  const kept = ids.map((id) => scores[id]!);
  scores.fill(Number.NEGATIVE_INFINITY);
  for (const [i, id] of ids.entries()) scores[id] = kept[i]!;
}

/** The largest float: penalties near 0 would make ∞ of scores. */
const LARGEST = 3.4028234663852886e38;

/** Where quotients come near the end of what floats hold. */
const FAR = 1e30;

/** Scores over a temperature. Very near 0 they would be ∞: then differences from the best are divided, of which only −∞ can come. */
function cool(scores: Float32Array, temperature: number): void {
  const { score: best } = bestOf("filter", scores, 0);
  const from = Math.abs(best) / temperature < FAR ? 0 : best;
  for (let i = 0; i < scores.length; i++) scores[i] = (scores[i]! - from) / temperature;
}

/**
 * Temperature, then the filters in transformers' order: the `topK` best and their equals, the fewest best ones whose probabilities
 * reach `topP` (Holtzman et al. 2020, arXiv:1904.09751, section 3.1), and those of at least `minP` times the best one's probability
 * (Nguyen et al. 2024, arXiv:2407.01082, section 3). The best one always stays.
 */
export function filter(scores: Float32Array, { temperature, topK, topP, minP }: Sampling): void {
  if (temperature !== 1) cool(scores, temperature);
  const { score: best } = bestOf("filter", scores, 0);
  if (topK !== undefined && topK < scores.length) {
    const ids = leaders(scores, best, (count) => count >= topK);
    const least = scores[ids[Math.min(topK, ids.length) - 1]!]!;
    keepOnly(
      scores,
      ids.filter((id) => scores[id]! >= least),
    );
  }
  if (topP < 1) {
    const ids = leaders(scores, best, (_, share) => share >= topP);
    const total = logSumExp(scores, best);
    let mass = 0;
    let count = 0;
    while (count < ids.length && (count === 0 || mass < topP)) mass += Math.exp(scores[ids[count++]!]! - total);
    keepOnly(scores, ids.slice(0, count));
  }
  if (minP > 0) {
    const least = best + Math.log(minP);
    for (let i = 0; i < scores.length; i++) if (scores[i]! < least) scores[i] = Number.NEGATIVE_INFINITY;
  }
}

/**
 * The id at a place of the distribution, `softmax(scores)`.
 *
 * @param place - From 0 up to but without 1.
 */
export function idAt(scores: Float32Array, place: number): number {
  const { id: likeliest, score: best } = bestOf("draw", scores, 0);
  let total = 0;
  for (let i = 0; i < scores.length; i++) total += Math.exp(scores[i]! - best);
  let left = place * total;
  for (let i = 0; i < scores.length; i++) {
    left -= Math.exp(scores[i]! - best);
    if (left < 0) return i;
  }
  return likeliest; // the sums differ by rounding
}
