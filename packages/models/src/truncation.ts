/** Which end a text loses that is too long. */
export type Truncation = "start" | "end";

/**
 * Lengths of two texts cut to `room` tokens together: the longer one gives way first, and where both are longer than
 * half, the room is shared. As the Rust tokenizers library does under its strategy "longest first".
 *
 * @param first - Tokens of the first text.
 * @param second - Tokens of the second text, 0 where there is none.
 * @param room - Tokens that may stay, at least 1.
 */
export function truncatePair(first: number, second: number, room: number): [first: number, second: number] {
  if (first + second <= room) return [first, second];
  const shorter = Math.min(first, second, Math.floor(room / 2));
  return first > second ? [room - shorter, shorter] : [shorter, room - shorter];
}
