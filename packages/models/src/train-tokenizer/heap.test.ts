import fc from "fast-check";
import { expect, test } from "vitest";
import { type Candidate, popCandidate, pushCandidate } from "./heap.ts";

test("candidates come out by count, then by key", () => {
  const record = fc.record({ key: fc.nat(9), count: fc.nat(5), places: fc.constant([]) });
  fc.assert(
    fc.property(fc.array(record), (candidates) => {
      const heap: Candidate[] = [];
      for (const candidate of candidates) pushCandidate(heap, candidate);
      const out = candidates.map(() => popCandidate(heap));
      expect(out).toEqual(candidates.toSorted((a, b) => b.count - a.count || a.key - b.key));
      expect(popCandidate(heap)).toBeUndefined();
    }),
  );
});
