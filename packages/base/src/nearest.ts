/** Lower case, without the marks that tell `learning_rate` from `learningRate`. */
function simplify(word: string): string {
  return word.toLowerCase().replace(/[\s_.-]/g, "");
}

/** Number of insertions, deletions, replacements and swaps of neighbours between two words. `O(length²)`. */
function editDistance(a: string, b: string): number {
  const width = b.length + 1;
  const table = new Uint16Array((a.length + 1) * width);
  for (let i = 0; i <= a.length; i++) {
    for (let j = 0; j <= b.length; j++) {
      const at = i * width + j;
      if (i === 0 || j === 0) {
        table[at] = i + j;
        continue;
      }
      const isSame = a[i - 1] === b[j - 1];
      let least = Math.min(table[at - width]! + 1, table[at - 1]! + 1, table[at - width - 1]! + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, table[at - 2 * width - 2]! + 1);
      }
      table[at] = least;
    }
  }
  return table[a.length * width + b.length]!;
}

/**
 * The candidate that a mistyped word most likely means, or `undefined` when none is near: at most a third of its letters
 * may differ. Case, `_`, `-`, `.` and spaces do not count, so `learning_rate` finds `learningRate`.
 *
 * @example
 * nearest("rnak", ["rank", "alpha"]); // "rank"
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const simple = simplify(word);
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const other = simplify(candidate);
    const allowed = Math.floor(Math.max(simple.length, other.length) / 3);
    if (Math.abs(simple.length - other.length) > Math.min(allowed, least)) continue;
    const distance = editDistance(simple, other);
    if (distance <= allowed && distance < least) [best, least] = [candidate, distance];
  }
  return best;
}
