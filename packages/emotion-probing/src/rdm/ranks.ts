/** Ranks from 1; equal values share the mean of theirs, NaN stays NaN. */
export function ranksOf(values: ArrayLike<number>): Float64Array {
  const places = Uint32Array.from({ length: values.length }, (_, i) => i).filter((i) => !Number.isNaN(values[i]!));
  places.sort((a, b) => values[a]! - values[b]!);
  const ranks = new Float64Array(values.length).fill(Number.NaN);
  for (let from = 0; from < places.length; ) {
    let to = from + 1;
    while (to < places.length && values[places[to]!]! === values[places[from]!]!) to++;
    for (let i = from; i < to; i++) ranks[places[i]!] = (from + to + 1) / 2;
    from = to;
  }
  return ranks;
}

/** Places that a key has room for beside the 32 bits of its value. */
const PLACES = 2 ** 20;

/**
 * The same for many lists of 32-bit floats of one length: a value's bits, turned so that they order as the value does, and its place make
 * one number, and numbers without a comparing function are sorted several times as fast.
 */
export function rankFloats(length: number): (values: Float32Array) => Float64Array {
  const keys = new Float64Array(length);
  const float = new Float32Array(1);
  const bits = new Uint32Array(float.buffer);
  const codeOf = (key: number): number => Math.floor(key / PLACES);
  return (values) => {
    if (length > PLACES || values.some(Number.isNaN)) return ranksOf(values);
    for (let i = 0; i < length; i++) {
      float[0] = values[i]! + 0; // −0 is 0
      const code = bits[0]!;
      keys[i] = (code >>> 31 === 1 ? ~code >>> 0 : (code | 0x80000000) >>> 0) * PLACES + i;
    }
    keys.sort();
    const ranks = new Float64Array(length);
    for (let from = 0; from < length; ) {
      const value = codeOf(keys[from]!);
      let to = from + 1;
      while (to < length && codeOf(keys[to]!) === value) to++;
      for (let i = from; i < to; i++) ranks[keys[i]! % PLACES] = (from + to + 1) / 2;
      from = to;
    }
    return ranks;
  };
}
