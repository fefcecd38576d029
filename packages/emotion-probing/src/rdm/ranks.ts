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
