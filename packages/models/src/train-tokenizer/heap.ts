/** A pair of symbols with places where it stands, and how often it occurred when it was put in. */
export interface Candidate {
  readonly key: number;
  readonly count: number;
  /** Indices of words that hold the pair. */
  readonly places: readonly number[];
}

/** Whether `a` comes before `b`: the more frequent first, of equals the pair of the older symbols. */
function precedes(a: Candidate, b: Candidate): boolean {
  return a.count > b.count || (a.count === b.count && a.key < b.key);
}

/** Adds a candidate to a binary heap, in `O(log n)`. */
export function pushCandidate(heap: Candidate[], candidate: Candidate): void {
  let at = heap.length;
  heap.push(candidate);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!precedes(candidate, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = candidate;
}

/** Takes the first candidate out of a binary heap, in `O(log n)`. */
export function popCandidate(heap: Candidate[]): Candidate | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && precedes(heap[child + 1]!, heap[child]!)) child++;
    if (!precedes(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return first;
}
