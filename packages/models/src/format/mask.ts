/** Which tokens of a vocabulary go on from a state: all are followed at once, in the order of their bytes. */
import type { Recogniser, State } from "./recogniser.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A bit for each id. */
export type Mask = Uint32Array;

/** Which tokens go on inside of a capsule, whatever stands behind it; and which leave it, by their places. */
interface Inside {
  readonly mask: Mask;
  readonly leaving: readonly number[];
}

/**
 * Bytes within which counts of a capsule matter. Longer tokens, which are few, are followed from the whole state: so a string of 60
 * characters at most has few states in which masks differ.
 */
const REACH = 16;

/** Masks that are remembered. */
const MOST = 1000;

function put(mask: Mask, id: number): void {
  mask[id >>> 5]! |= 1 << (id & 31);
}

/** Rules out the ids that are not in a mask; tells whether any is. */
export function keepOnly(scores: Float32Array, mask: Mask): boolean {
  let isAny = false;
  for (let word = 0; word < mask.length; word++) {
    const bits = mask[word]!;
    if (bits !== 0) isAny = true;
    if (bits === 0xffffffff) continue;
    const end = Math.min(scores.length, (word + 1) * 32);
    for (let id = word * 32; id < end; id++) if ((bits & (1 << (id & 31))) === 0) scores[id] = Number.NEGATIVE_INFINITY;
  }
  return isAny;
}

/**
 * Follows every token from a state.
 *
 * @param onLeaving - Of a state inside of a capsule: called for the place of each token that passes its end and does not go on without it,
 *   and of those that are longer than counts reach.
 */
function scan(
  { step }: Recogniser,
  start: State,
  { ids, texts, shared }: Vocabulary,
  mask: Mask,
  onLeaving?: (place: number) => void,
): void {
  const states: State[] = [start];
  let deadAt = Number.POSITIVE_INFINITY; // bytes behind which nothing goes on
  let passed = Number.POSITIVE_INFINITY; // bytes behind which an end was passed
  for (let place = 0; place < texts.length; place++) {
    const text = texts[place]!;
    const same = shared[place]!;
    if (same < deadAt) {
      deadAt = Number.POSITIVE_INFINITY;
      if (passed >= same) passed = Number.POSITIVE_INFINITY;
      for (let at = same; at < text.length; at++) {
        const state = states[at]!;
        if (state.isEnd && at < passed) passed = at;
        const next = step(state, text[at]!);
        if (next === null) {
          deadAt = at + 1;
          break;
        }
        states[at + 1] = next;
      }
    }
    const isDead = deadAt <= text.length;
    if (onLeaving === undefined) {
      if (!isDead) put(mask, ids[place]!);
    } else if (isDead && deadAt <= REACH && passed >= deadAt) {
      // no text of the capsule, whatever stands behind it
    } else if (isDead || text.length > REACH || states[text.length]!.open.length === 0) {
      onLeaving(place); // what ends exactly with the capsule has left it too
    } else put(mask, ids[place]!);
  }
}

/** The masks of one recogniser over one vocabulary. */
export function masksOf(recogniser: Recogniser, vocabulary: Vocabulary): (state: State) => Mask {
  const { step, inside } = recogniser;
  const whole = new Map<State, Mask>();
  const parts = new Map<State, Inside>();
  const empty = (): Mask => new Uint32Array(Math.ceil(vocabulary.size / 32));

  function partOf(state: State): Inside {
    let found = parts.get(state);
    if (found === undefined) {
      const mask = empty();
      const leaving: number[] = [];
      scan(recogniser, state, vocabulary, mask, (place) => leaving.push(place));
      found = { mask, leaving };
      if (parts.size >= MOST) parts.clear();
      parts.set(state, found);
    }
    return found;
  }

  /** Whether a token goes on from a state. */
  function fits(state: State, text: Uint8Array): boolean {
    let here: State | null = state;
    for (let at = 0; at < text.length && here !== null; at++) here = step(here, text[at]!);
    return here !== null;
  }

  return (state) => {
    const known = whole.get(state);
    if (known !== undefined) return known;
    const mask = empty();
    const short = inside(state, REACH);
    if (short === undefined) scan(recogniser, state, vocabulary, mask);
    else {
      const part = partOf(short);
      mask.set(part.mask);
      for (const place of part.leaving) {
        if (fits(state, vocabulary.texts[place]!)) put(mask, vocabulary.ids[place]!);
      }
    }
    if (whole.size >= MOST) whole.clear();
    whole.set(state, mask);
    return mask;
  };
}
