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

/** Masks that are remembered. */
const MOST = 1000;

function put(mask: Mask, id: number): void {
  mask[id >>> 5]! |= 1 << (id & 31);
}

export const isIn = (mask: Mask, id: number): boolean => (mask[id >>> 5]! & (1 << (id & 31))) !== 0;

/**
 * Follows every token from a state.
 *
 * @param onLeaving - Called for the place of each token that passes an end on its way and does not go on without it.
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
    // What ends exactly with the capsule has left it too.
    if (!isDead && states[text.length]!.open.length > 0) put(mask, ids[place]!);
    else if (onLeaving === undefined) {
      if (!isDead) put(mask, ids[place]!);
    } else if (!isDead || passed < deadAt) onLeaving(place);
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
    const short = inside(state, vocabulary.longest);
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
