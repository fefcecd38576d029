/**
 * Counter-based random bits: word `i` of a key is a function of the key and `i` alone, so that any part of a stream can
 * be made anywhere, in any order, with equal bits.
 */

/** 64 bits that name a stream, as two unsigned 32-bit halves. */
export type Key = readonly [high: number, low: number];

/** A 32-bit finaliser of low bias: every input bit flips every output bit with a probability near one half. */
export function mix(x: number): number {
  let h = x | 0;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  return (h ^ (h >>> 15)) >>> 0;
}

/** Word `index` of the stream `key`, an unsigned 32-bit integer. */
export function word(key: Key, index: number): number {
  return mix(mix((index + key[1]) | 0) ^ key[0]);
}

/** Words `0` to `count - 1` of the stream `key`. */
export function randomBits(key: Key, count: number): Uint32Array {
  const words = new Uint32Array(count);
  for (let i = 0; i < count; i++) words[i] = word(key, i);
  return words;
}

/** A key derived from `key` by a label: equal labels give equal keys, different labels unrelated ones. */
export function deriveKey(key: Key, label: string | number): Key {
  let high = mix(key[0] ^ (typeof label === "number" ? 0x6a09e667 : 0x3c6ef372));
  let low = mix(key[1] ^ high);
  const absorb = (value: number): void => {
    high = mix(high ^ value);
    low = mix((low + high) | 0);
  };
  if (typeof label === "number") {
    absorb(label >>> 0);
    absorb(Math.floor(label / 2 ** 32) >>> 0);
  } else {
    for (let i = 0; i < label.length; i++) absorb(label.charCodeAt(i));
    absorb(label.length);
  }
  return [mix(high ^ low), mix((low + 0x9e3779b9) | 0)];
}
